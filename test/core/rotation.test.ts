import { describe, expect, test } from "vitest";
import { failsBefore, gate, waitsBefore } from "../../src/testing/index.ts";
import {
  codeOf,
  done,
  noUnhandledRejections,
  recordsOf,
  rig,
  type Rig,
  seen,
  setCookies,
  sibling,
  stored,
  visit,
} from "../races/rig.ts";

noUnhandledRejections();

const OPTIONS = { rotateEvery: "10m", rotationGrace: "30s" } as const;
const DUE = 600_000;

function cookieOf(value: string | undefined): string {
  return `__Host-Http-sid=${value}`;
}

async function due(): Promise<{ where: Rig; cookie: string }> {
  const where = rig(OPTIONS);
  const cookie = await stored(where, { a: 1 });
  where.clock.advance(DUE);
  return { where, cookie };
}

describe("a secret that is due", () => {
  test("is renewed by the next request, one write, and not a millisecond before", async () => {
    const where = rig(OPTIONS);
    const cookie = await stored(where);
    where.clock.advance(DUE - 1);
    const early = await visit(where, cookie);
    await early.finish();
    expect(early.exchange.cookies).toEqual([]);
    where.clock.advance(1);
    where.faulty.forget();
    const one = await visit(where, cookie);
    await one.finish();
    expect(one.exchange.cookies).toHaveLength(1);
    expect(one.exchange.headers.get("cache-control")).toBe("no-store");
    expect(where.faulty.calls.map((call) => call.operation)).toEqual(["read", "update"]);
    expect(where.of("rotated")).toEqual([expect.objectContaining({ reason: "periodic" })]);
  });

  test("keeps id, epoch and absolute limit", async () => {
    const { where, cookie } = await due();
    const [before] = await recordsOf(where);
    await done(where, cookie, () => undefined);
    const [after] = await recordsOf(where);
    expect(after).toMatchObject({ id: before?.id, epoch: before?.epoch, endsAt: before?.endsAt });
    expect(after?.secretHash).not.toBe(before?.secretHash);
  });

  test("fails no request when it cannot be renewed, and is tried again by the next", async () => {
    const { where, cookie } = await due();
    where.faulty.always("update", failsBefore());
    const one = await visit(where, cookie);
    await one.finish();
    expect(one.exchange.cookies).toEqual([]);
    where.faulty.heal();
    expect(await done(where, cookie, () => undefined)).not.toBe(cookie);
  });

  test("is renewed once when the request logs in, as the privilege change that it is", async () => {
    const { where, cookie } = await due();
    const newer = await done(where, cookie, (session) => session.login("ann"));
    expect(where.of("rotated")).toEqual([expect.objectContaining({ reason: "privilege" })]);
    expect(await seen(where, cookie)).toBeNull();
    expect(await seen(where, newer)).toEqual({ a: 1 });
  });

  test("is not renewed by a request that ends the session", async () => {
    const { where, cookie } = await due();
    const one = await visit(where, cookie);
    one.session.logout();
    await one.finish();
    expect(where.of("rotated")).toEqual([]);
    expect(setCookies(one.exchange)).toEqual([""]);
  });

  test("is not renewed by a failed request", async () => {
    const { where, cookie } = await due();
    const one = await visit(where, cookie);
    await one.fail();
    expect(one.exchange.cookies).toEqual([]);
    expect(where.of("rotated")).toEqual([]);
  });
});

describe("the secret before", () => {
  test("opens, and yields the same successor again, for as long as nobody presented that", async () => {
    const { where, cookie } = await due();
    const newer = await done(where, cookie, () => undefined);
    where.clock.advance(86_000_000);
    for (let turn = 0; turn < 3; turn += 1) {
      const again = await visit(where, cookie);
      expect({ ...again.session.data }).toEqual({ a: 1 });
      await again.finish();
      expect(cookieOf(setCookies(again.exchange)[0])).toBe(newer);
    }
    expect(where.of("rotated")).toHaveLength(1);
  });

  test("opens after a lost answer, and what that request changes is stored", async () => {
    const { where, cookie } = await due();
    await done(where, cookie, () => undefined);
    const newer = await done(where, cookie, (session) => void (session.data.b = 2));
    expect(newer).not.toBe(cookie);
    expect(await seen(where, newer)).toEqual({ a: 1, b: 2 });
  });

  test("opens during the grace and brings no cookie any more; then it is a theft signal and ends nothing", async () => {
    const { where, cookie } = await due();
    const newer = await done(where, cookie, () => undefined);
    await done(where, newer, () => undefined);
    where.clock.advance(29_999);
    const late = await visit(where, cookie);
    expect(late.session.isNew).toBe(false);
    await late.finish();
    expect(late.exchange.cookies).toEqual([]);
    expect(where.of("theft")).toEqual([]);
    where.clock.advance(1);
    const thief = await visit(where, cookie);
    expect(thief.session.isNew).toBe(true);
    await thief.finish();
    expect(thief.exchange.cookies).toEqual([]);
    expect(where.of("theft")).toMatchObject([{ id: (await recordsOf(where))[0]?.id }]);
    expect(await seen(where, newer)).toEqual({ a: 1 });
  });

  test("can log in and out", async () => {
    const { where, cookie } = await due();
    const newer = await done(where, cookie, () => undefined);
    const ann = await done(where, cookie, (session) => session.login("ann"));
    expect(await seen(where, ann)).toEqual({ a: 1 });
    expect(await seen(where, newer)).toBeNull();
    expect(await seen(where, cookie)).toBeNull();
  });

  test("is never rotated from", async () => {
    const { where, cookie } = await due();
    await done(where, cookie, () => undefined);
    where.clock.advance(10 * DUE);
    await done(where, cookie, () => undefined);
    expect(where.of("rotated")).toHaveLength(1);
  });
});

describe("the successor", () => {
  test("is confirmed once, beside the response, by the first request that presents it", async () => {
    const { where, cookie } = await due();
    const newer = await done(where, cookie, () => undefined);
    where.faulty.forget();
    const held = gate();
    where.faulty.next("update", waitsBefore(held));
    const first = await visit(where, newer);
    await first.finish();
    held.open();
    await Promise.all(first.exchange.background);
    await done(where, newer, () => undefined);
    expect(where.faulty.count("update")).toBe(1);
  });

  test("erases the mask when it is confirmed, so that the store holds nothing that leads to a cookie", async () => {
    const { where, cookie } = await due();
    const newer = await done(where, cookie, () => undefined);
    expect((await recordsOf(where))[0]?.fields["~rotation"]).toContain("mask");
    await done(where, newer, () => undefined);
    const [record] = await recordsOf(where);
    expect(record?.fields["~rotation"]).not.toContain("mask");
    expect(record?.fields["~rotation"]).toContain("previous");
  });

  test("whose confirmation is lost is confirmed by the next request", async () => {
    const { where, cookie } = await due();
    const newer = await done(where, cookie, () => undefined);
    where.faulty.next("update", failsBefore());
    where.faulty.always("read", (work) => work());
    await done(where, newer, () => undefined);
    await done(where, newer, () => undefined);
    where.clock.advance(30_000);
    expect(await seen(where, cookie)).toBeNull();
  });

  test("is confirmed together with what its request changes, in one write", async () => {
    const { where, cookie } = await due();
    const newer = await done(where, cookie, () => undefined);
    where.faulty.forget();
    await done(where, newer, (session) => void (session.data.b = 1));
    expect(where.faulty.calls.map((call) => call.operation)).toEqual(["read", "update"]);
    expect((await recordsOf(where))[0]?.fields["~rotation"]).toContain("confirmedAt");
  });

  test("is not rotated from while it is in its grace, and is afterwards", async () => {
    const { where, cookie } = await due();
    const newer = await done(where, cookie, () => undefined);
    where.clock.advance(DUE);
    await done(where, newer, () => undefined);
    expect(where.of("rotated")).toHaveLength(1);
    where.clock.advance(29_999);
    await done(where, newer, () => undefined);
    expect(where.of("rotated")).toHaveLength(1);
    where.clock.advance(1);
    expect(await done(where, newer, () => undefined)).not.toBe(newer);
    expect(where.of("rotated")).toHaveLength(2);
  });

  test("that a failed request presented counts as not yet presented", async () => {
    const { where, cookie } = await due();
    const newer = await done(where, cookie, () => undefined);
    await (await visit(where, newer)).fail();
    expect(await done(where, cookie, () => undefined)).toBe(newer);
  });
});

describe("a late response", () => {
  test("does not bring the successor once a login replaced it", async () => {
    const { where, cookie } = await due();
    const newer = await done(where, cookie, () => undefined);
    const late = await visit(where, cookie);
    const ann = await done(where, newer, (session) => session.login("ann"));
    await late.finish();
    expect(late.exchange.cookies).toEqual([]);
    expect(await seen(where, ann)).not.toBeNull();
  });

  test("does not bring the successor once it was confirmed", async () => {
    const { where, cookie } = await due();
    const newer = await done(where, cookie, () => undefined);
    const late = await visit(where, cookie);
    await done(where, newer, () => undefined);
    await late.finish();
    expect(late.exchange.cookies).toEqual([]);
  });

  test("whose check fails leaves the cookie alone and fails nobody", async () => {
    const { where, cookie } = await due();
    await done(where, cookie, () => undefined);
    const late = await visit(where, cookie);
    where.faulty.always("read", failsBefore());
    await late.finish();
    expect(late.exchange.cookies).toEqual([]);
  });
});

describe("the loser of two rotations", () => {
  test("adopts the winner's successor and stores what it changed", async () => {
    const { where, cookie } = await due();
    const other = sibling(where, OPTIONS);
    const winner = await visit(where, cookie);
    const loser = await visit(other, cookie);
    loser.session.data.b = 2;
    await winner.finish();
    await loser.finish();
    expect(setCookies(loser.exchange)).toEqual(setCookies(winner.exchange));
    expect(await seen(where, cookieOf(setCookies(winner.exchange)[0]))).toEqual({ a: 1, b: 2 });
  });

  for (const [response, canSetCookie] of [
    ["has left", true],
    ["cannot carry a cookie", false],
  ] as const) {
    test(`whose response ${response} stores what it changed, and takes no cookie over: what it revoked stays revoked`, async () => {
      const { where, cookie } = await due();
      const loser = await visit(where, cookie);
      loser.session.increment("a");
      where.manager.revokeSessionCookie(loser.exchange);
      const winner = await done(sibling(where, OPTIONS), cookie, () => undefined);
      loser.exchange.canSetCookie = canSetCookie;
      await (canSetCookie ? where.manager.finishLate(loser.exchange) : loser.finish());
      expect(await where.manager.hasSessionCookie(loser.exchange)).toBe(false);
      expect(loser.exchange.cookies).toEqual([]);
      expect(await seen(where, winner)).toEqual({ a: 2 });
    });
  }

  test("that logs in gets a secret of its own, and the winner's is dead", async () => {
    const { where, cookie } = await due();
    const loser = await visit(where, cookie);
    const winner = await done(where, cookie, () => undefined);
    loser.session.login("ann");
    await loser.finish();
    expect(await seen(where, winner)).toBeNull();
    expect(await seen(where, cookieOf(setCookies(loser.exchange)[0]))).toEqual({ a: 1 });
  });
});

describe("rotate()", () => {
  test("kills the token from before at once, and gives a new one", async () => {
    const where = rig();
    const cookie = await stored(where, { a: 1 });
    const newer = await done(where, cookie, (session) => session.rotate());
    expect(await seen(where, cookie)).toBeNull();
    expect(where.of("rejected")).toEqual([expect.objectContaining({ reason: "secret" })]);
    expect(where.of("theft")).toEqual([]);
    expect(await seen(where, newer)).toEqual({ a: 1 });
    expect((await recordsOf(where))[0]?.epoch).toBe(2);
  });

  test("twice in a request, or with a login, is one write", async () => {
    const where = rig();
    const cookie = await stored(where);
    where.faulty.forget();
    await done(where, cookie, (session) => {
      session.rotate();
      session.login("ann");
      session.rotate();
    });
    expect(where.faulty.count("update")).toBe(1);
  });

  test("of a session that is not stored does nothing", async () => {
    const where = rig();
    expect(await done(where, undefined, (session) => session.rotate())).toBeUndefined();
    expect(where.faulty.calls).toEqual([]);
  });

  test("is refused once the response has left", async () => {
    const where = rig();
    const one = await visit(where, await stored(where));
    await one.finish();
    expect(await codeOf(() => one.session.rotate())).toBe("ERR_SESSION_SENT");
  });
});
