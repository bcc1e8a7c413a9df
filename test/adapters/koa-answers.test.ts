import { Readable } from "node:stream";
import type Koa3 from "koa";
import { afterEach, describe, expect, test } from "vitest";

import { type KoaSessionsOptions, koaSessions } from "../../src/adapters/koa.ts";
import { type Session, SessionError, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { type CookieJar, cookieJar, failsBefore, faultyStore } from "../../src/testing/index.ts";
import { KOAS } from "./support/koa-subject.ts";
import { listening } from "./support/node-subject.ts";

interface Context extends Koa3.Context {
  session: Session;
}
type Middleware = (ctx: Context, next: Koa3.Next) => unknown;

/** An application with one client. */
interface Shop {
  readonly store: ReturnType<typeof faultyStore>;
  /** What `app.on("error")` was told. */
  readonly told: unknown[];
  readonly jar: CookieJar;
  /** Serves the paths below the sessions, beside `/set`, `/show`, `/login` and `/logout`. */
  routes(routes: Readonly<Record<string, Middleware>>): void;
  get(path: string, init?: RequestInit): Promise<Response>;
  /** What is stored of the client. */
  shown(): Promise<unknown>;
}

const CIRCLE: Record<string, unknown> = {};
CIRCLE["circle"] = CIRCLE;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Middleware in `outside` runs around the sessions. */
async function open(
  Koa: typeof Koa3,
  outside: readonly Middleware[] = [],
  options: KoaSessionsOptions = {},
): Promise<Shop> {
  const store = faultyStore(memoryStore());
  const manager = new SessionManager({ store: store.store, sweepEvery: false });
  const sessions = koaSessions<Session>(manager, options);
  const app = new Koa();
  const told: unknown[] = [];
  app.on("error", (error) => void told.push(error));
  for (const one of outside) app.use(one as Koa3.Middleware);
  app.use(sessions);
  const table: Record<string, Middleware> = {
    "/set": (ctx) => {
      ctx.session.set("colour", "red");
      ctx.body = "set";
    },
    "/login": (ctx) => {
      ctx.session.login("ada");
      ctx.body = "in";
    },
    "/logout": (ctx) => {
      ctx.session.logout();
      ctx.body = "out";
    },
    "/show": (ctx) => void (ctx.body = { user: ctx.session.user, ...ctx.session.data }),
  };
  app.use((ctx, next) => table[ctx.path]?.(ctx as unknown as Context, next));
  const running = await listening(app.callback());
  closers.push(
    () => running.close(),
    () => manager.close(),
  );
  const jar = cookieJar();

  async function get(path: string, init: RequestInit = {}): Promise<Response> {
    const url = `${running.origin}${path}`;
    const cookie = jar.header(url);
    const headers = { ...(init.headers as object), ...(cookie !== undefined && { cookie }) };
    const answer = await fetch(url, { redirect: "manual", ...init, headers });
    jar.take(answer.headers.getSetCookie(), url);
    return answer;
  }

  return {
    store,
    told,
    jar,
    get,
    routes: (routes) => void Object.assign(table, routes),
    shown: async () => await (await get("/show")).json(),
  };
}

function codesOf(told: readonly unknown[]): unknown[] {
  return told.map((error) => (SessionError.is(error) ? error.code : error));
}

const down = failsBefore(new Error("ECONNREFUSED 10.11.12.13"));

describe.each(Object.entries(KOAS))("%s", (_version, Koa) => {
  describe("headers of the session survive Koa's error handler, which removes every header", () => {
    test("the revocation of a logout that a failed request takes along", async () => {
      const shop = await open(Koa);
      shop.routes({
        "/fail": (ctx) => {
          ctx.set("X-Own", "gone");
          ctx.session.logout();
          throw new Error("boom");
        },
      });
      await shop.get("/login");
      const answer = await shop.get("/fail");
      expect([answer.status, answer.headers.get("x-own")]).toEqual([500, null]);
      expect(answer.headers.getSetCookie()).toEqual([expect.stringContaining("Max-Age=0")]);
      expect(await shop.shown()).toEqual({ user: null });
    });

    test("the cookie of a login beside ctx.throw(403), and what keeps caches away", async () => {
      const shop = await open(Koa);
      shop.routes({
        "/forbidden": (ctx) => {
          ctx.session.login("ada");
          ctx.throw(403);
        },
      });
      const answer = await shop.get("/forbidden");
      expect(answer.status).toBe(403);
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(await shop.shown()).toEqual({ user: "ada" });
    });
  });

  test("a body that no text can be made of fails the request: nothing is stored", async () => {
    const shop = await open(Koa);
    const bodies: Readonly<Record<string, unknown>> = { "/circle": CIRCLE, "/bigint": { size: 1n } };
    const answering = Object.entries(bodies).map(([path, body]): [string, Middleware] => [
      path,
      (ctx) => {
        ctx.session.set("colour", "blue");
        ctx.body = body;
      },
    ]);
    shop.routes(Object.fromEntries(answering));
    await shop.get("/set");
    for (const path of Object.keys(bodies)) expect((await shop.get(path)).status).toBe(500);
    expect(await shop.shown()).toEqual({ user: null, colour: "red" });
  });

  describe("a commit that fails", () => {
    test("reaches error middleware and app.on('error') once, and the client gets one whole answer", async () => {
      const caught: unknown[] = [];
      const shop = await open(Koa, [
        async (_ctx, next) => {
          await next().catch((error: unknown) => {
            caught.push(error);
            throw error;
          });
        },
      ]);
      shop.routes({
        "/order": (ctx) => {
          ctx.session.set("colour", "blue");
          ctx.set("ETag", '"1"');
          ctx.attachment("order.json");
          ctx.redirect("/thanks");
        },
      });
      await shop.get("/set");
      shop.store.always("update", down);
      const answer = await shop.get("/order");
      expect([answer.status, await answer.text()]).toEqual([503, "Service Unavailable"]);
      const left = ["etag", "location", "content-disposition"].filter((name) => answer.headers.has(name));
      expect(left).toEqual([]);
      expect(codesOf(caught)).toEqual(["ERR_SESSION_UNKNOWN"]);
      expect(shop.told).toEqual(caught);
      shop.store.heal();
      expect(await shop.shown()).toEqual({ user: null, colour: "red" });
    });

    test("leaves nothing of the answer that was dropped to error middleware that sets a body alone", async () => {
      const shop = await open(Koa, [
        async (ctx, next) => {
          ctx.set("X-Outer", "kept");
          await next().catch(() => (ctx.body = { sorry: true }));
        },
      ]);
      shop.routes({
        "/order": (ctx) => {
          ctx.session.set("colour", "blue");
          ctx.set({ ETag: '"1"', Location: "/thanks", "X-Inner": "gone" });
          ctx.type = "text/csv";
          ctx.body = "a,b";
        },
      });
      await shop.get("/set");
      shop.store.always("update", down);
      const answer = await shop.get("/order");
      expect([answer.status, await answer.json()]).toEqual([503, { sorry: true }]);
      const names = ["etag", "location", "x-inner", "x-outer", "content-type"];
      expect(names.map((name) => answer.headers.get(name))).toEqual([
        null,
        null,
        null,
        "kept",
        "application/json; charset=utf-8",
      ]);
    });

    test("because of a conflict is a 409 to error middleware", async () => {
      const seen: unknown[] = [];
      const shop = await open(Koa, [
        async (ctx, next) => {
          await next().catch((error: Error & { status?: number; expose?: boolean }) => {
            seen.push([error.status, error.expose === true]);
            ctx.status = error.status ?? 500;
          });
        },
      ]);
      shop.routes({
        "/take": async (ctx) => {
          ctx.body = String(ctx.session.take("colour"));
          if (ctx.query["first"] === undefined) await shop.get("/take?first");
        },
      });
      await shop.get("/set");
      const answer = await shop.get("/take");
      expect([answer.status, await answer.text()]).toEqual([409, "Conflict"]);
      expect(seen).toEqual([[409, false]]);
    });

    test("is not made up for when error middleware shows it as a success", async () => {
      const shop = await open(Koa, [
        async (ctx, next) => {
          await next().catch(() => {
            shop.store.heal();
            ctx.status = 200;
          });
        },
      ]);
      shop.routes({
        "/order": (ctx) => {
          ctx.session.set("colour", "blue");
          ctx.body = "ordered";
        },
      });
      await shop.get("/set");
      shop.store.always("update", down);
      expect((await shop.get("/order")).status).toBe(200);
      expect(await shop.shown()).toEqual({ user: null, colour: "red" });
    });

    test("beside ctx.throw is what is answered", async () => {
      const shop = await open(Koa);
      shop.routes({
        "/forbidden": (ctx) => {
          ctx.session.set("colour", "blue");
          ctx.throw(403);
        },
      });
      await shop.get("/set");
      shop.store.always("update", down);
      expect((await shop.get("/forbidden")).status).toBe(503);
      expect(codesOf(shop.told)).toEqual(["ERR_SESSION_UNKNOWN"]);
    });

    test("because a logout cannot reach the store tries it no more for the answer, and tells once", async () => {
      const shop = await open(Koa);
      await shop.get("/login");
      const before = shop.jar.cookies();
      shop.store.always("delete", down);
      expect((await shop.get("/logout")).status).toBe(503);
      expect(codesOf(shop.told)).toEqual(["ERR_SESSION_STORE_UNAVAILABLE"]);
      shop.store.heal();
      expect(shop.jar.cookies()).toEqual(before);
      expect((await shop.get("/logout")).status).toBe(200);
      expect(await shop.shown()).toEqual({ user: null });
    });

    const held: Readonly<Record<string, Middleware>> = {
      "past Koa": (ctx) => {
        ctx.respond = false;
        ctx.res.statusCode = 200;
        ctx.res.end("ordered");
      },
      "by ctx.res, with Koa none the wiser": (ctx) => {
        ctx.res.statusCode = 200;
        ctx.res.end("ordered");
      },
      "by a stream": (ctx) => void (ctx.body = Readable.from(["ordered"])),
    };
    test.each(Object.entries(held))("under an answer %s is rendered, and told once", async (_name, way) => {
      const renderFailure = (error: unknown): { status: number; headers: {}; body: string } => ({
        status: (error as SessionError).status,
        headers: {},
        body: "Try again.",
      });
      const shop = await open(Koa, [], { renderFailure });
      shop.routes({
        "/order": (ctx, next) => {
          ctx.session.set("colour", "blue");
          return way(ctx, next);
        },
      });
      await shop.get("/set");
      shop.store.always("update", down);
      const answer = await shop.get("/order");
      expect([answer.status, await answer.text()]).toEqual([503, "Try again."]);
      expect(codesOf(shop.told)).toEqual(["ERR_SESSION_UNKNOWN"]);
    });
  });

  test("an answer past Koa, with ctx.respond = false, is judged by the status that it has in the end", async () => {
    const shop = await open(Koa);
    shop.routes({
      "/later": (ctx) => {
        ctx.respond = false;
        ctx.session.set("colour", "blue");
        setImmediate(() => ctx.res.writeHead(502).end());
      },
    });
    await shop.get("/set");
    expect((await shop.get("/later")).status).toBe(502);
    expect(await shop.shown()).toEqual({ user: null, colour: "red" });
  });

  test("a stream that fails before its first byte changes nothing", async () => {
    const shop = await open(Koa);
    shop.routes({
      "/file": (ctx) => {
        ctx.session.set("colour", "blue");
        ctx.body = new Readable({
          read() {
            this.destroy(new Error("no such file"));
          },
        });
      },
    });
    await shop.get("/set");
    // Koa 2 answers with 500; Koa 3 cuts the connection.
    const status = await shop.get("/file").then(
      (it) => it.status,
      () => 500,
    );
    expect(status).toBe(500);
    expect(await shop.shown()).toEqual({ user: null, colour: "red" });
  });

  describe("middleware outside the sessions", () => {
    test("may change the session after the commit: that is saved, with its cookie, before the answer leaves", async () => {
      const shop = await open(Koa, [
        async (ctx, next) => {
          await next().catch(() => ctx.redirect("/show"));
          if (ctx.path !== "/forbidden") return;
          ctx.session.login("eve");
          ctx.session.flash("notice", "Not there.");
        },
      ]);
      shop.routes({
        "/forbidden": (ctx) => {
          ctx.session.set("colour", "blue");
          ctx.throw(403);
        },
        "/notice": (ctx) => void (ctx.body = ctx.session.flash("notice")),
      });
      const answer = await shop.get("/forbidden");
      expect(answer.status).toBe(302);
      expect(answer.headers.getSetCookie()).toHaveLength(1);
      expect(await shop.shown()).toEqual({ user: "eve", colour: "blue" });
      expect(await (await shop.get("/notice")).json()).toEqual(["Not there."]);
    });

    test("may make another answer, which carries the cookie", async () => {
      const shop = await open(Koa, [
        async (ctx, next) => {
          await next();
          if (ctx.path !== "/set") return;
          for (const name of Object.keys(ctx.response.headers)) ctx.remove(name);
          ctx.status = 202;
          ctx.body = { wrapped: true };
        },
      ]);
      const answer = await shop.get("/set");
      expect([answer.status, await answer.json()]).toEqual([202, { wrapped: true }]);
      expect(await shop.shown()).toEqual({ user: null, colour: "red" });
    });

    test("that throws after the commit does not take back what is stored, nor its cookie", async () => {
      const shop = await open(Koa, [
        async (ctx, next) => {
          await next();
          if (ctx.path === "/set") throw new Error("too late");
        },
      ]);
      const answer = await shop.get("/set");
      expect(answer.status).toBe(500);
      expect(answer.headers.getSetCookie()).toHaveLength(1);
      expect(await shop.shown()).toEqual({ user: null, colour: "red" });
    });

    test("that shows a status of 500 as another does not make a failed request a good one", async () => {
      const shop = await open(Koa, [
        async (ctx, next) => {
          await next();
          if (ctx.status === 500) ctx.status = 200;
        },
      ]);
      shop.routes({
        "/fail": (ctx) => {
          ctx.session.set("colour", "blue");
          ctx.status = 500;
          ctx.body = "sorry";
        },
      });
      await shop.get("/set");
      expect((await shop.get("/fail")).status).toBe(200);
      expect(await shop.shown()).toEqual({ user: null, colour: "red" });
    });

    test("that shows an error as a 404, as Koa 2 does by its code, does not make it a good one", async () => {
      const shop = await open(Koa);
      shop.routes({
        "/file": (ctx) => {
          ctx.session.set("colour", "blue");
          throw Object.assign(new Error("no such file"), { code: "ENOENT" });
        },
      });
      await shop.get("/set");
      expect((await shop.get("/file")).ok).toBe(false);
      expect(await shop.shown()).toEqual({ user: null, colour: "red" });
    });
  });

  test("an error that middleware within swallows is not seen: the status decides", async () => {
    const shop = await open(Koa);
    const swallowing =
      (status: number): Middleware =>
      (ctx) => {
        ctx.session.set("colour", `shown as ${status}`);
        ctx.status = status;
      };
    shop.routes({ "/bad": swallowing(400), "/worse": swallowing(500) });
    await shop.get("/bad");
    await shop.get("/worse");
    expect(await shop.shown()).toEqual({ user: null, colour: "shown as 400" });
  });
});
