import { createHash } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import { flashes, unseen, withFlashes } from "../../src/core/flash.ts";
import { Events } from "../../src/core/events.ts";
import { tokensOf } from "../../src/core/load.ts";
import {
  cookieValues,
  jsonCodec,
  judgeRecord,
  keepPrivate,
  parseSessionId,
  type SessionRecord,
  Token,
} from "../../src/index.ts";
import { judgeHash } from "../../src/stores/redis/meta.ts";
import { codeOf, done, noUnhandledRejections, recordsOf, rig, seen, stored, visit } from "../races/rig.ts";
import { Coverage } from "../fuzz/coverage.ts";
import { COOKIE, served } from "./support.ts";

noUnhandledRejections();

const coverage = new Coverage();
afterAll(() => coverage.stop());

/** How often blocks of the library's code are entered while something is done: work, counted by the engine itself. */
async function workOf(deed: () => unknown): Promise<number> {
  coverage.work();
  await deed();
  return coverage.work();
}

/** Ten times the input is ten times the work, and no more than half of that again; what no loop touches is less. */
async function growsLikeItsInput(deed: (size: number) => unknown, size = 200): Promise<void> {
  await deed(size);
  const [small, large] = [await workOf(() => deed(size)), await workOf(() => deed(size * 10))];
  expect(small).toBeGreaterThan(0);
  expect(large / small).toBeLessThan(15);
}

const LINES: Readonly<Record<string, (size: number) => string>> = {
  "cookies of the session's name": (size) => `${COOKIE}=${"A".repeat(56)}; `.repeat(size),
  "different cookies of the session's name": (size) =>
    Array.from({ length: size }, (_, i) => `${COOKIE}=${String(i).padStart(56, "A")}`).join("; "),
  "cookies of other names": (size) =>
    Array.from({ length: size }, (_, i) => `c${i}=v`).join("; ") + `; ${COOKIE}=x`,
  semicolons: (size) => `${COOKIE}=x${";".repeat(size * 10)}`,
  blanks: (size) => `${COOKIE}=${" \t".repeat(size * 10)}x${" ".repeat(size * 10)}`,
  quotes: (size) => `${COOKIE}=${'"\\'.repeat(size * 10)}`,
  "equal signs": (size) => `${"=".repeat(size * 10)}${COOKIE}=${"=".repeat(size * 10)}`,
  "the name again and again": (size) => COOKIE.repeat(size),
  "one value of 64 KiB": (size) => `${COOKIE}=${"A".repeat(size * 32)}`,
};

describe("a Cookie header", () => {
  for (const [name, line] of Object.entries(LINES)) {
    test(`of ${name} costs no more than its length, opens nothing, and asks no store`, async () => {
      await growsLikeItsInput((size) => tokensOf(cookieValues([line(size)], COOKIE), new Events(), null));
      const where = rig();
      const one = await visit(where, line(2000));
      expect(one.session.isNew).toBe(true);
      await one.finish();
      // The same token again and again is one token, which may be asked for once.
      const reads = where.faulty.calls.filter(({ operation }) => operation !== "setup");
      expect(reads.length).toBeLessThanOrEqual(name === "cookies of the session's name" ? 1 : 0);
      expect(where.of("rejected").length).toBeLessThanOrEqual(1);
      expect(one.exchange.cookies).toEqual([]);
    });
  }

  test("of many lines is read by each line once", async () => {
    await growsLikeItsInput((size) =>
      cookieValues(
        Array.from({ length: size }, () => "a=b; c=d"),
        COOKIE,
      ),
    );
    await growsLikeItsInput((size) =>
      cookieValues(
        Array.from({ length: size }, () => `${COOKIE}=d`),
        COOKIE,
      ),
    );
  });

  test("of 14 KiB over a socket is answered as any other", async () => {
    const { app } = await served();
    const login = (await app.send("/login?user=ann")).cookies[0]?.split(";")[0] ?? "";
    for (const line of Object.values(LINES)) {
      const cookie = line(2000).slice(0, 14_000);
      const reply = await app.send("/who", { headers: [["Cookie", cookie]] });
      expect([reply.status, reply.body]).toEqual([200, "nobody"]);
    }
    const others = Array.from({ length: 1000 }, (_, i) => `c${i}=v`).join("; ");
    expect((await app.send("/who", { headers: [["Cookie", `${others}; ${login}`]] })).body).toBe("ann");
  });
});

describe("what a store holds", () => {
  test("form tokens: as many as there can be are looked at, whatever is stored", async () => {
    const where = rig({ maxRecordBytes: 10_000_000 });
    const cookie = await stored(where);
    const [record] = (await recordsOf(where)) as [SessionRecord];
    const tokens = Array.from({ length: 40 }, (_, i) => String(i).padStart(22, "A"));
    // What is stored of one is a hash; there are more than any session could have been given.
    const hashes = tokens.map((token) =>
      createHash("sha256").update(`holdfast form ${token}`).digest("base64url"),
    );
    const kept = [
      ...Array.from({ length: 100_000 }, () => "A".repeat(22)),
      ...hashes.map((hash) => hash.slice(0, 22)),
    ];
    const { epoch, accessedAt, expiresAt } = record;
    const change = {
      now: where.clock.now(),
      epoch,
      set: { "~form": JSON.stringify(kept) },
      accessedAt,
      expiresAt,
    };
    await where.store.update(record.id, change, { signal: new AbortController().signal });
    const { session, finish } = await visit(where, cookie);
    session.hasFormToken("x");
    const work = await workOf(() => session.hasFormToken(tokens[0]));
    expect(work).toBeGreaterThan(0);
    expect(work).toBeLessThan(2000);
    expect(session.hasFormToken(tokens[0])).toBe(false);
    expect(session.removeFormToken(tokens.at(-1))).toBe(true);
    await finish();
    const [after] = (await recordsOf(where)) as [SessionRecord];
    expect((JSON.parse(after.fields["~form"] ?? "[]") as string[]).length).toBeLessThanOrEqual(32);
  });

  test("flashes: messages and kinds cost as much as there are of them", async () => {
    const messages = (size: number): string[] => Array.from({ length: size }, (_, i) => `message ${i}`);
    await growsLikeItsInput((size) => {
      const all = messages(size);
      // The other way round: where each was looked for in a list, that was the square of their number.
      return unseen(all, all.map((message) => jsonCodec.encode(message)).toReversed());
    });
    await growsLikeItsInput((size) => {
      const kinds = Object.fromEntries(messages(size).map((kind) => [kind, [1]]));
      return flashes(withFlashes(kinds, "message 1", [1, 2]), "message 1");
    });
  });

  test("unseen leaves each message that was not shown, as often as it is there", () => {
    const texts = (...all: unknown[]): string[] => all.map((one) => jsonCodec.encode(one));
    expect(unseen(["a", "b", "a", "c"], texts("a"))).toEqual(["b", "a", "c"]);
    expect(unseen(["a", "a"], texts("a", "a", "a"))).toEqual([]);
    expect(unseen([{ a: 1 }, "x"], texts("x", { a: 2 }))).toEqual([{ a: 1 }]);
  });

  test("records: fields, labels and deep texts", async () => {
    const base = { id: "A".repeat(24), epoch: 1, version: 1, secretHash: "", labels: [] as string[] };
    const times = { createdAt: 1, accessedAt: 1, expiresAt: 2, endsAt: 2 };
    await growsLikeItsInput((size) => {
      const fields = Object.fromEntries(Array.from({ length: size }, (_, i) => [`f${i}`, "1"]));
      const labels = Array.from({ length: size }, (_, i) => `l${i}`);
      return judgeRecord({ ...base, ...times, labels, fields });
    });
    await growsLikeItsInput((size) => {
      const labels = Array.from({ length: size }, (_, i) => ` l${i}`).join("");
      return judgeHash(base.id as never, ["=", `1 1 1 1 1 2 2 - x${labels};`]);
    });
    await growsLikeItsInput(
      (size) => orNothing(() => jsonCodec.decode(`${"[".repeat(size)}${"]".repeat(size)}`)),
      600,
    );
    await growsLikeItsInput((size) =>
      jsonCodec.decode(JSON.stringify(Array.from({ length: size }, (_, i) => [i]))),
    );
    await growsLikeItsInput((size) =>
      jsonCodec.encode(Array.from({ length: size }, (_, i) => ({ i, at: new Date(i) }))),
    );
  });

  test("many labels, many fields: a login and a page with them take a number of store calls that does not grow with the fields", async () => {
    const where = rig();
    // As many as a session may have, with that of its user.
    const labels = Array.from({ length: 15 }, (_, i) => `project:${i}`);
    const cookie = await done(where, undefined, (session) => {
      session.login("ann", { labels });
      for (let i = 0; i < 1000; i += 1) session.set(`f${i}`, i);
    });
    expect(where.faulty.calls.length).toBeLessThanOrEqual(2 + 2 * 16);
    where.faulty.forget();
    const one = await visit(where, cookie);
    for (let i = 0; i < 1000; i += 1) one.session.set(`f${i}`, i + 1);
    await one.finish();
    expect(where.faulty.calls.map(({ operation }) => operation)).toEqual(["read", "update"]);
    expect(Object.keys((await seen(where, cookie)) ?? {})).toHaveLength(1000);
  });

  test("a value that contains itself, or is nested without end, is refused and not walked for ever", async () => {
    const where = rig();
    const endless: unknown[] = [];
    endless.push(endless);
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i += 1) deep = [deep];
    for (const value of [endless, deep, { a: deep }, new Map([[deep, deep]])]) {
      const one = await visit(where);
      one.session.set("value", value);
      expect(await codeOf(one.finish())).toBe("ERR_SESSION_VALUE");
    }
  });
});

describe("other texts of a client", () => {
  test("tokens, ids and headers cost no more than their length", async () => {
    await growsLikeItsInput((size) => [Token.parse("A".repeat(size)), parseSessionId("A".repeat(size))]);
    await growsLikeItsInput((size) => {
      let control = 'private="a", '.repeat(size) + '"'.repeat(size);
      keepPrivate({ responseHeader: () => control, setResponseHeader: (_, value) => void (control = value) });
    });
  });

  test("a path of slashes costs its length where cookies are for the mount", async () => {
    const where = rig({ cookie: { path: "mount" } });
    await growsLikeItsInput(async (size) => {
      const one = await visit(where, undefined, { mountPath: `${"/".repeat(size * 20)}x` });
      one.session.set("a", 1);
      await one.finish();
      expect(one.exchange.cookies[0]?.path.length).toBe(size * 20 + 2);
    });
  });
});

function orNothing(work: () => unknown): void {
  try {
    work();
  } catch {
    // It may be refused: what that costs is the question.
  }
}
