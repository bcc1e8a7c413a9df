import * as fc from "fast-check";
import { expect, test } from "vitest";
import { resolveAtRest } from "../../src/core/at-rest.ts";
import { SealError, Vault } from "../../src/core/seal.ts";
import { SessionError, type SessionId, type SessionRecord, Token } from "../../src/index.ts";
import { keyOf } from "../support/at-rest.ts";

const A = keyOf("a");
const B = keyOf("b");
const name = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" });
const text = fc.string({ maxLength: 200, unit: "grapheme" });
const fields = fc.dictionary(name, text, { maxKeys: 6 });
const id = fc.noShrink(fc.constant(null)).map(() => Token.mint().id);

function vault(...keys: readonly (typeof A)[]): Vault {
  const { seal } = resolveAtRest({ keys }, undefined);
  if (seal === null) throw new Error("no seal");
  return new Vault(seal);
}

function recordOf(given: SessionId, stored: Readonly<Record<string, string>>): SessionRecord {
  const times = { createdAt: 0, accessedAt: 0, expiresAt: 1, endsAt: 1 };
  return { id: given, epoch: 1, version: 1, secretHash: "", labels: [], fields: stored, ...times };
}

/** What opening comes to: the fields, or why there are none. */
function openedBy(keys: Vault, given: SessionId, stored: Readonly<Record<string, string>>): unknown {
  try {
    return keys.open(recordOf(given, stored)).fields;
  } catch (error) {
    if (error instanceof SealError) return error.fault.seal;
    if (SessionError.is(error)) return error.code;
    throw error;
  }
}

test("what was sealed opens as it was, under any order of the keys, and no text is seen in it", () => {
  fc.assert(
    fc.property(id, fields, (given, plain) => {
      const sealed = vault(A, B).seal(given, plain);
      expect(Object.keys(sealed)).toEqual(Object.keys(plain));
      for (const one of Object.values(sealed)) expect(one).toMatch(/^sealed\.1\.a\.[\w-]+$/);
      expect(openedBy(vault(A, B), given, sealed)).toEqual(plain);
      expect(openedBy(vault(B, A), given, sealed)).toEqual(plain);
    }),
  );
});

test("under a ring without its key it is an outage; under another key of that id it is broken", () => {
  fc.assert(
    fc.property(id, name, text, (given, field, value) => {
      const sealed = vault(A).seal(given, { [field]: value });
      expect(openedBy(vault(B), given, sealed)).toBe("ERR_SESSION_FORMAT");
      expect(openedBy(vault({ ...B, id: "a" }), given, sealed)).toBe("broken");
    }),
  );
});

test("no sealed text opens in the place of another: of another session, name or key", () => {
  fc.assert(
    fc.property(id, id, name, name, text, (mine, theirs, one, other, value) => {
      fc.pre(one !== other);
      const sealed = vault(A).seal(mine, { [one]: value })[one] ?? "";
      expect(openedBy(vault(A), theirs, { [one]: sealed })).toBe("broken");
      expect(openedBy(vault(A), mine, { [other]: sealed })).toBe("broken");
      const relabelled = sealed.replace("sealed.1.a.", "sealed.1.b.");
      expect(openedBy(vault(A, B), mine, { [one]: relabelled })).toBe("broken");
    }),
  );
});

test("no change of a sealed text goes unseen, and no text at all makes opening throw anything else", () => {
  const change = fc.record({ at: fc.nat(), bit: fc.integer({ min: 0, max: 7 }) });
  fc.assert(
    fc.property(id, text, change, (given, value, { at, bit }) => {
      const sealed = vault(A).seal(given, { x: value })["x"] ?? "";
      const head = "sealed.1.a.";
      const bytes = Buffer.from(sealed.slice(head.length), "base64url");
      const index = at % bytes.length;
      bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
      expect(openedBy(vault(A), given, { x: head + bytes.toString("base64url") })).toBe("broken");
      for (const cut of [0, 1, 11, 12, 27, 28, bytes.length - 1])
        expect(openedBy(vault(A), given, { x: head + bytes.subarray(0, cut).toString("base64url") })).toBe(
          "broken",
        );
    }),
  );
  const garbage = fc.oneof(
    text,
    fc.tuple(fc.constantFrom("sealed.", "sealed.1.", "sealed.1.a.", "sealed.9.a."), text),
  );
  fc.assert(
    fc.property(id, garbage, (given, given2) => {
      const stored = [given2].flat().join("");
      expect(["broken", "missing", "ERR_SESSION_FORMAT"]).toContain(openedBy(vault(A), given, { x: stored }));
    }),
  );
});
