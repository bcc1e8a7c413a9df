import { describe, expect, test } from "vitest";
import type { AnySession, ExtensionHost, SessionExtension } from "../../src/index.ts";
import { codeOf, done, loggedIn, rig, seen, setCookies, sibling, stored, visit } from "../races/rig.ts";
import { everyStore } from "../races/stores.ts";
import { COOKIE } from "./support.ts";

everyStore((open) => {
  test("row 25: parallel requests with a secret that is due all get the same successor, and none is logged out (lua-resty-openidc #190)", async () => {
    const where = rig({ store: await open(), rotateEvery: "10m" });
    const other = sibling(where, { rotateEvery: "10m" });
    const cookie = await loggedIn(where);
    where.clock.advance(700_000);
    const visits = await Promise.all(
      Array.from({ length: 8 }, (_, i) => visit(i % 2 ? where : other, cookie)),
    );
    await Promise.all(visits.map((one) => one.finish()));
    const values = new Set(visits.flatMap((one) => setCookies(one.exchange)));
    expect(values.size).toBe(1);
    for (const value of values) expect(await seen(where, `${COOKIE}=${value}`)).not.toBeNull();
    expect(await seen(other, cookie)).not.toBeNull();
  });

  test("row 26: a racing change of data drops nothing that safety depends on, neither who is logged in nor what an extension bound", async () => {
    // A browser's bound key is such an extension; its own tests have the rest.
    const bound = boundExtension();
    const where = rig({ store: await open(), extensions: [bound] });
    const cookie = await loggedIn(where, "ann", { n: 0 });
    const [binding, writing, logging] = [
      await visit(where, cookie),
      await visit(where, cookie),
      await visit(where, cookie),
    ];
    bound.bind(binding.session, "key 1");
    writing.session.set("n", 1);
    (writing.session.data.list as unknown) = ["x"];
    await binding.finish();
    await writing.finish();
    const after = await visit(where, cookie);
    expect([bound.keyOf(after.session), after.session.user, after.session.get("n")]).toEqual([
      "key 1",
      "ann",
      1,
    ]);
    // And the login that races keeps the key, or fails: it never goes on without.
    logging.session.set("n", 2);
    logging.session.reauthenticate();
    expect(await codeOf(logging.finish())).toBe("no error");
    const renewed = await visit(where, `${COOKIE}=${setCookies(logging.exchange)[0]}`);
    expect([bound.keyOf(renewed.session), renewed.session.user]).toEqual(["key 1", "ann"]);
    for (const name of ["~auth", "~~bound", "~rotation"])
      expect(await codeOf(() => void renewed.session.set(name, "x"))).toBe("ERR_SESSION_USE");
  });
});

function boundExtension(): SessionExtension & {
  bind(session: AnySession, key: string): void;
  keyOf(session: AnySession): unknown;
} {
  let host: ExtensionHost | null = null;
  return {
    name: "bound",
    attach: (given) => void (host = given),
    bind: (session, key) => void host?.update(session, () => key),
    keyOf: (session) => host?.read(session),
  };
}

describe("row 30: to check a session is not to extend it (aspnetcore #36373)", () => {
  test("neither the idle nor the absolute limit, by no question of an administrator's and no demand", async () => {
    const where = rig({ idle: "10m", absolute: "1h", rotateEvery: "5m" });
    const cookie = await loggedIn(where);
    const { session } = await visit(where, cookie);
    const id = session.id;
    if (id === null) throw new Error("it is stored");
    for (let minute = 0; minute < 10; minute += 1) {
      expect(await where.manager.hasSession(id)).toBe(true);
      expect(await where.manager.sessionsOf("ann")).toHaveLength(1);
      for await (const one of where.manager.all()) expect(one.id).toBe(id);
      where.clock.advance(60_000);
    }
    expect(await where.manager.hasSession(id)).toBe(false);
    expect(await seen(where, cookie)).toBeNull();
  });

  test("nor the absolute limit by activity, a rotation or a cookie that is sent anew", async () => {
    const where = rig({ idle: "10m", absolute: "1h", rotateEvery: "5m" });
    let cookie: string | undefined = await loggedIn(where);
    for (let minute = 0; minute < 59; minute += 1) {
      where.clock.advance(60_000);
      cookie = await done(where, cookie, (session) => session.requireFresh("2h"));
      if (minute % 10 === 0) cookie = await done(where, cookie, (session) => session.rotate());
    }
    expect(await seen(where, cookie)).not.toBeNull();
    where.clock.advance(60_000);
    expect(await seen(where, cookie)).toBeNull();
  });

  test("a failed request extends nothing that a successful one would not", async () => {
    const where = rig({ idle: "10m" });
    const cookie = await stored(where);
    where.clock.advance(599_999);
    const one = await visit(where, cookie);
    await one.fail();
    where.clock.advance(2);
    expect(await seen(where, cookie)).toBeNull();
  });
});
