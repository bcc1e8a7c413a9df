// The applications that sessions come from: the real libraries, each served as its pages say.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Better from "better-sqlite3";
import connectPgSimple from "connect-pg-simple";
import { RedisStore } from "connect-redis";
import express from "express";
import expressSession, { type SessionOptions, type Store } from "express-session";
import fastify from "fastify";
import { getIronSession, unsealData } from "iron-session";
import Koa from "koa";
import { Pool } from "pg";
import { createClient } from "redis";
import { fromCookieSession } from "../../src/adopt/cookie-session.ts";
import { fromExpressSession } from "../../src/adopt/express-session.ts";
import { fromFastifySession } from "../../src/adopt/fastify-session.ts";
import { fromIronSession } from "../../src/adopt/iron-session.ts";
import { fromKoaSession } from "../../src/adopt/koa-session.ts";
import type { AdoptSource } from "../../src/adopt.ts";
import { PostgresServer } from "../support/servers/postgres.ts";
import { RedisServer } from "../support/servers/redis.ts";

const require = createRequire(import.meta.url);
/** What has no types of its own. */
type Untyped = (...args: unknown[]) => never;

export const SECRET = "a secret of the old application, long enough";
export const OLDER_SECRET = "the secret that it had before, long enough too";
export const MAX_AGE_MS = 7 * 86_400_000;

/** The cookies of a browser, by name. */
export type Cookies = ReadonlyMap<string, string>;

/** An application before the move. */
export interface OldSite {
  readonly source: AdoptSource;
  /** A visit that stores this in the session. Gives the cookies after it. */
  visit(data: object, cookies?: Cookies): Promise<Cookies>;
  /** What the application finds by these cookies; an empty object for a new session. */
  shown(cookies: Cookies): Promise<Record<string, unknown>>;
  /** The names of the cookies that make a session. */
  readonly names: readonly string[];
  /** The cookies that would hold the bare stored key, unsigned; `null` where there is none. */
  bare(cookies: Cookies): Cookies | null;
  close(): Promise<void>;
}

export function headerOf(cookies: Cookies): string {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
}

/** The cookies after an answer that set some. */
export function after(cookies: Cookies, lines: readonly string[]): Cookies {
  const kept = new Map(cookies);
  for (const line of lines) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) kept.delete(name);
    else kept.set(name, value);
  }
  return kept;
}

interface Served {
  visit: OldSite["visit"];
  shown: OldSite["shown"];
  close(): Promise<void>;
}

async function served(listener: RequestListener): Promise<Served> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/`;
  return {
    async visit(data, cookies = new Map()) {
      const query = encodeURIComponent(JSON.stringify(data));
      const headers = { cookie: headerOf(cookies), "x-forwarded-proto": "https" };
      const response = await fetch(`${url}set?data=${query}`, { headers });
      if (response.status !== 200) throw new Error(await response.text());
      return after(cookies, response.headers.getSetCookie());
    },
    async shown(cookies) {
      const response = await fetch(`${url}get`, { headers: { cookie: headerOf(cookies) } });
      return (await response.json()) as Record<string, unknown>;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function dataIn(url: string | undefined): object {
  return JSON.parse(new URL(url ?? "/", "http://x").searchParams.get("data") ?? "{}") as object;
}

function expressListener(middleware: Untyped | ReturnType<typeof expressSession>): RequestListener {
  const app = express();
  app.set("trust proxy", true);
  app.use(middleware as ReturnType<typeof expressSession>);
  app.get("/set", (req, res) => {
    Object.assign(req.session, dataIn(req.url));
    res.end();
  });
  app.get("/get", (req, res) => {
    const { cookie: _, __lastAccess: __, ...data } = { ...req.session } as Record<string, unknown>;
    res.json(data);
  });
  return app as RequestListener;
}

/** An application with express-session, over any store. */
export async function expressSite(
  store: Store,
  over: Partial<SessionOptions> = {},
  close: () => Promise<unknown> = async () => undefined,
): Promise<OldSite> {
  const options: SessionOptions = {
    store,
    secret: SECRET,
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: MAX_AGE_MS },
    ...over,
  };
  const site = await served(expressListener(expressSession(options)));
  return {
    ...site,
    source: fromExpressSession({ store, secret: [SECRET, OLDER_SECRET] }),
    names: ["connect.sid"],
    bare(cookies) {
      const [, sid = ""] = /^s%3A([^.]+)\./.exec(cookies.get("connect.sid") ?? "") ?? [];
      return new Map([["connect.sid", sid]]);
    },
    async close() {
      await site.close();
      await close();
    },
  };
}

export async function redisSite(): Promise<OldSite> {
  const server = await RedisServer.start();
  const client = createClient({ url: server.url });
  await client.connect();
  const store = new RedisStore({ client, prefix: "old:" });
  return await expressSite(store, {}, async () => {
    await client.close();
    await server.stop();
  });
}

export async function postgresSite(): Promise<OldSite> {
  const server = await PostgresServer.start();
  const pool = new Pool({ connectionString: server.url, max: 2 });
  // The server is stopped while its last goodbye is on its way.
  pool.on("error", () => undefined);
  const PgStore = connectPgSimple(expressSession);
  const store = new PgStore({ pool, createTableIfMissing: true, pruneSessionInterval: false });
  return await expressSite(store, {}, async () => {
    await pool.end();
    await server.stop();
  });
}

export async function sqliteSite(): Promise<OldSite> {
  const database = new Better(":memory:");
  const SqliteStore = (
    require("better-sqlite3-session-store") as (
      s: unknown,
    ) => new (o: object) => Store & { startInterval(): void }
  )(expressSession);
  // Its timer would keep the process alive.
  SqliteStore.prototype.startInterval = () => undefined;
  const store = new SqliteStore({ client: database });
  return await expressSite(store, {}, async () => database.close());
}

export async function fileSite(): Promise<OldSite> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-adopt-"));
  const FileStore = (require("session-file-store") as (s: unknown) => new (o: object) => Store)(
    expressSession,
  );
  const store = new FileStore({ path: folder, retries: 0, reapInterval: -1, logFn: () => undefined });
  return await expressSite(store, {}, () => rm(folder, { recursive: true }));
}

export async function fastifySite(): Promise<OldSite> {
  const { MemoryStore } = require("@fastify/session") as {
    MemoryStore: new (map?: Map<unknown, unknown>) => Store;
  };
  const store = new MemoryStore(new Map());
  const app = fastify({ trustProxy: true });
  await app.register(require("@fastify/cookie") as never);
  await app.register(
    require("@fastify/session") as never,
    {
      store,
      secret: [SECRET, OLDER_SECRET],
      saveUninitialized: false,
      cookie: { maxAge: MAX_AGE_MS, secure: false },
    } as never,
  );
  type WithSession = {
    readonly session: Record<string, unknown> & { set(name: string, value: unknown): void };
  };
  app.get("/set", async (request) => {
    for (const [name, value] of Object.entries(dataIn(request.url)))
      (request as unknown as WithSession).session.set(name, value);
    return "";
  });
  app.get("/get", async (request) => {
    const { cookie: _, ...data } = { ...(request as unknown as WithSession).session };
    return Object.fromEntries(Object.entries(data).filter(([, value]) => typeof value !== "function"));
  });
  await app.ready();
  const site = await served((req, res) => app.routing(req, res));
  return {
    ...site,
    source: fromFastifySession({ store, secret: [SECRET, OLDER_SECRET] }),
    names: ["sessionId"],
    bare(cookies) {
      const [sid = ""] = decodeURIComponent(cookies.get("sessionId") ?? "").split(".");
      return new Map([["sessionId", sid]]);
    },
    async close() {
      await site.close();
      await app.close();
    },
  };
}

type KoaContext = Koa.Context & { session: Record<string, unknown> & { toJSON(): Record<string, unknown> } };

/** koa-session with all of a session in its cookie, or with a store. */
export async function koaSite(where: "cookie" | "store"): Promise<OldSite> {
  const { createSession } = (await import("koa-session")) as unknown as {
    createSession: (options: object, app: Koa) => Koa.Middleware;
  };
  const records = new Map<string, unknown>();
  const store = {
    get: async (key: string) => structuredClone(records.get(key)),
    set: async (key: string, data: object) => void records.set(key, JSON.parse(JSON.stringify(data))),
    destroy: async (key: string) => void records.delete(key),
  };
  const app = new Koa();
  app.keys = [SECRET, OLDER_SECRET];
  app.use(createSession({ maxAge: MAX_AGE_MS, ...(where === "store" && { store }) }, app));
  app.use(async (context) => {
    const ctx = context as KoaContext;
    if (ctx.path === "/set") Object.assign(ctx.session, dataIn(ctx.url));
    ctx.body = ctx.path === "/set" ? "" : { ...ctx.session.toJSON() };
  });
  const site = await served(app.callback());
  return {
    ...site,
    source: fromKoaSession({ keys: [SECRET, OLDER_SECRET], ...(where === "store" && { store }) }),
    names: ["koa.sess", "koa.sess.sig"],
    bare: (cookies) => new Map([["koa.sess", cookies.get("koa.sess") ?? ""]]),
  };
}

export async function cookieSite(): Promise<OldSite> {
  const cookieSession = require("cookie-session") as (options: object) => Untyped;
  const middleware = cookieSession({ keys: [SECRET, OLDER_SECRET], maxAge: MAX_AGE_MS });
  const site = await served(expressListener(middleware));
  return {
    ...site,
    source: fromCookieSession({ keys: [SECRET, OLDER_SECRET], maxAge: MAX_AGE_MS }),
    names: ["session", "session.sig"],
    bare: (cookies) => new Map([["session", cookies.get("session") ?? ""]]),
  };
}

export async function ironSite(chunk = false): Promise<OldSite> {
  const password = { 2: SECRET, 1: OLDER_SECRET };
  const options = {
    cookieName: "iron",
    password,
    ttl: MAX_AGE_MS / 1000,
    chunk,
    cookieOptions: { secure: false },
  };
  const site = await served(async (req, res) => {
    const session = await getIronSession<Record<string, unknown>>(req, res, options);
    const isSet = req.url?.startsWith("/set") === true;
    if (isSet) Object.assign(session, dataIn(req.url));
    if (isSet) await session.save();
    res.setHeader("content-type", "application/json");
    res.end(isSet ? "" : JSON.stringify(session));
  });
  return {
    ...site,
    source: fromIronSession({
      cookieName: "iron",
      unseal: (seal) => unsealData(seal, { password, ttl: MAX_AGE_MS / 1000 }),
    }),
    names: ["iron"],
    bare: () => null,
  };
}
