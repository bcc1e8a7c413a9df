import { describe, expect, test } from "vitest";
import { failsBefore } from "../../src/testing/index.ts";
import {
  codeOf,
  noUnhandledRejections,
  recordsOf,
  type Rig,
  rig,
  stored,
  type Visit,
  visit,
} from "../races/rig.ts";
import { testExchange } from "../support/exchange.ts";

noUnhandledRejections();

async function commit({ manager }: Rig, { exchange }: Visit, cookie: "if new" | "always" = "if new") {
  await manager.commitByHand(exchange, cookie);
}

/** The values of the cookies that a request has been given, in order. */
function values({ exchange }: Visit): string[] {
  return exchange.cookies.map(({ value }) => value);
}

describe("a commit by hand", () => {
  test("stores what is staged and gives the cookie, and the request goes on", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.data.a = 1;
    await commit(where, one);
    expect(values(one)).toEqual([expect.stringMatching(/^[\w-]{56}$/)]);
    one.session.data.b = 2;
    await commit(where, one);
    expect(values(one)).toHaveLength(1);
    expect((await recordsOf(where))[0]?.fields).toMatchObject({ a: "1", b: "2" });
    await one.finish();
    expect(values(one)).toHaveLength(1);
  });

  test("gives no cookie for what needs none, and costs nothing where nothing changed", async () => {
    const where = rig();
    const empty = await visit(where);
    await commit(where, empty, "always");
    const known = await visit(where, await stored(where));
    where.faulty.forget();
    await commit(where, known);
    expect([values(empty), values(known), where.faulty.count()]).toEqual([[], [], 0]);
  });

  test("gives the client's own cookie again where that is wanted", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    await commit(where, one, "always");
    expect(`__Host-Http-sid=${values(one)[0]}`).toBe(cookie);
  });

  test("never gives a secret again that has a successor", async () => {
    const where = rig({ rotateEvery: "10m" });
    const cookie = await stored(where);
    where.clock.advance(11 * 60_000);
    const rotating = await visit(where, cookie);
    await commit(where, rotating);
    const successor = values(rotating)[0];
    expect(`__Host-Http-sid=${successor}`).not.toBe(cookie);

    // The answer that brought the successor may have been lost.
    const again = await visit(where, cookie);
    await commit(where, again, "always");
    expect(values(again)).toEqual([successor]);

    await (await visit(where, `__Host-Http-sid=${successor}`)).finish();
    const late = await visit(where, cookie);
    await commit(where, late, "always");
    expect(values(late)).toEqual([]);
  });

  test("gives nothing once the session is gone", async () => {
    const where = rig();
    const one = await visit(where, await stored(where));
    await where.manager.revoke(one.session.id ?? ("" as never));
    one.session.data.a = 1;
    await commit(where, one, "always");
    expect([values(one), await recordsOf(where)]).toEqual([[], []]);
  });

  test("revokes the cookie of a session that it ended", async () => {
    const where = rig();
    const one = await visit(where, await stored(where));
    one.session.logout();
    await commit(where, one, "always");
    expect(one.exchange.cookies).toMatchObject([{ value: "", maxAge: 0 }]);
  });

  test("rejects when nothing was saved, and what was staged can be committed again", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.data.a = 1;
    where.faulty.always("create", failsBefore(new Error("down")));
    expect(await codeOf(commit(where, one))).toBe("ERR_SESSION_UNKNOWN");
    expect(values(one)).toEqual([]);
    where.faulty.heal();
    await commit(where, one);
    expect(values(one)).toHaveLength(1);
  });

  test("is too late once the request has finished, and wants a request that was started", async () => {
    const where = rig();
    const one = await visit(where);
    await one.finish();
    expect(await codeOf(commit(where, one))).toBe("ERR_SESSION_SENT");
    expect(await codeOf(where.manager.commitByHand(testExchange(), "if new"))).toBe("ERR_SESSION_USE");
  });
});
