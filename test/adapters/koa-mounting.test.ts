import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import type Koa3 from "koa";
import { afterEach, describe, expect, test } from "vitest";

import { type KoaSessionsOptions, koaSessions } from "../../src/adapters/koa.ts";
import {
  currentSession,
  NullSessionManager,
  type Session,
  SessionManager,
  type SessionManagerOptions,
} from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { failsBefore, faultyStore } from "../../src/testing/index.ts";
import { KOAS } from "./support/koa-subject.ts";
import { listening } from "./support/node-subject.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function origin(app: Koa3): Promise<string> {
  const running = await listening(app.callback());
  closers.push(() => running.close());
  return String(running.origin);
}

function managed(
  options: Omit<SessionManagerOptions<{}, Session>, "store"> & {
    readonly store?: ReturnType<typeof memoryStore>;
  } = {},
): SessionManager {
  const manager = new SessionManager({
    store: memoryStore(),
    sweepEvery: false,
    ...options,
  }) as SessionManager;
  closers.push(() => manager.close());
  return manager;
}

/** As koa-mount does it: the prefix is taken off the path for what is below, and put back. */
function mount(prefix: string, below: Koa3.Middleware): Koa3.Middleware {
  return async (ctx, next) => {
    const whole = ctx.path;
    if (whole !== prefix && !whole.startsWith(`${prefix}/`)) return await next();
    const inner = whole.slice(prefix.length) || "/";
    ctx["mountPath"] = prefix;
    ctx.path = inner;
    await below(ctx, async () => {
      ctx.path = whole;
      await next();
      ctx.path = inner;
    });
    ctx.path = whole;
  };
}

describe.each(Object.entries(KOAS))("%s", (_version, Koa) => {
  test("of() takes a context, its request and Node's, and refuses what has no session here", async () => {
    const sessions = koaSessions<Session>(managed(), { only: (ctx) => ctx.path !== "/assets" });
    const app = new Koa();
    app.use(sessions).use((ctx) => {
      if (ctx.path !== "/assets")
        expect([sessions.of(ctx), sessions.of(ctx.request), sessions.of(ctx.req)]).toEqual(
          Array.from({ length: 3 }, () => ctx.session),
        );
      else expect(() => sessions.of(ctx)).toThrow(expect.objectContaining({ code: "ERR_SESSION_USE" }));
      ctx.body = "as said";
    });
    app.silent = true;
    const at = await origin(app);
    for (const path of ["/", "/assets"]) expect(await (await fetch(at + path)).text()).toBe("as said");
  });

  test("mounted twice it gives one session and commits once", async () => {
    const store = faultyStore(memoryStore());
    const sessions = koaSessions<Session>(managed({ store: store.store }));
    const app = new Koa();
    app.use(sessions).use(sessions);
    app.use((ctx) => void (ctx.body = String(sessions.of(ctx).increment("views"))));
    const answer = await fetch(await origin(app));
    expect([await answer.text(), store.count("create")]).toEqual(["1", 1]);
  });

  test("beside a library that defines ctx.session it leaves that alone, and of() works", async () => {
    const app = new Koa();
    const theirs: unknown[] = [];
    // As koa-session does it.
    Object.defineProperty(app.context, "session", {
      get: () => "theirs",
      set(value) {
        theirs.push(value);
      },
    });
    const sessions = koaSessions<Session>(managed());
    app.use(sessions).use((ctx) => {
      ctx.body = `${String(ctx.session)} ${sessions.of(ctx).increment("views")}`;
    });
    expect(await (await fetch(await origin(app))).text()).toBe("theirs 1");
    expect(theirs).toEqual([]);
  });

  describe("of two managers", () => {
    async function both(
      failing: "inner" | "outer",
    ): Promise<{ status: number; cookies: number; stored: number }> {
      const stores = { outer: faultyStore(memoryStore()), inner: faultyStore(memoryStore()) };
      const outer = koaSessions<Session>(managed({ store: stores.outer.store }));
      const inner = koaSessions<Session>(
        managed({ store: stores.inner.store, cookie: { name: "__Host-admin" } }),
      );
      stores[failing].always("create", failsBefore(new Error("down")));
      const app = new Koa();
      app.silent = true;
      app.use(outer).use(inner);
      app.use((ctx) => {
        outer.of(ctx).set("a", 1);
        inner.of(ctx).set("b", 2);
        ctx.body = "both";
      });
      const answer = await fetch(await origin(app));
      const other = stores[failing === "inner" ? "outer" : "inner"];
      return {
        status: answer.status,
        cookies: answer.headers.getSetCookie().length,
        stored: other.count("create"),
      };
    }

    test("the outer one saves nothing when the inner one cannot save", async () => {
      expect(await both("inner")).toEqual({ status: 503, cookies: 0, stored: 0 });
    });

    test("what the inner one saved stays, and its cookie arrives, when the outer one cannot save", async () => {
      expect(await both("outer")).toEqual({ status: 503, cookies: 1, stored: 1 });
    });
  });

  test("a cookie for where the application is mounted has every prefix that koa-mount took off", async () => {
    const sessions = koaSessions<Session>(managed({ cookie: { name: "__Secure-sid", path: "mount" } }));
    const below: Koa3.Middleware = (ctx, next) =>
      sessions(ctx as never, async () => {
        sessions.of(ctx).set("a", 1);
        ctx.body = ctx.path;
        await next();
      });
    const app = new Koa();
    app.use(mount("/eu", mount("/shop", below)));
    app.use(
      mount("/rewritten", async (ctx, next) => {
        ctx.path = "/elsewhere";
        await below(ctx, next);
      }),
    );
    app.use(mount("/left", async (_ctx, next) => await next()));
    app.use(async (ctx, next) => {
      if (ctx.path === "/old/page") ctx.path = "/page";
      await below(ctx, next);
    });
    const at = await origin(app);
    const paths: Readonly<Record<string, string>> = {
      "/eu/shop/cart?page=/eu": "/eu/shop/",
      "/eu/shop": "/eu/shop/",
      "/eu/shop/": "/eu/shop/",
      "/rewritten/here": "/rewritten/",
      "/left/cart": "/",
      "/old/page": "/",
      "/": "/",
    };
    for (const [path, mounted] of Object.entries(paths)) {
      const [cookie = ""] = (await fetch(at + path)).headers.getSetCookie();
      expect(/Path=([^;]*)/.exec(cookie)?.[1], path).toBe(mounted);
    }
  });

  test("the address of a device is the connection's, or what Koa makes of the proxy's header by the option", async () => {
    async function addressBy(options: KoaSessionsOptions): Promise<string | null | undefined> {
      const manager = managed();
      const app = new Koa();
      app.proxy = true;
      app.use(koaSessions<Session>(manager, options)).use((ctx) => {
        ctx.session.login("ada");
        ctx.body = "in";
      });
      await fetch(await origin(app), { headers: { "x-forwarded-for": "203.0.113.9, 10.0.0.1" } });
      return (await manager.sessionsOf("ada"))[0]?.address;
    }
    expect(await addressBy({})).toBe("127.0.0.1");
    expect(await addressBy({ clientAddress: (ctx) => ctx.ip })).toBe("203.0.113.9");
  });

  test("currentSession() works below, beside Koa's own context storage", async () => {
    const app = new Koa({ asyncLocalStorage: true });
    const sessions = koaSessions<Session>(managed({ context: true }));
    app.use(sessions).use(async (ctx) => {
      await Promise.resolve();
      ctx.body = `${currentSession() === ctx.session} ${app.currentContext?.["req"] === ctx.req}`;
    });
    expect(await (await fetch(await origin(app))).text()).toBe("true true");
  });

  test("HTTP/2 answers are saved before they are seen, and fail as a whole", async () => {
    const store = faultyStore(memoryStore());
    const app = new Koa();
    app.silent = true;
    app.use(koaSessions<Session>(managed({ store: store.store }))).use((ctx) => {
      ctx.session.set("a", 1);
      ctx.redirect("/next");
    });
    const server = createServer(app.callback()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const asked = async (): Promise<unknown> => {
      const stream = client.request({ ":path": "/" }).resume();
      const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
      return [
        headers[":status"],
        headers["location"],
        (headers["set-cookie"] as unknown[] | undefined)?.length,
      ];
    };
    expect(await asked()).toEqual([302, "/next", 1]);
    store.always("create", failsBefore(new Error("down")));
    expect(await asked()).toEqual([503, undefined, undefined]);
    client.close();
    server.close();
  });

  test("an error listener that throws harms its own request alone", async () => {
    const store = faultyStore(memoryStore());
    const app = new Koa();
    app.on("error", () => {
      throw new Error("in the listener");
    });
    app.use(koaSessions<Session>(managed({ store: store.store }))).use((ctx) => {
      ctx.respond = false;
      ctx.session.set("a", 1);
      ctx.res.end("set");
    });
    const at = await origin(app);
    store.always("create", failsBefore(new Error("down")));
    expect((await fetch(at)).status).toBe(503);
    store.heal();
    const answer = await fetch(at);
    expect([await answer.text(), answer.headers.getSetCookie().length]).toEqual(["set", 1]);
  });

  test("a NullSessionManager gives sessions without substance", async () => {
    const app = new Koa();
    app.use(koaSessions(new NullSessionManager())).use((ctx) => {
      ctx.session.set("a", 1);
      ctx.body = String(ctx.session.get("a"));
    });
    const answer = await fetch(await origin(app));
    expect([await answer.text(), answer.headers.getSetCookie()]).toEqual(["1", []]);
  });
});

test("options that are none, of another kind, or without a manager, are refused", () => {
  const manager = managed();
  const refused = expect.objectContaining({ code: "ERR_SESSION_CONFIG" });
  for (const options of [{ onError: () => undefined }, { only: "/assets" }, null])
    expect(() => koaSessions(manager, options as never)).toThrow(refused);
  expect(() => koaSessions({} as never)).toThrow(refused);
});
