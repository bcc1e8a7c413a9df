import { expressSessionBridge } from "../bridges/express-session.ts";
import { type Duration, milliseconds } from "../core/duration.ts";
import type { AnyStore } from "../core/store.ts";
import type { CookieOptions } from "./cookie.ts";
import { deskOf } from "./desk.ts";
import { deprecated } from "./deprecation.ts";
import { MemoryStore } from "./memory-store.ts";
import { newId } from "./new-id.ts";
import type { PlainRequest } from "./request.ts";
import type { Secret } from "./signature.ts";
import { Store } from "./store.ts";
import type { StoreLike } from "./store-like.ts";

export type CookieMaker = (request: PlainRequest) => CookieOptions;

/** The options as they are given, by whoever has no compiler. */
export interface GivenOptions {
  readonly secret?: Secret | readonly Secret[] | undefined;
  readonly name?: string | undefined;
  readonly key?: string | undefined;
  readonly store?: StoreLike | AnyStore | undefined;
  readonly cookie?: CookieOptions | CookieMaker | undefined;
  readonly genid?: ((request: PlainRequest) => string) | undefined;
  readonly proxy?: boolean | undefined;
  readonly resave?: boolean | undefined;
  readonly rolling?: boolean | undefined;
  readonly saveUninitialized?: boolean | undefined;
  readonly unset?: string | undefined;
  readonly deadline?: Duration | undefined;
}

/** The options with their defaults in place. */
export interface Settings {
  readonly secrets: readonly Secret[] | undefined;
  readonly name: string;
  readonly store: StoreLike;
  readonly cookie: CookieOptions | CookieMaker;
  readonly genid: (request: PlainRequest) => string;
  readonly proxy: boolean | undefined;
  readonly resave: boolean;
  readonly rolling: boolean;
  readonly saveUninitialized: boolean;
  readonly destroysUnset: boolean;
  readonly deadlineMs: number;
}

const LEAKS =
  "Warning: connect.session() MemoryStore is not\n" +
  "designed for a production environment, as it will leak\n" +
  "memory, and will not scale past a single process.";

/** As it was when the process began, which is when it is decided what a process is. */
const isProduction: boolean = typeof process === "object" && process.env["NODE_ENV"] === "production";

/** Judges the options. What is deprecated is told. @throws TypeError for what cannot be meant. */
export function settingsOf(given: GivenOptions): Settings {
  const { genid, unset, secret } = given;
  if (genid && typeof genid !== "function") throw new TypeError("genid option must be a function");
  const resave = orDeprecated(given.resave, "resave");
  const saveUninitialized = orDeprecated(given.saveUninitialized, "saveUninitialized");
  if (unset && unset !== "destroy" && unset !== "keep")
    throw new TypeError('unset option must be "destroy" or "keep"');
  if (Array.isArray(secret) && secret.length === 0)
    throw new TypeError("secret option array must contain one or more strings");
  if (!secret) deprecated("req.secret; provide secret option");
  const deadline = given.deadline ?? "5s";
  const deadlineMs = milliseconds(deadline, "deadline");
  const store = storeOf(given.store, deadline);
  if (isProduction && store instanceof MemoryStore) console.warn(LEAKS);
  return {
    secrets: secret ? listOf(secret) : undefined,
    name: given.name || given.key || "connect.sid",
    store,
    cookie: given.cookie || {},
    genid: genid || newId,
    proxy: given.proxy,
    resave,
    rolling: Boolean(given.rolling),
    saveUninitialized,
    destroysUnset: unset === "destroy",
    deadlineMs,
  };
}

function orDeprecated(value: boolean | undefined, option: string): boolean {
  if (value !== undefined) return value;
  deprecated(`undefined ${option} option; provide ${option} option`);
  return true;
}

/** The list itself where one is given: applications add to it while they run. */
function listOf(secret: Secret | readonly Secret[]): readonly Secret[] {
  return Array.isArray(secret) ? (secret as readonly Secret[]) : [secret as Secret];
}

/** The store as this module asks one, which for a store of Holdfast is a bridge to it. */
function storeOf(given: StoreLike | AnyStore | undefined, deadline: Duration): StoreLike {
  if (!given) return new MemoryStore() as StoreLike;
  if (!isOfHoldfast(given)) return given;
  const present = bridges.get(given);
  if (present !== undefined) return present;
  const bridge = expressSessionBridge({ Store }, given, { deadline }) as unknown as StoreLike;
  deskOf(bridge).merges = true;
  bridges.set(given, bridge);
  return bridge;
}

/** One bridge a store: two middlewares upon one store have one `req.sessionStore`, as with every other. */
const bridges: WeakMap<AnyStore, StoreLike> = new WeakMap();

function isOfHoldfast(store: StoreLike | AnyStore): store is AnyStore {
  return "read" in store && "create" in store && "update" in store && !("get" in store);
}
