import { describe, expect, test } from "vitest";
import { failsBefore } from "../../src/testing/index.ts";
import {
  codeOf,
  done,
  noUnhandledRejections,
  recordsOf,
  type Rig,
  rig,
  seen,
  setCookies,
  stored,
  type Visit,
  visit,
} from "../races/rig.ts";
import { cookieAfter } from "../support/exchange.ts";

noUnhandledRejections();

async function early({ manager }: Rig, { exchange }: Visit): Promise<void> {
  await manager.commitEarly(exchange);
}

describe("an early commit", () => {
  test("stores what is staged, and leaves the cookie to the finish", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.data.a = 1;
    await early(where, one);
    expect(await recordsOf(where)).toHaveLength(1);
    expect([one.exchange.cookies, [...one.exchange.headers]]).toEqual([[], []]);
    await one.finish();
    expect(one.exchange.cookies).toHaveLength(1);
    expect(where.faulty.count("create")).toBe(1);
  });

  test("waits for nothing where there is nothing to store", async () => {
    const where = rig();
    const anonymous = await visit(where);
    expect(where.manager.commitEarly(anonymous.exchange)).toBeUndefined();
    const reading = await visit(where, await stored(where));
    expect(reading.session.data.here).toBe(1);
    expect(where.manager.commitEarly(reading.exchange)).toBeUndefined();
    expect(where.faulty.count("update")).toBe(0);
  });

  test("leaves a touch to the finish, which need not wait for it", async () => {
    const where = rig();
    const cookie = await stored(where);
    where.clock.advance(60_001);
    const one = await visit(where, cookie);
    expect(where.manager.commitEarly(one.exchange)).toBeUndefined();
    await one.finish();
    await Promise.all(one.exchange.background);
    expect(where.faulty.count("update")).toBe(1);
  });

  test("is followed by another commit of what was changed since, and by no more where nothing was", async () => {
    const where = rig();
    const cookie = await stored(where, { a: 1 });
    const one = await visit(where, cookie);
    one.session.data.a = 2;
    await early(where, one);
    one.session.login("ann");
    await one.finish();
    const after = cookieAfter(one.exchange);
    expect(await seen(where, after)).toEqual({ a: 2 });
    const two = await visit(where, after);
    two.session.data.a = 3;
    where.faulty.forget();
    await early(where, two);
    await two.finish();
    expect(where.faulty.count("update")).toBe(1);
  });

  test("of a request that fails afterwards stays, with its cookie", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.data.a = 1;
    await early(where, one);
    one.session.data.a = 2;
    await one.fail();
    expect(one.exchange.cookies).toHaveLength(1);
    expect((await recordsOf(where))[0]?.fields["a"]).toBe("1");
  });

  test("that is refused rejects, and the failed request stores nothing of it", async () => {
    const where = rig({ onConflict: "fail" });
    const cookie = await stored(where, { a: 1 });
    const one = await visit(where, cookie);
    one.session.data.a = Number(one.session.data.a) + 1;
    await done(where, cookie, (session) => void (session.data.a = 10));
    expect(await codeOf(early(where, one))).toBe("ERR_SESSION_CONFLICT");
    await one.fail();
    expect(await seen(where, cookie)).toEqual({ a: 10 });
  });

  test("of a value that cannot be stored rejects, and a logout beside it takes place when the request fails", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.logout();
    one.session.data.bad = (): void => undefined;
    expect(await codeOf(Promise.resolve(where.manager.commitEarly(one.exchange)))).toBe("ERR_SESSION_VALUE");
    await one.fail();
    expect(await recordsOf(where)).toEqual([]);
    expect(setCookies(one.exchange)).toEqual([""]);
  });

  test("of a logout that cannot reach the store is not begun anew by the finish", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.logout();
    where.faulty.always("delete", failsBefore());
    expect(await codeOf(early(where, one))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    const tries = where.faulty.count("delete");
    await one.fail();
    expect([where.faulty.count("delete"), one.exchange.cookies]).toEqual([tries, []]);
  });

  test("asks the framework's check before it stores anything, and stores nothing where that throws", async () => {
    const where = rig();
    const cookie = await stored(where, { a: 1 });
    const one = await visit(where, cookie);
    one.session.data.a = 2;
    const mistake = new TypeError("no text can be made of the answer");
    const refused = where.manager.commitEarly(one.exchange, () => {
      expect(where.faulty.count("update")).toBe(0);
      throw mistake;
    });
    await expect(refused).rejects.toBe(mistake);
    await one.fail();
    expect(await seen(where, cookie)).toEqual({ a: 1 });
  });

  test("asks no check where there is nothing to store", async () => {
    const where = rig();
    const one = await visit(where, await stored(where));
    expect(one.session.data.here).toBe(1);
    expect(where.manager.commitEarly(one.exchange, () => expect.unreachable())).toBeUndefined();
  });

  test("does nothing once the response has left, nor for a request that was not started", async () => {
    const where = rig();
    const one = await visit(where, undefined, { commitsLate: true });
    await one.finish();
    one.session.data.a = 1;
    expect(where.manager.commitEarly(one.exchange)).toBeUndefined();
    expect(where.manager.commitEarly({ ...one.exchange })).toBeUndefined();
    expect(await recordsOf(where)).toEqual([]);
  });
});
