import type { RequestListener } from "node:http";
import express5 from "express";
import express4 from "express4";
import { describe, expect, onTestFinished, test } from "vitest";

import { expressSessions } from "../../src/adapters/express.ts";
import { fastifySessions } from "../../src/adapters/fastify.ts";
import { koaSessions } from "../../src/adapters/koa.ts";
import { type Session, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { cookieJar } from "../../src/testing/index.ts";
import { VERSIONS } from "./support/fastify-rig.ts";
import { KOAS } from "./support/koa-subject.ts";
import { listening } from "./support/node-subject.ts";

/** What bears the session in a framework, as its handlers see it. */
interface Bearer {
  session: Session;
}

type Work = (bearer: Bearer, of: () => Session) => unknown;
/** An application that does the work of a path, and answers with what it returns. */
type Make = (
  manager: SessionManager,
  second: SessionManager,
  work: (path: string) => Work,
  before: (bearer: object) => void,
) => Promise<string>;

async function served(listener: RequestListener): Promise<string> {
  const running = await listening(listener);
  onTestFinished(() => running.close());
  return String(running.origin);
}

function onExpress(express: typeof express5): Make {
  return async (manager, second, work, before) => {
    const [first, other] = [expressSessions<Session>(manager), expressSessions<Session>(second)];
    const app = express();
    app.use((request, _response, next) => {
      before(request);
      next();
    });
    app.use(first);
    app.use("/two", other);
    app.use((request, response) => {
      const done = work(request.path)(request as unknown as Bearer, () =>
        (request.path === "/two" ? other : first).of(request),
      );
      response.send(String(done));
    });
    app.use(first.failed);
    app.use(((_error, _request, response, _next) => {
      response.status(400).send("refused");
    }) satisfies express5.ErrorRequestHandler);
    return await served(app);
  };
}

function onKoa(version: string): Make {
  return async (manager, second, work, before) => {
    const [first, other] = [koaSessions<Session>(manager), koaSessions<Session>(second)];
    const Koa = KOAS[version] as (typeof KOAS)[string];
    const app = new Koa();
    app.silent = true;
    app.use((ctx, next) => {
      before(ctx);
      return next();
    });
    app.use(first as never);
    app.use(((ctx: { path: string }, next: () => Promise<void>) =>
      ctx.path === "/two" ? other(ctx as never, next) : next()) as never);
    app.use((ctx) => {
      const done = work(ctx.path)(ctx as unknown as Bearer, () =>
        (ctx.path === "/two" ? other : first).of(ctx),
      );
      ctx.body = String(done);
    });
    return await served(app.callback());
  };
}

function onFastify(fastify: (typeof VERSIONS)[number][1]): Make {
  return async (manager, _second, work) => {
    const sessions = fastifySessions<Session>(manager);
    const app = fastify({ forceCloseConnections: true });
    onTestFinished(() => app.close());
    await app.register(sessions);
    app.get("/*", (request, reply) => {
      const path = request.url;
      void reply.send(String(work(path)(request as unknown as Bearer, () => sessions.of(request))));
    });
    return await app.listen({ host: "127.0.0.1", port: 0 });
  };
}

const frameworks: Readonly<Record<string, Make>> = {
  "Express 4": onExpress(express4 as unknown as typeof express5),
  "Express 5": onExpress(express5),
  ...Object.fromEntries(Object.keys(KOAS).map((version) => [version, onKoa(version)])),
  ...Object.fromEntries(VERSIONS.map(([name, fastify]) => [name, onFastify(fastify)])),
};

/** Works that say what they did, by the path that asks for them. */
const WORKS: Readonly<Record<string, Work>> = {
  "/login": ({ session }) => {
    session.data["cart"] = ["tea"];
    session.login("ada");
    return "in";
  },
  "/show": ({ session }) => `${session.user} ${JSON.stringify(session.data)}`,
  "/same": (bearer, of) => {
    // oxlint-disable-next-line no-self-assign -- what libraries do that put things back as they were
    bearer.session = bearer.session;
    return bearer.session === of() && Object.keys(bearer).includes("session");
  },
  "/two": ({ session }, of) => session === of() && session.user === null,
  "/null": (bearer) => {
    bearer.session.data["cart"] = [];
    bearer.session = null as never;
    return "out";
  },
  "/undefined": (bearer) => (bearer.session = undefined as never),
  "/object": (bearer) => (bearer.session = { cart: [] } as never),
  "/set": (_bearer, of) => of().set("colour", "blue").get("colour"),
  "/own": (_bearer, of) => of().get("colour"),
  "/theirs": ({ session }) => (session as { readonly theirs?: boolean }).theirs,
  "/told": (bearer) => {
    try {
      bearer.session = null as never;
      return "not refused";
    } catch (error) {
      return `${(error as { code?: string }).code} ${(error as Error).message}`;
    }
  },
};

describe.each(Object.entries(frameworks))("%s", (name, make) => {
  async function rig(before: (bearer: object) => void = () => {}) {
    const manager = new SessionManager({ store: memoryStore(), sweepEvery: false });
    const second = new SessionManager({
      store: memoryStore(),
      sweepEvery: false,
      cookie: { name: "second" },
    });
    const origin = await make(
      manager as SessionManager,
      second as SessionManager,
      (path) => WORKS[path] as Work,
      before,
    );
    const jar = cookieJar();
    return async (path: string): Promise<[number, string]> => {
      const cookie = jar.header(origin);
      const response = await fetch(origin + path, cookie === undefined ? {} : { headers: { cookie } });
      jar.take(response.headers.getSetCookie(), origin);
      return [response.status, await response.text()];
    };
  }

  // As koa-session and cookie-session would have it. Passed over in silence, nobody would be logged out.
  test("null or an object in the place of the session fails the request, and changes nothing", async () => {
    const ask = await rig();
    await ask("/login");
    for (const path of ["/null", "/undefined", "/object"]) {
      expect((await ask(path))[0]).toBeGreaterThanOrEqual(400);
      expect(await ask("/show")).toEqual([200, 'ada {"cart":["tea"]}']);
    }
  });

  test("the error of such an assignment names logout() and session.data", async () => {
    const [, told] = await (await rig())("/told");
    expect(told).toMatch(/^ERR_SESSION_USE .*logout\(\).*session\.data/);
  });

  test("the very same session may be put back, and is shown among the properties", async () => {
    // Fastify's decorations are properties of what all requests inherit from.
    const shown = name.startsWith("Fastify") ? "false" : "true";
    const ask = await rig();
    await ask("/login");
    expect(await ask("/same")).toEqual([200, shown]);
    expect(await ask("/show")).toEqual([200, 'ada {"cart":["tea"]}']);
  });

  // With Fastify the second manager has a name of its own.
  if (name.startsWith("Fastify")) return;
  test("the session of the adapter that was mounted last is shown", async () => {
    const ask = await rig();
    await ask("/login");
    expect(await ask("/two")).toEqual([200, "true"]);
    expect(await ask("/show")).toEqual([200, 'ada {"cart":["tea"]}']);
  });

  // A library that is moved away from: it works on while code of both is there, whichever stands first.
  test("a session that another library has shown already stays, and of() gives this one", async () => {
    const ask = await rig((bearer) => ((bearer as { session?: unknown }).session = { theirs: true }));
    expect(await ask("/set")).toEqual([200, "blue"]);
    expect(await ask("/theirs")).toEqual([200, "true"]);
    expect(await ask("/own")).toEqual([200, "blue"]);
  });

  test("a session that is null or undefined there is none", async () => {
    for (const nothing of [null, undefined]) {
      const ask = await rig((bearer) => ((bearer as { session?: unknown }).session = nothing));
      expect(await ask("/same")).toEqual([200, "true"]);
    }
  });
});
