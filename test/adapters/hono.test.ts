import { getRequestListener } from "@hono/node-server";
import { cors } from "hono/cors";
import { etag } from "hono/etag";
import { setCookie } from "hono/cookie";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { honoSessions } from "../../src/adapters/hono.ts";
import { currentSession, NullSessionManager, SessionError, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { adapterContract, failsBefore, gate, waitsBefore } from "../../src/testing/index.ts";
import { cookieAfter, cookieNames, platform, rigOf, showingAll } from "./support/hono-rig.ts";
import { directSubject, type HonoVersion, NEWEST, OLDEST, servedSubject } from "./support/hono-subject.ts";

const DOWN = new Error("redis at 10.0.0.1 is down");
const SESSION = "__Host-Http-sid";
const NATIVE = { Request, Response };

for (const version of [NEWEST, OLDEST]) {
  adapterContract({ test, describe }, directSubject(version));
  adapterContract({ test, describe }, servedSubject(version));
  describe(version.name, () => {
    beforeAll(() => void Object.assign(globalThis, NATIVE));
    special(version);
  });
  describe(`${version.name}, with the Response of @hono/node-server`, () => {
    // It puts its own into the place of the global ones.
    beforeAll(() => void getRequestListener(() => new Response()));
    afterAll(() => void Object.assign(globalThis, NATIVE));
    special(version);
  });
}

/** What is Hono's own. */
function special(version: HonoVersion): void {
  describe("what a handler throws", () => throwing(version));
  describe("a commit that fails", () => failing(version));
  describe("the headers", () => headers(version));
  describe("an application", () => applications(version));
  describe("a stream", () => streams(version));
  describe("the platform", () => platforms(version));
}

afterEach(() => vi.restoreAllMocks());

function throwing(version: HonoVersion): void {
  test("fails the request although app.onError turned it into a 200", async () => {
    const rig = rigOf(version);
    const cookie = await rig.visitor();
    const { seen, show } = showingAll(200);
    const app = rig.app().onError(show);
    app.get("/", (c) => {
      c.var.session.set("colour", "blue");
      throw new Error("unexpected");
    });
    const response = await app.request("/", { headers: { cookie } });
    expect([response.status, await response.text()]).toEqual([200, "shown"]);
    expect(seen.map(({ message }) => message)).toEqual(["unexpected"]);
    expect(await rig.colourOf(cookie)).toBe("red");
  });

  test("fails the request although the error handler of a sub-application turned it into a 200", async () => {
    const rig = rigOf(version);
    const cookie = await rig.visitor();
    const sub = new version.Hono<{ Variables: { session: { set(name: string, value: string): void } } }>();
    sub.onError(showingAll(200).show);
    sub.get("/", (c) => {
      c.var.session.set("colour", "blue");
      throw new Error("unexpected");
    });
    const app = rig.app().onError(() => expect.unreachable("the sub-application answers for itself"));
    app.route("/sub", sub);
    expect((await app.request("/sub", { headers: { cookie } })).status).toBe(200);
    expect(await rig.colourOf(cookie)).toBe("red");
  });

  test("is no failure when it is an HTTPException with a status below 500", async () => {
    const rig = rigOf(version);
    const app = rig.app();
    app.get("/", (c) => {
      c.var.session.set("colour", "blue");
      throw new version.HTTPException(401, { message: "who are you?" });
    });
    const response = await app.request("/");
    expect([response.status, await response.text()]).toEqual([401, "who are you?"]);
    expect(await rig.colourOf(cookieAfter(response))).toBe("blue");
  });

  test("fails the request when it is an HTTPException with a status of 500 or above", async () => {
    const rig = rigOf(version);
    const cookie = await rig.visitor();
    const app = rig.app().onError(showingAll(200).show);
    app.get("/", (c) => {
      c.var.session.set("colour", "blue");
      throw new version.HTTPException(502);
    });
    await app.request("/", { headers: { cookie } });
    expect(await rig.colourOf(cookie)).toBe("red");
  });

  test("is judged by isFailure, where that is given", async () => {
    const rig = rigOf(version);
    const cookie = await rig.visitor();
    const signal = new Error("not an error to us");
    const app = rig.app({ isFailure: (thrown) => thrown !== signal }).onError(showingAll(200).show);
    app.get("/", (c) => {
      c.var.session.set("colour", "blue");
      throw signal;
    });
    await app.request("/", { headers: { cookie } });
    expect(await rig.colourOf(cookie)).toBe("blue");
  });

  test("comes from a middleware behind the handler too", async () => {
    const rig = rigOf(version);
    const cookie = await rig.visitor();
    const app = rig.app().onError(showingAll(200).show);
    app.use(async (_c, next) => {
      await next();
      throw new Error("after the handler");
    });
    app.get("/", (c) => {
      c.var.session.set("colour", "blue");
      return c.text("done");
    });
    expect(await (await app.request("/", { headers: { cookie } })).text()).toBe("shown");
    expect(await rig.colourOf(cookie)).toBe("red");
  });

  test("fails the request although app.onError throws an HTTPException with a status below 500 for it", async () => {
    const rig = rigOf(version);
    const cookie = await rig.visitor();
    const app = rig.app().onError((error, c) => {
      if (error.message === "unexpected") throw new version.HTTPException(404, { message: "hidden" });
      return c.text("shown", 404);
    });
    app.get("/", (c) => {
      c.var.session.set("colour", "blue");
      throw new Error("unexpected");
    });
    expect((await app.request("/", { headers: { cookie } })).status).toBe(404);
    expect(await rig.colourOf(cookie)).toBe("red");
  });

  test("rolls back, and a logout takes place, when app.onError throws in its turn", async () => {
    const rig = rigOf(version);
    const cookie = await rig.visitor();
    const { seen, show } = showingAll(500);
    const app = rig.app().onError((error, c) => {
      if (error.message === "first") throw new version.HTTPException(404, { message: "second" });
      return show(error, c);
    });
    app.get("/", (c) => {
      c.var.session.logout();
      throw new Error("first");
    });
    const response = await app.request("/", { headers: { cookie } });
    expect(seen.map(({ message }) => message)).toEqual(["second"]);
    expect(cookieNames(response)).toEqual([SESSION]);
    expect(cookieAfter(response)).toBe(`${SESSION}=`);
    expect(await rig.colourOf(cookie)).toBeNull();
  });

  test("leaves app.fetch as it is when it is no error, a Response with the session's headers", async () => {
    const rig = rigOf(version);
    const app = rig.app();
    app.get("/", (c) => {
      c.var.session.set("colour", "blue");
      // oxlint-disable-next-line typescript/only-throw-error -- what some code does
      throw Response.redirect("https://app.test/login", 303);
    });
    const thrown: unknown = await Promise.resolve(app.request("/")).catch((value: unknown) => value);
    expect((thrown as Response).status).toBe(303);
    expect(await rig.colourOf(cookieAfter(thrown as Response))).toBe("blue");
  });

  test("is our own error when no handler has answered, and nothing is stored", async () => {
    const rig = rigOf(version);
    const cookie = await rig.visitor();
    const { seen, show } = showingAll(500);
    const app = rig.app().onError(show);
    app.get("/", (c) => {
      c.var.session.set("colour", "blue");
      return undefined as unknown as Response;
    });
    expect((await app.request("/", { headers: { cookie } })).status).toBe(500);
    expect(seen.map(({ message }) => message.slice(0, 31))).toEqual(["Nobody has answered this reques"]);
    expect(await rig.colourOf(cookie)).toBe("red");
  });

  test("keeps its own answer when its logout fails too, and is replaced where that told of a success", async () => {
    for (const [shown, answered] of [
      [500, 500],
      [200, 503],
    ] as const) {
      const rig = rigOf(version);
      const cookie = await rig.visitor();
      const app = rig.app().onError((error, c) => {
        if (SessionError.is(error)) return c.text("try again", error.status as 503);
        return c.text("shown", shown);
      });
      app.get("/", (c) => {
        c.var.session.logout();
        throw new Error("unexpected");
      });
      rig.store.always("delete", failsBefore(DOWN));
      const response = await app.request("/", { headers: { cookie } });
      expect([response.status, cookieNames(response)]).toEqual([answered, []]);
    }
  });
}

function failing(version: HonoVersion): void {
  test("is seen by app.onError, once, with its code and status", async () => {
    const rig = rigOf(version);
    const { seen, show } = showingAll(503);
    const app = rig.app().onError(show);
    app.get("/", (c) => {
      c.var.session.set("colour", "blue");
      return c.text("never seen");
    });
    rig.store.always("create", failsBefore(DOWN));
    const response = await app.request("/");
    expect(await response.text()).toBe("shown");
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ code: "ERR_SESSION_UNKNOWN", status: 503 });
  });

  test("is seen by the error handler of the sub-application that has the middleware", async () => {
    const rig = rigOf(version);
    const { seen, show } = showingAll(503);
    const sub = rig.app().onError(show);
    sub.get("/", (c) => {
      c.var.session.set("colour", "blue");
      return c.text("never seen");
    });
    rig.store.always("create", failsBefore(DOWN));
    const app = new version.Hono().route("/sub", sub);
    app.onError(() => expect.unreachable("the sub-application answers for itself"));
    expect(await (await app.request("/sub")).text()).toBe("shown");
    expect(seen).toHaveLength(1);
  });

  test("lets nothing of the handler's answer leave, and keeps what was there before", async () => {
    const rig = rigOf(version);
    const app = new version.Hono<{ Variables: { session: { set(name: string, value: string): void } } }>();
    app.use(cors({ origin: "https://shop.test" }));
    app.use(honoSessions(rig.manager));
    app.get("/", (c) => {
      c.var.session.set("colour", "blue");
      setCookie(c, "receipt", "42");
      return c.body("paid", 201, { etag: '"1"', "content-length": "4", "x-order": "42" });
    });
    // Without a status of its own, which would else be the handler's.
    app.onError((_error, c) => c.text("try again"));
    rig.store.always("create", failsBefore(DOWN));
    const response = await app.request("/", { headers: { origin: "https://shop.test" } });
    expect([response.status, await response.text()]).toEqual([503, "try again"]);
    expect(cookieNames(response)).toEqual([]);
    for (const name of ["etag", "content-length", "x-order"]) expect(response.headers.get(name)).toBeNull();
    expect(response.headers.get("access-control-allow-origin")).toBe("https://shop.test");
  });

  test("lets app.onError set headers and cookies, and make its response as it likes", async () => {
    for (const own of [
      () => new Response("own", { status: 503, headers: { "x-own": "1" } }),
      () => Response.redirect("https://shop.test/sorry", 303),
    ]) {
      const rig = rigOf(version);
      const app = rig.app().onError((_error, c) => {
        c.header("retry-after", "1");
        setCookie(c, "sorry", "1");
        return own();
      });
      app.get("/", (c) => {
        c.var.session.set("colour", "blue");
        return c.text("never seen");
      });
      rig.store.always("create", failsBefore(DOWN));
      const response = await app.request("/");
      const { status } = own();
      expect(response.status).toBe(status);
      // Hono 4.0 has no way to put anything on what is immutable.
      if (version === OLDEST && status === 303) continue;
      expect([response.headers.get("retry-after"), cookieNames(response)]).toEqual(["1", ["sorry"]]);
    }
  });

  test("still brings the cookie of what an earlier commit of the request stored", async () => {
    const rig = rigOf(version);
    const app = rig.app().onError(showingAll(503).show);
    app.get("/", async (c) => {
      c.var.session.set("colour", "blue");
      await c.var.session.commit();
      c.var.session.increment("count");
      rig.store.always("update", failsBefore(DOWN));
      return c.text("never seen");
    });
    const response = await app.request("/");
    rig.store.heal();
    expect(cookieNames(response)).toEqual([SESSION]);
    expect(await rig.colourOf(cookieAfter(response))).toBe("blue");
  });

  test("without an app.onError is answered in plain text, by Hono's own handler where that asks the error", async () => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const rig = rigOf(version);
    const cookie = await rig.visitor();
    const app = rig.app().get("/", (c) => c.text("never seen"));
    rig.store.always("read", failsBefore(DOWN));
    const response = await app.request("/", { headers: { cookie } });
    expect(response.status).toBe(version === NEWEST ? 503 : 500);
    expect(await response.text()).not.toContain("redis");
    expect(logged).toHaveBeenCalledTimes(version === NEWEST ? 0 : 1);
  });

  test("for the application's own mistake is an error with status 500, which Hono's own handler logs", async () => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const rig = rigOf(version);
    const app = rig.app().get("/", (c) => {
      c.var.session.set("colour", () => "no value");
      return c.text("never seen");
    });
    expect((await app.request("/")).status).toBe(500);
    expect(logged.mock.calls).toMatchObject([[{ code: "ERR_SESSION_VALUE" }]]);
  });

  test("is in c.error for a middleware in front", async () => {
    const rig = rigOf(version);
    const codes: unknown[] = [];
    const app = new version.Hono<{ Variables: { session: { set(name: string, value: string): void } } }>();
    app.use(async (c, next) => {
      await next();
      codes.push((c.error as SessionError | undefined)?.code);
      c.header("x-timing", "1");
    });
    app.use(honoSessions(rig.manager));
    app.get("/", (c) => {
      c.var.session.set("colour", "blue");
      return c.text("never seen");
    });
    app.onError(showingAll(503).show);
    rig.store.always("create", failsBefore(DOWN));
    const response = await app.request("/");
    expect([codes, response.headers.get("x-timing")]).toEqual([["ERR_SESSION_UNKNOWN"], "1"]);
  });

  test("when the session cannot be read comes before any handler", async () => {
    const rig = rigOf(version);
    const cookie = await rig.visitor();
    const { seen, show } = showingAll(503);
    const app = rig.app().onError(show);
    app.get("/", () => expect.unreachable("the handler ran"));
    rig.store.always("read", failsBefore(DOWN));
    await app.request("/", { headers: { cookie } });
    expect(seen).toMatchObject([{ code: "ERR_SESSION_STORE_UNAVAILABLE", status: 503, cause: DOWN }]);
  });
}

function headers(version: HonoVersion): void {
  test("survive a middleware in front that assigns c.res, with every cookie once", async () => {
    const rig = rigOf(version);
    const app = new version.Hono<{ Variables: { session: { set(name: string, value: string): void } } }>();
    app.use(async (c, next) => {
      await next();
      c.res = new Response(`<${await c.res.text()}>`, c.res);
      c.res.headers.append("set-cookie", "outer=1");
    });
    app.use(honoSessions(rig.manager));
    app.get("/", (c) => {
      c.var.session.set("colour", "blue");
      setCookie(c, "one", "1");
      setCookie(c, "two", "2");
      return c.text("body");
    });
    const response = await app.request("/");
    expect(await response.text()).toBe("<body>");
    expect(cookieNames(response)).toEqual(["one", "two", SESSION, "outer"]);
  });

  test("come after a middleware behind that assigns c.res, with every cookie once", async () => {
    const rig = rigOf(version);
    const app = rig.app();
    app.use(async (c, next) => {
      await next();
      c.res = new Response(`<${await c.res.text()}>`, c.res);
      c.header("set-cookie", "inner=1", { append: true });
    });
    app.get("/", (c) => {
      c.var.session.set("colour", "blue");
      setCookie(c, "one", "1");
      return c.text("body");
    });
    const response = await app.request("/");
    expect(await response.text()).toBe("<body>");
    expect(cookieNames(response)).toEqual(["one", "inner", SESSION]);
  });

  test("go onto responses whose own headers are immutable", async () => {
    const rig = rigOf(version);
    const app = rig.app();
    app.get("/redirect", (c) => {
      c.var.session.set("colour", "blue");
      return Response.redirect("https://app.test/next", 303);
    });
    app.get("/fetched", async (c) => {
      c.var.session.set("colour", "blue");
      return await fetch("data:text/plain,fetched");
    });
    for (const [path, status] of [
      ["/redirect", 303],
      ["/fetched", 200],
    ] as const) {
      const response = await app.request(path);
      expect([response.status, cookieNames(response)]).toEqual([status, [SESSION]]);
    }
  });

  test("go onto the redirect, the 404 and the 304 that Hono makes", async () => {
    const rig = rigOf(version);
    const app = rig.app();
    app.use("/etag", etag());
    app.get("/redirect", (c) => c.redirect("/next"));
    app.get("/missing", (c) => c.notFound());
    app.get("/etag", (c) => c.text("same"));
    app.use(async (_c, next) => await next());
    const tag = (await app.request("/etag")).headers.get("etag") ?? "";
    const changing = new version.Hono<{
      Variables: { session: { set(name: string, value: string): void } };
    }>();
    changing.use(honoSessions(rig.manager));
    changing.use(async (c, next) => {
      c.var.session.set("colour", "blue");
      await next();
    });
    changing.route("/", app);
    for (const [path, status] of [
      ["/redirect", 302],
      ["/missing", 404],
      ["/etag", 304],
    ] as const) {
      const response = await changing.request(path, { headers: { "if-none-match": tag } });
      expect([path, response.status, cookieNames(response)]).toEqual([path, status, [SESSION]]);
    }
  });

  test("of one client never go onto a response that another is given too", async () => {
    const rig = rigOf(version);
    const constant = new Response(null, { status: 204 });
    const app = rig.app().get("/", (c) => {
      c.var.session.set("colour", "blue");
      return constant;
    });
    const [one, other] = [await app.request("/"), await app.request("/")];
    expect([cookieNames(one), cookieNames(other)]).toEqual([[SESSION], [SESSION]]);
    expect(cookieAfter(one)).not.toBe(cookieAfter(other));
    expect(cookieNames(constant)).toEqual([]);
  });

  test("are on an answer of a runtime's own class, whose list of headers is shared with whoever made it", async () => {
    const rig = rigOf(version);
    const list = new Headers({ "x-own": "1" });
    const app = rig.app().get("/", (c) => {
      c.var.session.set("colour", "blue");
      return new Response("body", { headers: list });
    });
    expect(cookieNames(await app.request("/"))).toEqual([SESSION]);
    expect([...list]).toEqual([["x-own", "1"]]);
  });

  test("are none for a response that needs none, which stays the object that it is", async () => {
    const rig = rigOf(version);
    const response = new Response("plain");
    const app = rig.app().get("/", () => response);
    expect(await app.request("/")).toBe(response);
  });
}

function applications(version: HonoVersion): void {
  test("has the session in sub-applications, below a base path and in route-level middleware", async () => {
    const rig = rigOf(version);
    const sub = new version.Hono<{ Variables: { session: { increment(name: string): number } } }>();
    sub.get("/", (c) => c.text(String(c.var.session.increment("views"))));
    const app = rig.app().basePath("/api");
    app.use(honoSessions(rig.manager));
    app.route("/sub", sub);
    app.get("/own", honoSessions(rig.manager), (c) => c.text(String(c.var.session.increment("views"))));
    const first = await app.request("/api/sub");
    expect(await first.text()).toBe("1");
    const second = await app.request("/api/own", { headers: { cookie: cookieAfter(first) } });
    expect(await second.text()).toBe("2");
  });

  test("that mounts it again in a sub-application has one session, and commits once", async () => {
    const rig = rigOf(version);
    const sessions = honoSessions(rig.manager);
    const sub = new version.Hono().use(sessions);
    sub.get("/", (c) => {
      sessions.of(c).update("colour", (colour) => `${String(colour)} and blue`);
      return c.text("ok");
    });
    const app = new version.Hono().use(sessions, async (c, next) => {
      sessions.of(c).set("colour", "red");
      await next();
    });
    app.route("/sub", sub);
    const response = await app.request("/sub");
    expect(cookieNames(response)).toEqual([SESSION]);
    expect(rig.store.count("create")).toBe(1);
    expect(await rig.colourOf(cookieAfter(response))).toBe("red and blue");
  });

  test("hands a mounted application what it needs, for that has a request of its own", async () => {
    const rig = rigOf(version);
    const sessions = honoSessions(rig.manager);
    interface Env {
      readonly session: ReturnType<typeof sessions.of>;
    }
    const mounted = new version.Hono<{ Bindings: Env }>();
    mounted.get("/cart", (c) => {
      expect(() => sessions.of(c)).toThrow(SessionError);
      c.env.session.set("colour", "blue");
      return c.text("ok");
    });
    const app = new version.Hono().use(sessions);
    app.mount("/shop", mounted.fetch, (c) => [{ session: sessions.of(c) }]);
    const response = await app.request("/shop/cart");
    expect(await response.text()).toBe("ok");
    expect(await rig.colourOf(cookieAfter(response))).toBe("blue");
  });

  test("has currentSession() in a mounted application", async () => {
    const rig = rigOf(version, { context: true });
    const app = rig.app();
    app.mount("/old", () => {
      currentSession()?.set("colour", "blue");
      return new Response("ok");
    });
    expect(await rig.colourOf(cookieAfter(await app.request("/old/page")))).toBe("blue");
  });

  test("may use the session in app.notFound, whether anything else has the path or not", async () => {
    for (const alone of [true, false]) {
      const rig = rigOf(version);
      const app = rig.app();
      if (!alone) app.use(async (_c, next) => await next());
      app.notFound((c) => {
        (c.var as { session: { set(name: string, value: string): void } }).session.set("colour", "blue");
        return c.text("nothing here", 404);
      });
      const response = await app.request("/nowhere");
      expect([response.status, await response.text()]).toEqual([404, "nothing here"]);
      expect(await rig.colourOf(cookieAfter(response))).toBe("blue");
    }
  });

  test("of two managers commits none of the first's when the second could not", async () => {
    const [one, two] = [rigOf(version), rigOf(version, { cookie: { name: "__Host-admin" } })];
    const { seen, show } = showingAll(503);
    const [first, second] = [honoSessions(one.manager), honoSessions(two.manager, { variable: "admin" })];
    const app = new version.Hono().use(first, second).onError(show);
    app.get("/", (c) => {
      first.of(c).set("colour", "blue");
      second.of(c).set("colour", "blue");
      return c.text("never seen");
    });
    two.store.always("create", failsBefore(DOWN));
    const response = await app.request("/");
    expect([response.status, cookieNames(response), seen.length]).toEqual([503, [], 1]);
    expect(one.store.count("create")).toBe(0);
  });

  test("of two managers still brings the cookie of the second, which is stored, when the first could not", async () => {
    const [one, two] = [rigOf(version), rigOf(version, { cookie: { name: "__Host-admin" } })];
    const [first, second] = [honoSessions(one.manager), honoSessions(two.manager, { variable: "admin" })];
    const app = new version.Hono().use(first, second).onError(showingAll(503).show);
    app.get("/", (c) => {
      first.of(c).set("colour", "blue");
      second.of(c).set("colour", "blue");
      return c.text("never seen");
    });
    one.store.always("create", failsBefore(DOWN));
    const response = await app.request("/");
    expect([response.status, cookieNames(response)]).toEqual([503, ["__Host-admin"]]);
    expect(await two.colourOf(cookieAfter(response))).toBe("blue");
  });

  test("is given one Request twice, and serves two requests", async () => {
    const rig = rigOf(version);
    const app = rig.app().get("/", (c) => c.text(String(c.var.session.increment("views"))));
    const request = new Request("https://app.test/");
    const responses = await Promise.all([app.request(request), app.request(request)]);
    expect(responses.map(cookieNames)).toEqual([[SESSION], [SESSION]]);
    expect(new Set(responses.map(cookieAfter)).size).toBe(2);
  });

  test("has an answer that it gives to everybody, and one's cookie is never on another's", async () => {
    const rig = rigOf(version);
    const nothing = new Response(null, { status: 204 });
    const app = rig.app();
    app.get("/set", (c) => {
      c.var.session.set("colour", "blue");
      return nothing;
    });
    app.get("/look", (c) => {
      c.var.session.has("colour");
      return nothing;
    });
    const [set, again, look] = [
      await app.request("/set"),
      await app.request("/set"),
      await app.request("/look"),
    ];
    expect([set, again, look].map(cookieNames)).toEqual([[SESSION], [SESSION], []]);
    expect(cookieAfter(again)).not.toBe(cookieAfter(set));
    const settled = await app.request("/look", { headers: { cookie: cookieAfter(set) } });
    expect([settled.headers.get("vary"), settled.headers.get("cache-control")]).toEqual([
      "Cookie",
      "private",
    ]);
  });

  test("takes a manager that manages nothing", async () => {
    const app = new version.Hono<{ Variables: { session: { increment(name: string): number } } }>();
    app.use(honoSessions(new NullSessionManager()));
    app.get("/", (c) => c.text(String(c.var.session.increment("views"))));
    const response = await app.request("/");
    expect([await response.text(), cookieNames(response)]).toEqual(["1", []]);
  });

  test("learns of what is no manager, and of an option that there is not, when the adapter is made", () => {
    const manager = new SessionManager({ store: memoryStore(), sweepEvery: false });
    expect(() => honoSessions({} as unknown as SessionManager)).toThrow(SessionError);
    expect(() => honoSessions(manager, { name: "session" } as object)).toThrow(/"name" is not an option/);
  });
}

function streams(version: HonoVersion): void {
  test("of a helper is held until what its beginning changed is stored, and throws what it changes later", async () => {
    const rig = rigOf(version);
    const app = rig.app();
    const [door, later] = [gate(), gate()];
    const codes: unknown[] = [];
    app.get("/", (c) =>
      version.streaming.streamText(c, async (out) => {
        c.var.session.set("colour", "blue");
        await out.write("one ");
        await later.passage();
        try {
          c.var.session.set("colour", "green");
        } catch (error) {
          codes.push((error as SessionError).code);
        }
        await out.write(`two ${String(c.var.session.get("colour"))}`);
      }),
    );
    rig.store.next("create", waitsBefore(door));
    const answer = Promise.resolve(app.request("/"));
    let answered = false;
    void answer.then(() => (answered = true));
    await door.reached();
    expect(answered).toBe(false);
    door.open();
    const response = await answer;
    later.open();
    expect(await response.text()).toBe("one two blue");
    expect(codes).toEqual(["ERR_SESSION_SENT"]);
    expect(await rig.colourOf(cookieAfter(response))).toBe("blue");
  });

  test("is not read before its client reads it", async () => {
    const rig = rigOf(version);
    let pulled = 0;
    const pull = (controller: ReadableStreamDefaultController): void => {
      pulled += 1;
      controller.enqueue(new TextEncoder().encode("x"));
      if (pulled === 3) controller.close();
    };
    const app = rig.app().get("/", (c) => {
      c.var.session.set("colour", "blue");
      return c.body(new ReadableStream({ pull }, { highWaterMark: 0 }));
    });
    const response = await app.request("/");
    expect(pulled).toBe(0);
    expect(await response.text()).toBe("xxx");
  });
}

function platforms(version: HonoVersion): void {
  const touching = async (version: HonoVersion) => {
    const rig = rigOf(version);
    const cookie = await rig.visitor();
    rig.clock.advance(120_000);
    const door = gate();
    rig.store.next("update", waitsBefore(door));
    return { rig, door, headers: { cookie } };
  };

  test("with an execution context is asked to stay alive for a touch, which the response does not wait for", async () => {
    const { rig, door, headers } = await touching(version);
    const { kept, context } = platform();
    const app = rig.app().get("/", (c) => c.text("ok"));
    expect(await (await app.request("/", { headers }, {}, context)).text()).toBe("ok");
    expect(kept).toHaveLength(1);
    door.open();
    await Promise.all(kept);
    await rig.manager.close();
  });

  test("is asked by the option waitUntil, where that is given", async () => {
    const { rig, door, headers } = await touching(version);
    const { kept } = platform();
    const paths: string[] = [];
    const app = rig.app({
      waitUntil(work, c) {
        kept.push(work);
        paths.push(c.req.path);
      },
    });
    app.get("/here", (c) => c.text("ok"));
    expect(await (await app.request("/here", { headers })).text()).toBe("ok");
    expect([kept.length, paths]).toEqual([1, ["/here"]]);
    door.open();
    await Promise.all(kept);
    await rig.manager.close();
  });

  test("without an execution context gets its response after the touch", async () => {
    const { rig, door, headers } = await touching(version);
    const app = rig.app().get("/", (c) => c.text("ok"));
    let answered = false;
    const answer = Promise.resolve(app.request("/", { headers })).then(() => (answered = true));
    await door.reached();
    expect(answered).toBe(false);
    door.open();
    await answer;
  });

  test("says by clientAddress where the client is", async () => {
    const rig = rigOf(version);
    const app = rig.app({ clientAddress: (c) => (c.env as { address: string }).address });
    app.get("/", (c) => {
      c.var.session.login("ada");
      return c.text(String(c.var.session.remoteAddress));
    });
    expect(await (await app.request("/", {}, { address: "192.0.2.7" })).text()).toBe("192.0.2.7");
  });

  test("may mount the application below a path, where the cookie stays", async () => {
    const rig = rigOf(version, { cookie: { path: "mount" } });
    const app = rig.app({ mountPath: "/shop" }).get("/shop/cart", (c) => {
      c.var.session.set("colour", "blue");
      return c.text("ok");
    });
    expect((await app.request("/shop/cart")).headers.getSetCookie()[0]).toContain("; Path=/shop/;");
  });
}
