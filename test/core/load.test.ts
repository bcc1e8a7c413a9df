import { describe, expect, test } from "vitest";
import { type SessionRecord, Token } from "../../src/index.ts";
import { answers, failsBefore } from "../../src/testing/index.ts";
import { testExchange } from "../support/exchange.ts";
import { codeOf, done, noUnhandledRejections, recordsOf, rig, seen, stored, visit } from "../races/rig.ts";

noUnhandledRejections();

const NAME = "__Host-Http-sid";

describe("a cookie", () => {
  test("whose record is garbage is no session, an event, and no loop: it can log in again", async () => {
    const where = rig();
    const cookie = await stored(where);
    const [record] = await recordsOf(where);
    for (const garbage of [{}, [], "text", 7, { ...record, epoch: "1" }, { ...record, fields: null }]) {
      where.faulty.next("read", answers(garbage));
      const newer = await done(where, cookie, (session) => session.login("ann"));
      expect(newer).not.toBe(cookie);
    }
    expect(where.of("corrupt")).toHaveLength(6);
  });

  test("whose record has garbage in the library's own fields opens what can be read", async () => {
    const where = rig({ rotateEvery: "10m" });
    const cookie = await stored(where, { a: 1 });
    const [record] = await recordsOf(where);
    for (const text of ["{", "null", "[]", '"x"', '{"at":"x"}', '{"at":1,"previous":7,"mask":[]}', ""]) {
      const fields = { ...record?.fields, "~rotation": text, "~auth": text, "~life": text, "~commits": text };
      where.faulty.next("read", answers({ ...record, fields }));
      const one = await visit(where, cookie);
      expect({ ...one.session.data }).toEqual({ a: 1 });
      expect(one.session.user).toBeNull();
      await one.finish();
    }
  });

  test("of a record of a newer format is an outage and not a logout", async () => {
    const where = rig();
    const cookie = await stored(where);
    const [record] = await recordsOf(where);
    where.faulty.next("read", answers({ ...record, fields: { "~format": "9" } }));
    expect(await codeOf(seen(where, cookie))).toBe("ERR_SESSION_FORMAT");
    expect(await seen(where, cookie)).not.toBeNull();
  });

  test("in several header lines, among others and with spaces, is found", async () => {
    const where = rig();
    const cookie = await stored(where);
    for (const lines of [["a=1; b=2", cookie], [`a=1;${cookie} ;b=2`], [`x${cookie}; ${cookie}`]]) {
      const session = await where.manager.startRequest(testExchange({ cookie: lines }));
      expect(session.isNew).toBe(false);
    }
  });

  test("of which one of two cannot be read fails the request, since it may be the right one", async () => {
    const where = rig();
    const cookie = await stored(where);
    where.faulty.next("read", failsBefore());
    expect(await codeOf(seen(where, `${NAME}=${Token.mint().reveal()}; ${cookie}`))).toBe(
      "ERR_SESSION_STORE_UNAVAILABLE",
    );
  });

  test("left by a revocation is passed over without an event", async () => {
    const where = rig();
    expect(await seen(where, `${NAME}=`)).toBeNull();
    expect(await seen(where, `${NAME}=*del*`)).toBeNull();
    expect(where.names()).toEqual([]);
  });

  test("that is unknown tells so by an event and is left alone", async () => {
    const where = rig();
    const one = await visit(where, `${NAME}=${Token.mint().reveal()}`);
    await one.finish();
    expect(where.of("rejected")).toEqual([expect.objectContaining({ reason: "unknown" })]);
    expect(one.exchange.cookies).toEqual([]);
  });
});

describe("a record whose idle limit lies after its absolute limit", () => {
  test("opens nothing from the absolute limit on", async () => {
    const where = rig();
    const token = Token.mint();
    const now = where.clock.now();
    const record: SessionRecord = {
      id: token.id,
      epoch: 1,
      version: 1,
      secretHash: token.secretHash(),
      labels: [],
      createdAt: now,
      accessedAt: now,
      expiresAt: now + 7_200_000,
      endsAt: now + 3_600_000,
      fields: { a: "1" },
    };
    await where.store.create(record, { signal: new AbortController().signal });
    const cookie = `${NAME}=${token.reveal()}`;
    where.clock.advance(3_599_999);
    expect(await seen(where, cookie)).toEqual({ a: 1 });
    where.clock.advance(1);
    expect(await seen(where, cookie)).toBeNull();
    expect(where.of("expired")).toEqual([{ id: token.id, user: null, address: null }]);
  });
});
