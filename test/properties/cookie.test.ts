import * as fc from "fast-check";
import { expect, test } from "vitest";
import { cookieValues, serializeCookie, Token } from "../../src/index.ts";
import { tokensOf } from "../../src/core/load.ts";
import { Events } from "../../src/core/events.ts";

const name = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/);
const value = fc.stringMatching(/^[!#-+\--:<-[\]-~]{0,80}$/);
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array).toString("latin1"));
const line = fc.oneof(
  bytes,
  fc.string({ unit: "binary" }),
  fc
    .array(fc.constantFrom("sid=", "sid", ";", "=", " ", "\t", '"', "\u00a0", "x"), { maxLength: 30 })
    .map((parts) => parts.join("")),
);

test("the cookies of a request may be any bytes: they are read, and nothing throws", () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 4 }), (lines) => {
      const values = cookieValues(lines, "sid");
      for (const found of values) {
        expect(found).not.toContain(";");
        expect(lines.some((one) => one.includes(`sid=`) && one.includes(found))).toBe(true);
      }
      expect(tokensOf(values, new Events(), null).length).toBeLessThanOrEqual(3);
    }),
    { numRuns: 2000 },
  );
});

test("what a cookie was set to is what the request brings, wherever it stands among others", () => {
  const cookie = fc.record({ name, value });
  fc.assert(
    fc.property(cookie, fc.array(cookie, { maxLength: 5 }), fc.nat(5), (mine, others, at) => {
      fc.pre(others.every((other) => other.name !== mine.name));
      const set = serializeCookie({
        ...mine,
        path: "/",
        secure: true,
        httpOnly: true,
        sameSite: "Lax",
        partitioned: false,
      });
      const sent = others.map((other) => `${other.name}=${other.value}`);
      sent.splice(at, 0, set.split(";")[0] ?? "");
      expect(cookieValues([sent.join("; ")], mine.name)).toEqual([mine.value]);
      expect(cookieValues(sent, mine.name)).toEqual([mine.value]);
    }),
    { numRuns: 1000 },
  );
});

test("a name finds exactly the pairs that a plain reading of the grammar gives", () => {
  const part = fc.oneof(
    fc.constantFrom("sid=a", " sid=b\t", "\u00a0sid=c", "xsid=d", "sid", "SID=e", "sid==f", ""),
    bytes,
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const text = parts.join(";");
      const expected = text.split(";").flatMap((pair) => {
        const match = /^[ \t]*sid=([^]*)$/.exec(pair);
        return match === null ? [] : [(match[1] ?? "").replace(/^[ \t]+|[ \t]+$/g, "")];
      });
      expect(cookieValues([text], "sid")).toEqual(expected);
    }),
    { numRuns: 2000 },
  );
});

test("any text is a token or nothing, and what is one reveals itself", () => {
  const nearly = fc.stringMatching(/^[A-Za-z0-9_=+/-]{54,58}$/);
  fc.assert(
    fc.property(fc.oneof(nearly, fc.string({ unit: "binary" })), (text) => {
      const token = Token.parse(text);
      expect(token !== null).toBe(/^[A-Za-z0-9_-]{56}$/.test(text) && text.length === 56);
      if (token === null) return;
      expect(token.reveal()).toBe(text);
      expect(String(token)).not.toContain(text.slice(24));
    }),
    { numRuns: 2000 },
  );
});

test("a mask unmasks to the successor it was made of, for the token it was made for", () => {
  const token = fc.stringMatching(/^[A-Za-z0-9_-]{56}$/).map((text) => Token.parse(text) as Token);
  const secret = fc.stringMatching(/^[A-Za-z0-9_-]{32}$/);
  fc.assert(
    fc.property(token, secret, fc.oneof(secret, fc.string()), (current, successor, garbage) => {
      const next = Token.parse(current.id + successor) as Token;
      const mask = current.maskSuccessor(next);
      expect(current.unmaskSuccessor(mask).reveal()).toBe(next.reveal());
      expect(next.unmaskSuccessor(mask).reveal() === next.reveal()).toBe(next.reveal() === current.reveal());
      expect(Token.parse(current.unmaskSuccessor(garbage).reveal())?.id).toBe(current.id);
    }),
    { numRuns: 1000 },
  );
});
