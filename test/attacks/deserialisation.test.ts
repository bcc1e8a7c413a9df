import { describe, expect, test, vi } from "vitest";
import { type Codec, jsonCodec, type SessionRecord, Token } from "../../src/index.ts";
import { codeOf, done, loggedIn, recordsOf, rig, type Rig, seen, stored, visit } from "../races/rig.ts";
import { COOKIE } from "./support.ts";

const CALL = { signal: new AbortController().signal };

/** Puts a text where a field is, as somebody does who can write to the store. */
async function planted(where: Rig, cookie: string, fields: Readonly<Record<string, string>>): Promise<void> {
  const [record] = (await recordsOf(where)) as [SessionRecord];
  const { epoch, accessedAt, expiresAt } = record;
  const outcome = await where.store.update(
    record.id,
    { now: where.clock.now(), epoch, set: fields, accessedAt, expiresAt },
    CALL,
  );
  expect([outcome.kind, cookie.length > 0]).toEqual(["done", true]);
}

/** What would run, or make an object of a class, in a format that does either. */
const GADGETS: readonly string[] = [
  '~{"~":"Function","=":"return process"}',
  '~{"~":"Buffer","=":"AAAA"}',
  '~{"~":"constructor","=":["x"]}',
  '~{"~":"__proto__","=":{}}',
  '~{"~":["Date"],"=":0}',
  '~{"~":null,"=":0}',
  '~{"~":"Map","=":[1,2]}',
  '~{"~":"bigint","=":"1e9"}',
  '~{"~":"URL","=":"not a url"}',
  '{"rce":"_$$ND_FUNC$$_function(){process.exit()}()"',
  'O:8:"Gadget":1:{s:1:"a";i:1;}',
  "\x80\x04\x95cposix\nsystem\n",
  "rO0ABXNyABdqYXZhLnV0aWw=",
  `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
  `~${"[".repeat(100_000)}${"]".repeat(100_000)}`,
  `~${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`,
];

describe("row 13: what is stored is data, and never code or an object of a class (CVE-2013-7489, GHSA-5v4m-c73v-c7gq, CVE-2025-54236)", () => {
  test("a planted text is a field that is not there, breaks no request that reads it, and is overwritten like any other", async () => {
    for (const text of GADGETS) {
      const where = rig({ maxRecordBytes: 10_000_000 });
      const cookie = await stored(where, { fine: 1 });
      await planted(where, cookie, { bad: text });
      const one = await visit(where, cookie);
      expect({ ...one.session.data, bad: one.session.data.bad }, text.slice(0, 40)).toEqual({
        fine: 1,
        bad: undefined,
      });
      await one.finish();
      await done(where, cookie, (session) => void session.set("bad", "mended"));
      expect(await seen(where, cookie)).toEqual({ fine: 1, bad: "mended" });
    }
  });

  test("what can be read can be stored again: nobody is kept from finishing by having looked", async () => {
    for (const depth of [499, 500, 501, 502, 600]) {
      for (const text of [
        `${"[".repeat(depth)}${"]".repeat(depth)}`,
        `~${"[".repeat(depth)}1${"]".repeat(depth)}`,
      ]) {
        const where = rig();
        const cookie = await stored(where);
        await planted(where, cookie, { deep: text });
        const one = await visit(where, cookie);
        void one.session.data.deep;
        void one.session.flash("x");
        await one.finish();
        const frozen = await visit(where, cookie, { readOnly: "a server component" });
        void frozen.session.data.deep;
        await frozen.finish();
      }
    }
  });

  test("keys that are prototypes elsewhere are keys, in data, flashes and what the library keeps", async () => {
    const where = rig();
    const cookie = await stored(where);
    await planted(where, cookie, {
      evil: '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}',
      "~flash": '{"__proto__":["x"],"constructor":["y"],"toString":1}',
      "~auth": '{"__proto__":{"user":"root","at":1}}',
      "~device": '{"__proto__":{"address":"x"}}',
    });
    const { session } = await visit(where, cookie);
    const evil = session.data.evil as Record<string, unknown>;
    expect([evil["isAdmin"], session.user, session.remoteAddress]).toEqual([undefined, null, null]);
    expect(session.flash("toString")).toEqual([]);
    expect(session.flash("valueOf")).toEqual([]);
    expect(({} as Record<string, unknown>)["isAdmin"]).toBeUndefined();
  });

  test("a record over the limit is refused before any store sees it, by any field", async () => {
    const where = rig({ maxRecordBytes: 2048 });
    const cookie = await stored(where);
    where.faulty.forget();
    const one = await visit(where, cookie);
    one.session.set("big", "x".repeat(3000));
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_LIMIT");
    expect(where.faulty.calls.map(({ operation }) => operation)).toEqual(["read"]);
  });
});

describe("row 6: what one decoder refuses, no weaker one is asked for (CVE-2026-39324)", () => {
  const key = "ZEj3jxeUMf2UBqlt0MhMqiBTEbYX4GlnMfzt7D3U7gE";

  test("a field in plain JSON where fields are sealed makes the whole session none, and is told of", async () => {
    const where = rig({ seal: { keys: [{ id: "k1", key }] } });
    const cookie = await loggedIn(where, "ann", { role: "user" });
    for (const planting of [{ role: '"admin"' }, { "~auth": '{"user":"root","at":1,"methods":[]}' }]) {
      const again = rig({ store: where.store, seal: { keys: [{ id: "k1", key }] } });
      await planted(where, cookie, planting);
      expect(await seen(again, cookie)).toBeNull();
      expect(again.of("corrupt")).toMatchObject([{ seal: "missing" }]);
    }
  });

  test("a sealed text of another field or session opens nothing", async () => {
    const where = rig({ seal: { keys: [{ id: "k1", key }] } });
    const cookie = await loggedIn(where, "ann", { mine: "admin", role: "user" });
    const [record] = (await recordsOf(where)) as [SessionRecord];
    await planted(where, cookie, { role: record.fields["mine"] ?? "" });
    expect(await seen(where, cookie)).toBeNull();
    expect(where.of("corrupt")).toMatchObject([{ seal: "broken" }]);
  });

  // Any codec that checks what it reads has the same.
  const sealed: Codec = {
    encode: (value) => `sealed:${jsonCodec.encode(value)}`,
    decode(text) {
      if (!text.startsWith("sealed:")) throw new Error("not sealed");
      return jsonCodec.decode(text.slice(7));
    },
  };

  test("a field in plain JSON under a codec that seals is not there", async () => {
    const where = rig({ codec: sealed });
    const cookie = await stored(where, { role: "user" });
    await planted(where, cookie, { role: '"admin"', other: '"sealed:"' });
    expect(await seen(where, cookie)).toEqual({ role: undefined, other: undefined });
    expect(where.of("invalid").map(({ field }) => field)).toEqual(["role", "other"]);
  });

  test("a cookie that is no token is decoded in no other way", async () => {
    const where = rig();
    const json = JSON.stringify({ user: "root", passport: { user: "root" } });
    for (const value of [
      json,
      encodeURIComponent(json),
      Buffer.from(json).toString("base64"),
      `j:${json}`,
      `s:${"A".repeat(56)}.sig`,
      `eyJhbGciOiJub25lIn0.${Buffer.from(json).toString("base64url")}.`,
    ]) {
      const { session } = await visit(where, `${COOKIE}=${value}`);
      expect([session.isNew, session.user]).toEqual([true, null]);
    }
  });
});

describe("row 14: no secret is a default, derived, or of a clock (CVE-2012-3458, CVE-2021-29481)", () => {
  test("tokens are random where time and Math.random stand still, and differ between managers of the same options", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    vi.spyOn(Date, "now").mockReturnValue(0);
    try {
      const cookies = await Promise.all(Array.from({ length: 50 }, () => loggedIn(rig())));
      expect(new Set(cookies.map((cookie) => cookie.slice(-32))).size).toBe(50);
      expect(new Set(cookies.map((cookie) => cookie.slice(-56, -32))).size).toBe(50);
    } finally {
      vi.restoreAllMocks();
    }
  });

  test("a key for what is at rest is 32 bytes that are given, or the manager is not made", () => {
    for (const key of [
      "",
      "secret",
      "x".repeat(43),
      "A".repeat(43),
      new Uint8Array(32),
      new Uint8Array(16),
      undefined,
      Date.now(),
    ])
      for (const option of ["seal", "pepper"])
        expect(() => rig({ [option]: { keys: [{ id: "k1", key }] } } as never)).toThrow(/key/);
  });

  test("two fields that are alike are not alike where they are sealed, nor is one that is stored twice", async () => {
    const key = "ZEj3jxeUMf2UBqlt0MhMqiBTEbYX4GlnMfzt7D3U7gE";
    const where = rig({ seal: { keys: [{ id: "k1", key }] } });
    const text = "a".repeat(64);
    const cookie = await stored(where, { one: text, two: text });
    const texts = new Set<string>();
    for (let time = 0; time < 5; time += 1) {
      const [record] = (await recordsOf(where)) as [SessionRecord];
      for (const name of ["one", "two"]) texts.add(record.fields[name] ?? "");
      await done(where, cookie, (session) => {
        session.set("one", `${text}${time}`);
        session.set("two", `${text}${time}`);
      });
    }
    expect(texts.size).toBe(10);
    const blocks = [...texts].flatMap((sealed) => sealed.slice(-64).match(/.{16}/g) ?? []);
    expect(new Set(blocks).size).toBe(blocks.length);
  });

  test("a secret has 192 bits, and its characters are even", () => {
    const counts = new Map<string, number>();
    for (let time = 0; time < 2000; time += 1)
      for (const letter of Token.mint().reveal()) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    expect(counts.size).toBe(64);
    const expected = (2000 * 56) / 64;
    for (const count of counts.values()) expect(Math.abs(count - expected) / expected).toBeLessThan(0.2);
  });

  test("a mask of a successor opens nothing for who knows the store alone", async () => {
    const where = rig({ rotateEvery: "10m" });
    const first = await loggedIn(where);
    where.clock.advance(700_000);
    await done(where, first, () => undefined);
    const [record] = (await recordsOf(where)) as [SessionRecord];
    const { mask = "", previous = "" } = JSON.parse(record.fields["~rotation"] ?? "{}") as Record<
      string,
      string
    >;
    expect([mask.length, previous.length]).toEqual([32, 43]);
    for (const secret of [mask, previous.slice(0, 32), record.secretHash.slice(0, 32)]) {
      const thief = Token.parse(record.id + secret);
      expect(await seen(where, `${COOKIE}=${thief?.unmaskSuccessor(mask).reveal()}`)).toBeNull();
      expect(await seen(where, `${COOKIE}=${thief?.reveal()}`)).toBeNull();
    }
  });
});
