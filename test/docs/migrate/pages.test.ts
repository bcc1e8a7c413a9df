import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import type { Cookies } from "../../adopt/old-sites.ts";
import { PostgresServer } from "../../support/servers/postgres.ts";
import { withServers } from "../../support/servers/programs.ts";
import { RedisServer } from "../../support/servers/redis.ts";
import { blocksOf } from "../pages.ts";
import { type Answer, Program, removePrograms } from "./program.ts";

type Environment = Readonly<Record<string, string>>;

/** A page of `docs/migrate`, with the application that somebody has who reads it. */
interface Move {
  readonly page: string;
  /** The application before: it has `/login` and `/who`, as what the page's code becomes has. */
  readonly before: string;
  /** What makes an application of the page's code that answers. */
  readonly rest: string;
  readonly environment?: () => Promise<Environment>;
}

const SECRETS: Environment = {
  SESSION_SECRET: "a secret of the old application, long enough",
  SESSION_KEY: "a key of the old application, long enough",
  SESSION_PASSWORD: "a password of the old application, long enough",
};

const ANN = { user: "ann", cart: ["tea"] };
const NOBODY = { user: null, cart: null };
const NONE: Cookies = new Map();

const LISTENING =
  'const listening = server.listen(0, "127.0.0.1", () => console.log("port " + listening.address().port));';

const EXPRESS = `
app.get("/who", (req, res) => {
  res.json({ user: req.session.user, cart: req.session.get("cart") ?? null });
});
const server = app;
${LISTENING}
`;

const OLD_EXPRESS = `
app.get("/login", (req, res) => {
  req.session.userId = "ann";
  req.session.cart = ["tea"];
  res.json({});
});
app.get("/who", (req, res) => {
  res.json({ user: req.session.userId ?? null, cart: req.session.cart ?? null });
});
const server = app;
${LISTENING}
`;

function withExpressSession(store: string): string {
  return `
import express from "express";
import session from "express-session";
${store}
const app = express();
const { SESSION_SECRET: secret } = process.env;
app.use(session({ store, secret, resave: false, saveUninitialized: false, cookie: { maxAge: 86_400_000 } }));
${OLD_EXPRESS}`;
}

const REDIS = `
import { RedisStore } from "connect-redis";
import { createClient } from "redis";
const client = await createClient({ url: process.env.REDIS_URL }).connect();
const store = new RedisStore({ client });
`;

async function redis(): Promise<Environment> {
  const server = await RedisServer.start();
  onTestFinished(() => server.stop());
  return { REDIS_URL: server.url };
}

async function postgres(): Promise<Environment> {
  const server = await PostgresServer.start();
  onTestFinished(() => server.stop());
  return { DATABASE_URL: server.url };
}

const EMBEDDED: readonly Move[] = [
  {
    page: "better-sqlite3-session-store",
    before: withExpressSession(`
import Database from "better-sqlite3";
import sqliteSessionStore from "better-sqlite3-session-store";
const store = new (sqliteSessionStore(session))({ client: new Database("old-sessions.db") });
`),
    rest: EXPRESS,
  },
  {
    page: "session-file-store",
    before: withExpressSession(`
import sessionFileStore from "session-file-store";
const store = new (sessionFileStore(session))({ path: "./sessions", logFn() {} });
`),
    rest: EXPRESS,
  },
  {
    page: "cookie-session",
    before: `
import cookieSession from "cookie-session";
import express from "express";
const app = express();
app.use(cookieSession({ keys: [process.env.SESSION_KEY], maxAge: 86_400_000 }));
${OLD_EXPRESS}`,
    rest: EXPRESS,
  },
  {
    page: "koa-session",
    before: `
import Koa from "koa";
import { createSession } from "koa-session";
const server = new Koa();
server.keys = [process.env.SESSION_KEY];
server.use(createSession(server));
server.use((ctx) => {
  if (ctx.path === "/login") Object.assign(ctx.session, { userId: "ann", cart: ["tea"] });
  ctx.body = { user: ctx.session.userId ?? null, cart: ctx.session.cart ?? null };
});
${LISTENING}`,
    rest: `
app.use((ctx) => {
  ctx.body = { user: ctx.session.user, cart: ctx.session.get("cart") ?? null };
});
const server = app;
${LISTENING}`,
  },
  {
    page: "iron-session",
    before: `
import { createServer } from "node:http";
import { getIronSession } from "iron-session";
const options = { cookieName: "iron", password: process.env.SESSION_PASSWORD, cookieOptions: { secure: false } };
const server = createServer(async (req, res) => {
  const session = await getIronSession(req, res, options);
  if (req.url === "/login") await Object.assign(session, { userId: "ann", cart: ["tea"] }).save();
  res.setHeader("content-type", "application/json");
  res.end(JSON.stringify({ user: session.userId ?? null, cart: session.cart ?? null }));
});
${LISTENING}`,
    rest: `
import { serve } from "@hono/node-server";
const answer = sessions.wrap((_request, session) =>
  Response.json({ user: session.user, cart: session.get("cart") ?? null }),
);
serve({ fetch: (request) => answer(request), port: 0, hostname: "127.0.0.1" }, ({ port }) => console.log("port " + port));
`,
  },
];

const SERVED: readonly Move[] = [
  { page: "connect-redis", before: withExpressSession(REDIS), rest: EXPRESS, environment: redis },
  {
    page: "connect-pg-simple",
    before: withExpressSession(`
import connectPgSimple from "connect-pg-simple";
import { Pool } from "pg";
const pool = new Pool({ connectionString: process.env.DATABASE_URL });
const store = new (connectPgSimple(session))({ pool, createTableIfMissing: true });
`),
    rest: EXPRESS,
    environment: postgres,
  },
  {
    page: "fastify-session",
    before: `
import cookie from "@fastify/cookie";
import session from "@fastify/session";
import fastify from "fastify";
${REDIS}
const app = fastify();
await app.register(cookie);
await app.register(session, { store, secret: process.env.SESSION_SECRET, cookie: { secure: false } });
app.get("/login", async (request) => {
  request.session.set("userId", "ann");
  request.session.set("cart", ["tea"]);
  return {};
});
app.get("/who", async (request) => ({
  user: request.session.get("userId") ?? null,
  cart: request.session.get("cart") ?? null,
}));
await app.listen({ port: 0, host: "127.0.0.1" });
console.log("port " + app.server.address().port);
`,
    rest: `
app.get("/who", async (request) => ({ user: request.session.user, cart: request.session.get("cart") ?? null }));
await app.listen({ port: 0, host: "127.0.0.1" });
console.log("port " + app.server.address().port);
`,
    environment: redis,
  },
];

afterAll(removePrograms);

function movesAsWritten(moves: readonly Move[]): void {
  for (const move of moves) {
    const page = `docs/migrate/${move.page}.md`;

    test(`the code of ${page} takes over what the old application left, with nobody logged out`, async () => {
      const { asOld, asNew } = await sites(move);
      const old = await asOld("/login", NONE);
      const moved = await asNew(codeOf(move), "/who", old.cookies);
      expect(moved.shown).toEqual(ANN);
      expect([...moved.cookies.keys()]).toEqual(["__Host-Http-sid"]);
      const again = await asNew(codeOf(move), "/who", moved.cookies);
      expect(again.shown).toEqual(ANN);
    }, 120_000);

    test(`as ${page} says, who goes back after \`old: "keep"\` finds the sessions of before the move`, async () => {
      const { asOld, asNew } = await sites(move);
      const old = await asOld("/login", NONE);
      const kept = codeOf(move).replace("adopt({", 'adopt({ old: "keep",');
      const moved = await asNew(kept, "/who", old.cookies);
      expect(moved.shown).toEqual(ANN);
      expect((await asOld("/who", moved.cookies)).shown).toEqual(ANN);
      expect((await asOld("/who", NONE)).shown).toEqual(NOBODY);
    }, 120_000);
  }
}

/** Starts the one application or the other for one visit each, as one takes the place of the other. */
async function sites(move: Move): Promise<{
  asOld(path: string, cookies: Cookies): Promise<Answer>;
  asNew(code: string, path: string, cookies: Cookies): Promise<Answer>;
}> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-migrate-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const environment = { ...SECRETS, ...(await move.environment?.()) };
  async function visit(name: string, code: string, path: string, cookies: Cookies): Promise<Answer> {
    const program = await Program.start(name, code, folder, environment);
    try {
      return await program.visit(path, cookies);
    } finally {
      await program.stop();
    }
  }
  return {
    asOld: (path, cookies) => visit(`${move.page}.before`, move.before, path, cookies),
    asNew: (code, path, cookies) => visit(`${move.page}.after`, `${code}\n${move.rest}`, path, cookies),
  };
}

/** The first block of the page, as it stands there. */
function codeOf({ page }: Move): string {
  const [block] = blocksOf(`docs/migrate/${page}.md`).filter(({ language }) => language === "ts");
  if (block === undefined) throw new Error(`${page} has no code.`);
  return block.code;
}

movesAsWritten(EMBEDDED);
withServers(["redis", "postgres"], () => movesAsWritten(SERVED));
