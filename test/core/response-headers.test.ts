import { describe, expect, test } from "vitest";
import type { AnySession } from "../../src/index.ts";
import { done, noUnhandledRejections, rig, setCookies, stored, visit } from "../races/rig.ts";

noUnhandledRejections();

async function headersAfter(
  before: Readonly<Record<string, string>>,
  handler: (session: AnySession) => unknown,
): Promise<Record<string, string>> {
  const where = rig();
  const one = await visit(where, await stored(where));
  for (const [name, value] of Object.entries(before)) one.exchange.headers.set(name, value);
  handler(one.session);
  await one.finish();
  return Object.fromEntries(one.exchange.headers);
}

describe("a response that looked at the session", () => {
  const looks: Record<string, (session: AnySession) => unknown> = {
    "reads a field": (session) => session.data.here,
    "reads a field that is not there": (session) => session.get("nothing"),
    "asks whether a field is there": (session) => session.has("here"),
    "asks by the operator in": (session) => "here" in session.data,
    "lists the keys": (session) => session.keys(),
    "walks over the data": (session) => Object.entries(session.data),
    "asks for the user": (session) => session.user,
    "asks for the id": (session) => session.id,
    "asks whether it is new": (session) => session.isNew,
    "asks when it was created": (session) => session.createdAt,
    "asks how long it was idle": (session) => session.idleFor(),
    "asks for information": (session) => session.hasInfo(),
    "takes its flashes": (session) => session.flash("notice"),
    "checks a form token": (session) => session.hasFormToken("x"),
    "checks its csrf token": (session) => session.isCsrfToken("x"),
    "asks for the address": (session) => session.remoteAddress,
  };
  for (const [how, look] of Object.entries(looks)) {
    test(`varies by the cookie when it ${how} (CVE-2026-27205)`, async () => {
      expect((await headersAfter({}, look))["vary"]).toBe("Cookie");
    });
  }

  test("does not when it looked at nothing", async () => {
    expect(await headersAfter({}, () => undefined)).toEqual({});
  });

  test("keeps what it varies by already, and adds no second Cookie", async () => {
    const look = (session: AnySession): unknown => session.user;
    expect((await headersAfter({ vary: "Accept" }, look))["vary"]).toBe("Accept, Cookie");
    expect((await headersAfter({ vary: "accept, COOKIE" }, look))["vary"]).toBe("accept, COOKIE");
    expect((await headersAfter({ vary: "*" }, look))["vary"]).toBe("*");
    expect((await headersAfter({ vary: " " }, look))["vary"]).toBe("Cookie");
    expect((await headersAfter({ vary: "X-Cookie" }, look))["vary"]).toBe("X-Cookie, Cookie");
  });

  test("is not left public (CVE-2024-26144)", async () => {
    const look = (session: AnySession): unknown => session.user;
    const control = async (before: string): Promise<string | undefined> =>
      (await headersAfter({ "cache-control": before }, look))["cache-control"];
    expect(await control("public, max-age=60")).toBe("private, max-age=60");
    expect(await control("PUBLIC")).toBe("private");
    expect(await control("s-maxage=10, max-age=60")).toBe("private, max-age=60");
    expect(await control("public, no-store")).toBe("no-store");
    expect(await control("private, max-age=1")).toBe("private, max-age=1");
    expect(await control("max-age=60")).toBe("private, max-age=60");
    expect(await control("public, private")).toBe("private");
    expect(await control('public="x-own", max-age=1')).toBe("private, max-age=1");
    // With names of fields it speaks of those alone: the rest may be stored (RFC 9111, section 5.2.2.7).
    expect(await control('private="set-cookie, public", max-age=60')).toBe("private, max-age=60");
    expect(await control('no-cache="x, y", max-age=60')).toBe('private, no-cache="x, y", max-age=60');
    expect(await control("private, max-age=1, X-Own")).toBe("private, max-age=1, X-Own");
    expect(await control('"')).toBe('private, "');
  });

  test("is kept from caches that make up a freshness, where a session was there to look at (H1)", async () => {
    const look = (session: AnySession): unknown => session.data.here;
    expect((await headersAfter({}, look))["cache-control"]).toBe("private");
    const where = rig();
    const one = await visit(where);
    void one.session.data.here;
    await one.finish();
    expect(Object.fromEntries(one.exchange.headers)).toEqual({ vary: "Cookie" });
  });

  test("is kept from caches that go by headers of their own (RFC 9213)", async () => {
    const own = {
      "cdn-cache-control": "max-age=600",
      "surrogate-control": "max-age=600",
      "x-accel-expires": "600",
    };
    for (const act of [(session: AnySession) => session.user, (session: AnySession) => session.rotate()]) {
      const headers = await headersAfter({ ...own, "cache-control": "private" }, act);
      expect([
        headers["cdn-cache-control"],
        headers["surrogate-control"],
        headers["x-accel-expires"],
      ]).toEqual(["no-store", "no-store", "0"]);
      expect(headers).not.toHaveProperty("edge-control");
    }
    expect(await headersAfter(own, () => undefined)).toEqual(own);
  });
});

describe("a response that sets the cookie", () => {
  test("is not stored, whatever the application said", async () => {
    const headers = await headersAfter({ "cache-control": "public, max-age=60" }, (session) =>
      session.rotate(),
    );
    expect(headers["cache-control"]).toBe("no-store");
  });

  test("sets it once, without a Max-Age, and revokes it with the same attributes", async () => {
    const where = rig();
    const made = await visit(where);
    made.session.data.a = 1;
    await made.session.commit();
    made.session.login("ann");
    await made.session.commit();
    made.session.rotate();
    await made.finish();
    await where.manager.finishSuccessfulRequest(made.exchange);
    expect(made.exchange.cookies).toHaveLength(1);
    const [set] = made.exchange.cookies;
    expect(set).not.toHaveProperty("maxAge");
    const ended = await visit(where, `__Host-Http-sid=${set?.value}`);
    ended.session.logout();
    await ended.finish();
    expect(ended.exchange.cookies).toEqual([{ ...set, value: "", maxAge: 0 }]);
    expect(ended.exchange.headers.get("cache-control")).toBe("no-store");
  });

  test("of a remembered session says how long is left, also after a rotation, and never more than 400 days", async () => {
    const where = rig({ rotateEvery: "10m" });
    const one = await visit(where);
    one.session.login("ann", { remember: "400d" });
    await one.finish();
    expect(one.exchange.cookies[0]?.maxAge).toBe(400 * 86_400);
    where.clock.advance(86_400_000);
    const next = await visit(where, `__Host-Http-sid=${setCookies(one.exchange)[0]}`);
    await next.finish();
    expect(next.exchange.cookies[0]?.maxAge).toBe(399 * 86_400);
  });

  test("has the path of the mount where that is wanted", async () => {
    const where = rig({ cookie: { path: "mount" } });
    const one = await visit(where, undefined, { mountPath: "/app" });
    one.session.data.a = 1;
    await one.finish();
    expect(one.exchange.cookies[0]?.path).toBe("/app/");
  });

  test("sets none where none can be set any more", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.logout();
    one.exchange.canSetCookie = false;
    await one.finish();
    expect(one.exchange.cookies).toEqual([]);
    expect(await done(where, cookie, () => undefined)).toBe(cookie);
  });
});
