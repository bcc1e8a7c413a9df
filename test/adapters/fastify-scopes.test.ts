import { PassThrough, type Readable } from "node:stream";
import type { FastifyInstance, FastifyPluginCallback, FastifyReply } from "fastify";
import { beforeEach, describe, expect, test } from "vitest";

import { fastifySessions } from "../../src/adapters/fastify.ts";
import { currentSession, type Session, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { gate } from "../../src/testing/index.ts";
import { type Rig, rig, VERSIONS } from "./support/fastify-rig.ts";

/** What stands on a request under the name of a session. */
function decorated(request: object, name = "session"): unknown {
  return (request as Record<string, unknown>)[name];
}

describe.each(VERSIONS)("%s", (_name, fastify) => {
  let it: Rig;
  let app: FastifyInstance;

  beforeEach(async () => {
    it = await rig(fastify);
    ({ app } = it);
  });

  describe("request.session", () => {
    test("is there in every scope within, and is no property of the request's own", async () => {
      app.register(async (scope) => {
        scope.get("/within", (request) => ({
          same: decorated(request) === it.sessions.of(request),
          own: Object.hasOwn(request, "session"),
        }));
      });
      expect(JSON.parse((await it.ask("/within")).body)).toEqual({ same: true, own: false });
      expect([app.hasRequestDecorator("session"), app.hasPlugin("holdfast")]).toEqual([true, true]);
    });

    test("is there in the scope that registers the plugin, and nowhere else", async () => {
      const outer = fastify();
      outer.register(async (scope) => {
        scope.register(it.sessions);
        scope.get("/inside", (request) => String(it.sessions.of(request).increment("views")));
      });
      outer.get("/outside", (request) => {
        expect(() => it.sessions.of(request)).toThrow(expect.objectContaining({ code: "ERR_SESSION_USE" }));
        return { there: "session" in request };
      });
      const inside = await outer.inject("/inside");
      expect([inside.body, inside.cookies.length]).toEqual(["1", 1]);
      expect((await outer.inject("/outside")).json()).toEqual({ there: false });
      await outer.close();
    });

    test("is undefined for a request that is left out, here by the route's own config", async () => {
      const outer = fastify();
      const sessions = fastifySessions<Session>(it.manager, {
        only: ({ routeOptions }) => (routeOptions.config as { readonly session?: boolean }).session !== false,
      });
      await outer.register(sessions);
      outer.get("/health", { config: { session: false } as object }, (request) => String(decorated(request)));
      outer.get("/page", (request) => String(decorated(request) === sessions.of(request)));
      expect((await outer.inject("/health")).body).toBe("undefined");
      expect((await outer.inject("/page")).body).toBe("true");
      await outer.close();
    });

    test("cannot be given to two managers", async () => {
      const outer = fastify();
      outer.register(it.sessions);
      outer.register(fastifySessions(new SessionManager({ store: memoryStore() })));
      await expect(outer.ready()).rejects.toMatchObject({ code: "FST_ERR_DEC_ALREADY_PRESENT" });
      await outer.close();
    });

    test("has another name for another manager, each with its own cookie", async () => {
      const admins = fastifySessions<Session>(
        new SessionManager({ store: memoryStore(), cookie: { name: "__Host-admin" } }),
        { decorate: "admin" },
      );
      await app.register(admins);
      app.get("/both", (request) => {
        it.sessions.of(request).set("colour", "blue");
        admins.of(request).set("colour", "green");
        return String(decorated(request, "admin") === admins.of(request));
      });
      const { body, cookies } = await it.ask("/both");
      expect([body, cookies.length]).toEqual(["true", 2]);
    });
  });

  test("a plugin that is registered in a scope and in the one around it loads and commits once", async () => {
    app.register(async (scope) => {
      scope.register(it.sessions);
      scope.get("/twice", (request) => String(it.sessions.of(request).increment("views")));
    });
    await it.ask("/twice");
    it.store.forget();
    expect((await it.ask("/twice")).body).toBe("2");
    expect(it.store.calls.map(({ operation }) => operation)).toEqual(["read", "update"]);
  });

  test("currentSession() is the request's own in every hook, and after a body that was waited for", async () => {
    const own = await rig(fastify, {}, { context: true });
    const seen: boolean[] = [];
    const look = async (request: { readonly raw: object }): Promise<void> => {
      await Promise.resolve();
      seen.push(currentSession() === own.sessions.of(request));
    };
    own.app.addHook("onRequest", look);
    own.app.addHook("preHandler", look);
    const door = gate();
    own.app.post("/body", async (request) => {
      await look(request);
      return request.body;
    });
    own.app.addHook("onRequest", async () => door.open());
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{"text":');
      await door.passage();
      yield Buffer.from('"second"}');
    }
    const { status } = await own.ask("/body", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: body(),
      duplex: "half",
    } as unknown as RequestInit);
    expect([status, seen]).toEqual([200, [true, true, true]]);
  });

  test("a device is known by the address that Fastify trusts", async () => {
    const behind = await rig(fastify, { trustProxy: "127.0.0.1" });
    behind.app.get("/enter", (request) => {
      behind.sessions.of(request).login("ada");
      return "in";
    });
    await behind.ask("/enter", { headers: { "x-forwarded-for": "203.0.113.7" } });
    const devices = await behind.manager.sessionsOf("ada");
    expect(devices.map(({ address }) => address)).toEqual(["203.0.113.7"]);
  });

  test.each([
    ["/shop", "/shop/cart", "/shop/"],
    ["/:tenant/shop", "/acme/shop/cart?a=/b", "/acme/shop/"],
  ])(
    "a cookie for the mount path of a scope at %s is for the path that the client sees",
    async (prefix, url, path) => {
      const outer = fastify();
      const manager = new SessionManager({ store: memoryStore(), cookie: { name: "sid", path: "mount" } });
      const sessions = fastifySessions<Session>(manager);
      outer.register(
        async (scope) => {
          scope.register(sessions);
          scope.get("/cart", (request) => String(sessions.of(request).increment("views")));
        },
        { prefix },
      );
      expect((await outer.inject(url)).cookies).toEqual([expect.objectContaining({ name: "sid", path })]);
      await outer.close();
    },
  );

  test("an automatic HEAD route carries the cookie and no body", async () => {
    const { status, cookies, body } = await it.ask("/set?to=red", { method: "HEAD" });
    expect([status, cookies.length, body]).toEqual([200, 1, ""]);
    expect(await it.colour()).toBe("red");
  });

  describe("what a handler set for every client", () => {
    const OWN = ["theme=dark", "lang=en"];

    test.each<[string, (reply: FastifyReply) => unknown]>([
      ["with a text", (reply) => reply.send("text")],
      ["with a stream", (reply) => reply.send(new PassThrough().end("text"))],
      ["hijacked", (reply) => void reply.hijack().raw.writeHead(200, { "set-cookie": OWN }).end("text")],
    ])("is sent beside the session's cookie and never grows, in an answer %s", async (_name, send) => {
      app.get("/own", (request, reply) => {
        it.sessions.of(request).set("colour", "blue");
        return send(reply.header("set-cookie", OWN));
      });
      const { cookies } = await it.ask("/own");
      expect(cookies).toEqual(["theme=dark", "lang=en", expect.stringMatching(/^__Host-Http-sid=/)]);
      expect(OWN).toEqual(["theme=dark", "lang=en"]);
    });
  });

  test("a Response keeps its own headers beside the session's, and is not left public", async () => {
    app.get("/response", (request) => {
      it.sessions.of(request).set("colour", "blue");
      const headers = {
        "set-cookie": "theme=dark",
        vary: "Accept",
        "cache-control": "public",
        "x-own": "kept",
      };
      return new Response("text", { headers });
    });
    const { body, cookies, headers } = await it.ask("/response");
    expect([body, cookies.length]).toEqual(["text", 2]);
    expect([headers.get("vary"), headers.get("cache-control")]).toEqual(["Accept, Cookie", "no-store"]);
    expect(headers.get("x-own")).toBe("kept");
  });

  describe.each(["before", "after"])("a plugin that is registered %s", (when) => {
    async function beside(plugin: FastifyPluginCallback): Promise<FastifyInstance> {
      const outer = fastify();
      const shared = Object.assign(plugin, { [Symbol.for("skip-override")]: true });
      if (when === "before") outer.register(shared);
      outer.register(it.sessions);
      if (when === "after") outer.register(shared);
      outer.get("/page", (request, reply) => {
        it.sessions.of(request).set("colour", "blue");
        return reply.send("page");
      });
      await outer.ready();
      return outer;
    }

    test("and sets cookies as @fastify/cookie does keeps the session's", async () => {
      const outer = await beside((instance, _options, done) => {
        instance.addHook("onSend", async (_request, reply) => {
          const lines = [reply.getHeader("Set-Cookie") ?? []].flat().map(String);
          reply.removeHeader("Set-Cookie");
          reply.header("Set-Cookie", [...lines, "theme=dark"]);
        });
        done();
      });
      const { cookies } = await outer.inject("/page");
      expect(cookies.map(({ name }) => name).sort()).toEqual(["__Host-Http-sid", "theme"]);
      await outer.close();
    });

    test("and turns the answer into a stream as @fastify/compress does keeps the session's headers", async () => {
      const outer = await beside((instance, _options, done) => {
        instance.addHook("onSend", async (_request, reply, payload): Promise<Readable> => {
          reply.removeHeader("content-length").header("vary", "Accept-Encoding");
          const packed = new PassThrough();
          setImmediate(() => packed.end(`<${String(payload)}>`));
          return packed;
        });
        done();
      });
      const { body, cookies } = await outer.inject("/page");
      expect([body, cookies.length]).toEqual(["<page>", 1]);
      await outer.close();
    });
  });
});
