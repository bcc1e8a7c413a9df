// What is compared with what: one more subject, store or framework is one more entry here.

export type FrameworkName = "node" | "express" | "fastify" | "koa" | "hono";

export type StoreName = "memory" | "sqlite" | "redis" | "postgres";

/** One server. */
export interface SubjectEntry {
  /** What it is called in results. */
  readonly name: string;
  /** What keeps its sessions: `bare` nothing, `by hand` one look-up, else a library. */
  readonly sessions: string;
  /** Which of its stores, where that is not the one of the group. */
  readonly store?: string;
}

/** Servers upon one framework, with their sessions in one kind of store. */
export interface Group {
  readonly framework: FrameworkName;
  readonly store: StoreName;
  readonly subjects: readonly SubjectEntry[];
}

const BARE = named("bare");
const BY_HAND = named("by hand");
const HOLDFAST = named("holdfast");
const CACHED_REDIS = through("cached", "redis cached");
const CACHED_POSTGRES = through("cached", "postgres cached");
const LMDB = through("lmdb", "lmdb");

export const GROUPS: readonly Group[] = [
  group("express", "memory", BARE, HOLDFAST, named("express-session")),
  group("express", "redis", BARE, BY_HAND, HOLDFAST, CACHED_REDIS, named("express-session", "connect-redis")),
  group(
    "express",
    "postgres",
    BARE,
    BY_HAND,
    HOLDFAST,
    CACHED_POSTGRES,
    named("express-session", "connect-pg-simple"),
  ),
  group(
    "express",
    "sqlite",
    BARE,
    BY_HAND,
    HOLDFAST,
    LMDB,
    named("express-session", "better-sqlite3-session-store"),
  ),
  group("fastify", "memory", BARE, HOLDFAST, named("@fastify/session")),
  group("fastify", "redis", BARE, BY_HAND, HOLDFAST, named("@fastify/session", "connect-redis")),
  group("koa", "memory", BARE, HOLDFAST, named("koa-session")),
  group("koa", "redis", BARE, BY_HAND, HOLDFAST, named("koa-session")),
  group("hono", "memory", BARE, HOLDFAST, named("hono-sessions")),
  group("node", "memory", BARE, HOLDFAST, named("iron-session")),
];

function group(framework: FrameworkName, store: StoreName, ...subjects: readonly SubjectEntry[]): Group {
  return { framework, store, subjects };
}

function named(sessions: string, through?: string): SubjectEntry {
  return { name: through === undefined ? sessions : `${sessions}, ${through}`, sessions };
}

/** Holdfast upon another of its stores than that of the group. */
function through(name: string, store: string): SubjectEntry {
  return { name: `holdfast, ${name}`, sessions: "holdfast", store };
}

/** One piece of work. */
export interface WorkEntry {
  readonly name: WorkName;
  readonly method: "GET" | "POST";
  readonly path: string;
  /** What the session of each connection holds; none is sent without. */
  readonly session?: "small" | "large" | "shared";
}

export type WorkName = "anonymous" | "read" | "write" | "write in 100 kB" | "login" | "64 on one session";

export const WORKS: readonly WorkEntry[] = [
  { name: "anonymous", method: "GET", path: "/anonymous" },
  { name: "read", method: "GET", path: "/read", session: "small" },
  { name: "write", method: "POST", path: "/write", session: "small" },
  { name: "write in 100 kB", method: "POST", path: "/write", session: "large" },
  { name: "login", method: "POST", path: "/login" },
  { name: "64 on one session", method: "POST", path: "/count", session: "shared" },
];

export function workOf(name: WorkName): WorkEntry {
  const found = WORKS.find((work) => work.name === name);
  if (found === undefined) throw new Error(`The bench knows no work named ${name}.`);
  return found;
}

/** What sessions hold before they are measured: things in a cart, as JSON. */
export const SIZES = {
  small: { bytes: 200, fields: 1 },
  large: { bytes: 100_000, fields: 10 },
  shared: { bytes: 200, fields: 1 },
} as const;

/** Whether a subject does a piece of work at all: what is done by hand only reads. */
export function isFor({ sessions }: SubjectEntry, work: WorkEntry): boolean {
  return sessions !== "by hand" || work.name === "read";
}
