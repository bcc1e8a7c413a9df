import { type AtRestPolicy, type PepperOptions, resolveAtRest, type SealOptions } from "./at-rest.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type Codec, jsonCodec } from "./codec.ts";
import { type CookieOptions, type CookiePolicy, resolveCookie } from "./cookie.ts";
import { type CsrfOptions, type CsrfPolicy, resolveCsrf } from "./csrf.ts";
import { type Duration, milliseconds } from "./duration.ts";
import { refuseConfig } from "./errors.ts";
import type { SessionExtension } from "./extension.ts";
import { checkExtensions } from "./extensions.ts";
import { type MoveOptions, type MovePolicy, resolveMoves } from "./moves.ts";
import { checkOptionNames } from "./option-names.ts";
import { type Lifetime, type LifetimeOptions, resolveLifetime } from "./lifetime.ts";
import { checkSchemas, type FieldSchemas } from "./schema.ts";
import { type AnySession, Session } from "./session.ts";
import type { ConcurrencyOptions } from "./seats.ts";
import type { SessionInit } from "./session-host.ts";
import type { AnyStore, StoreTraits } from "./store.ts";
import type { WatchRules } from "./watch.ts";

/** A session class of one's own. Its constructor passes what it is given on to `Session`. */
export type SessionClass<S extends AnySession> = new (init: SessionInit) => S;

export interface SessionManagerOptions<
  Fields extends FieldSchemas,
  S extends AnySession,
> extends LifetimeOptions {
  /** Where sessions live. */
  readonly store: AnyStore;
  /** Name and attributes of the cookie. The defaults are the safest that every browser keeps. */
  readonly cookie?: CookieOptions;
  /** One Standard Schema per field; synchronous. Fields without one are not checked. */
  readonly fields?: Fields;
  /** A subclass of `Session`. */
  readonly sessionClass?: SessionClass<S>;
  /** How values become text; default JSON with Date, Map, Set, bigint and the odd numbers. */
  readonly codec?: Codec;
  /** The largest sum of all field names and texts, in bytes of UTF-8; default 1 MiB. */
  readonly maxRecordBytes?: number;
  /** How long a store call may take; default 2 s. */
  readonly deadline?: Duration;
  /**
   * What a request gets when its session cannot be read: `"fail"` (default), an error with status 503, or
   * `"anonymous"`, an empty session that refuses changes and leaves the cookie alone.
   */
  readonly onStoreFailure?: "fail" | "anonymous";
  /** When two requests read and change one field: `"last-wins"` (default) with an event, or `"fail"` the later one. */
  readonly onConflict?: "last-wins" | "fail";
  /** When the session ended while a request was running: `"drop"` its changes (default) with an event, or `"fail"` it. */
  readonly onGone?: "drop" | "fail";
  /** Whether a logout takes place although its request failed; default `true`. */
  readonly endOnFailure?: boolean;
  /** Lets `currentSession()` work below the handler; default `false`. */
  readonly context?: boolean;
  /** Whether to prepare the store at first use; default `true`. */
  readonly setup?: boolean;
  /** How often to delete expired records, where the store does not by itself; default 10 minutes, `false` for never. */
  readonly sweepEvery?: Duration | false;
  /** How live connections learn that their session is over. */
  readonly live?: LiveOptions;
  /** The guard against requests that a stranger's page has a browser send; on by default, `false` for none. */
  readonly csrf?: CsrfOptions | false;
  /** What counts as a session being presented from elsewhere, for the event `moved`; `false` to compare and to note nothing. */
  readonly moves?: MoveOptions | false;
  /**
   * What the answer to a logout tells the browser to forget (Clear-Site-Data; ASVS 14.3.1); default `["cookies", "storage"]`, of which the
   * first is for all of the site's cookies, those of sibling hosts too. `false` for nothing.
   */
  readonly clearSiteData?: readonly ClearDirective[] | false;
  /** Parts that take part in every request, such as `bound()`. */
  readonly extensions?: readonly SessionExtension[];
  /** How many sessions a user may have at a time (ASVS 7.1.2); default as many as they like. */
  readonly concurrency?: ConcurrencyOptions;
  /** Seals fields where they are stored; default none. */
  readonly seal?: SealOptions;
  /** Makes the stored hashes of secrets with a key; default without. */
  readonly pepper?: PepperOptions;
  /** What the store must promise; the manager refuses to start on less. */
  readonly requires?: StoreRequirements;
  /** The source of time; default the system's. */
  readonly clock?: Clock;
}

/** What a store must promise. */
export type StoreRequirements = Partial<Pick<StoreTraits, "durability" | "shared" | "conditions">>;

/** How live connections, such as WebSockets, learn that their session is over. */
export interface LiveOptions {
  /**
   * How often each session that a connection is open for is read, whatever the store tells; default 5 s, and 30 s where the store tells of
   * ends by itself. From 100 ms to a day. A connection is closed within this and one deadline.
   */
  readonly checkEvery?: Duration;
  /** How long a connection may stay open while the store cannot be asked; default the longer of 2 minutes and four times `checkEvery`. */
  readonly giveUpAfter?: Duration;
}

/** Options with every default filled in. */
export interface ResolvedOptions<S extends AnySession> {
  readonly store: AnyStore;
  readonly cookie: CookiePolicy;
  readonly lifetime: Lifetime;
  readonly fields: FieldSchemas;
  readonly sessionClass: SessionClass<S>;
  readonly codec: Codec;
  readonly maxRecordBytes: number;
  readonly deadlineMs: number;
  readonly onStoreFailure: "fail" | "anonymous";
  readonly onConflict: "last-wins" | "fail";
  readonly onGone: "drop" | "fail";
  readonly endOnFailure: boolean;
  readonly context: boolean;
  readonly setup: boolean;
  readonly sweepEveryMs: number | null;
  readonly live: WatchRules;
  readonly concurrency: ConcurrencyOptions | null;
  readonly csrf: CsrfPolicy | null;
  readonly moves: MovePolicy | null;
  readonly atRest: AtRestPolicy;
  readonly extensions: readonly SessionExtension[];
  readonly clearSiteData: readonly ClearDirective[];
  readonly clock: Clock;
}

const KNOWN: readonly (keyof SessionManagerOptions<FieldSchemas, AnySession>)[] = [
  "store",
  "cookie",
  "fields",
  "sessionClass",
  "codec",
  "maxRecordBytes",
  "deadline",
  "onStoreFailure",
  "onConflict",
  "onGone",
  "endOnFailure",
  "context",
  "setup",
  "sweepEvery",
  "live",
  "concurrency",
  "csrf",
  "moves",
  "extensions",
  "clearSiteData",
  "seal",
  "pepper",
  "requires",
  "clock",
  "preset",
  "idle",
  "absolute",
  "onIdle",
  "rememberMax",
  "accessTimeResolution",
  "rotateEvery",
  "rotationGrace",
];
const KNOWN_COOKIE: readonly (keyof CookieOptions)[] = [
  "name",
  "path",
  "domain",
  "sameSite",
  "partitioned",
  "insecureLoopback",
];
const CLEAR_DIRECTIVES = ["cookies", "storage", "cache", "executionContexts", "*"] as const;
/** A directive of Clear-Site-Data (W3C Clear Site Data, section 3.1). `"cache"` is known to keep Chromium waiting for seconds. */
export type ClearDirective = (typeof CLEAR_DIRECTIVES)[number];
const DURABILITIES: readonly string[] = ["none", "process", "power"] satisfies StoreTraits["durability"][];

/** @throws `ERR_SESSION_CONFIG` for options that are unknown, impossible or contradict each other, naming the mend. */
export function resolveOptions<S extends AnySession>(
  options: SessionManagerOptions<FieldSchemas, S>,
): ResolvedOptions<S> {
  if (!isObject(options))
    refuseConfig("SessionManager needs an object of options with a store, such as { store: memoryStore() }.");
  checkOptionNames(options, KNOWN, "SessionManager");
  for (const name of ["cookie", "requires", "fields", "live", "concurrency", "seal", "pepper"] as const)
    checkObject(name, options[name]);
  if (options.csrf !== false) checkObject("csrf", options.csrf);
  checkOptionNames(options.cookie ?? {}, KNOWN_COOKIE, "cookie");
  checkStore(options.store);
  checkTraits(options.store.traits, options.requires ?? {});
  const fields = options.fields ?? {};
  checkSchemas(fields);
  return {
    store: options.store,
    cookie: resolveCookie(options.cookie ?? {}),
    lifetime: resolveLifetime(options),
    fields,
    sessionClass: checkedClass(options.sessionClass),
    codec: checkedCodec(options.codec),
    maxRecordBytes: checkedSize(options.maxRecordBytes ?? 1_048_576),
    deadlineMs: timer(options.deadline ?? "2s", "deadline"),
    onStoreFailure: oneOf("onStoreFailure", options.onStoreFailure ?? "fail", ["fail", "anonymous"]),
    onConflict: oneOf("onConflict", options.onConflict ?? "last-wins", ["last-wins", "fail"]),
    onGone: oneOf("onGone", options.onGone ?? "drop", ["drop", "fail"]),
    endOnFailure: oneOf("endOnFailure", options.endOnFailure ?? true, [true, false]),
    context: oneOf("context", options.context ?? false, [true, false]),
    setup: oneOf("setup", options.setup ?? true, [true, false]),
    sweepEveryMs: sweepEvery(options.store, options.sweepEvery),
    live: watchRules(options.store, options.live ?? {}),
    extensions: checkExtensions(options.extensions ?? []),
    csrf: resolveCsrf(options.csrf ?? {}),
    moves: resolveMoves(options.moves ?? {}),
    atRest: resolveAtRest(options.seal, options.pepper),
    clearSiteData: checkedDirectives(options.clearSiteData ?? ["cookies", "storage"]),
    concurrency: options.concurrency === undefined ? null : checkedConcurrency(options.concurrency),
    clock: checkedClock(options.clock),
  };
}

function checkObject(name: string, value: unknown): void {
  if (value === undefined || (isObject(value) && !Array.isArray(value))) return;
  refuseConfig(`${name} must be an object. Leave it out for the defaults.`);
}

function checkStore(store: AnyStore): void {
  const whole =
    isObject(store) && ["create", "read", "update", "delete"].every((name) => hasMethod(store, name));
  if (!whole || !isObject(store.traits)) {
    refuseConfig(
      "store is not a session store. Make one with memoryStore(), directoryStore(path), sqliteStore(file) or the like.",
    );
  }
}

function checkTraits(traits: StoreTraits, requires: StoreRequirements): void {
  checkOptionNames(requires, ["durability", "shared", "conditions"], "requires");
  oneOf("requires.shared", requires.shared, [true, false, undefined]);
  if (requires.shared === true && !traits.shared) {
    refuseConfig(
      "requires.shared: this store keeps sessions in one process. Choose one that processes share, such as sqliteStore(file).",
    );
  }
  oneOf("requires.conditions", requires.conditions, ["engine", "process", undefined]);
  if (requires.conditions === "engine" && traits.conditions === "process") {
    refuseConfig(
      "requires.conditions: this store's engine knows no conditions, so that processes may undo each other's changes. Choose a store of Holdfast's own, such as redisStore(client).",
    );
  }
  if (requires.durability === undefined) return;
  oneOf("requires.durability", requires.durability, ["none", "process", "power"]);
  if (DURABILITIES.indexOf(traits.durability) >= DURABILITIES.indexOf(requires.durability)) return;
  refuseConfig(
    `requires.durability "${requires.durability}": this store survives "${traits.durability}" only. Choose another store or level.`,
  );
}

function checkedClass<S extends AnySession>(sessionClass: SessionClass<S> | undefined): SessionClass<S> {
  // Without a class of its own the manager's type parameter is `Session`.
  if (sessionClass === undefined) return Session as unknown as SessionClass<S>;
  const given: unknown = sessionClass;
  if (given === Session || (typeof given === "function" && given.prototype instanceof Session))
    return sessionClass;
  return refuseConfig("sessionClass must extend Session of the same copy of the package.");
}

function checkedCodec(codec: Codec | undefined): Codec {
  if (codec === undefined) return jsonCodec;
  return isObject(codec) && hasMethod(codec, "encode") && hasMethod(codec, "decode")
    ? codec
    : refuseConfig("codec needs the methods encode and decode.");
}

function checkedClock(clock: Clock | undefined): Clock {
  if (clock === undefined) return systemClock;
  return isObject(clock) && hasMethod(clock, "now") && hasMethod(clock, "after")
    ? clock
    : refuseConfig("clock needs the methods now and after. Drop it to take the system's.");
}

/** The longest that a timer of the runtime can wait; a longer one would go off at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

function timer(duration: Duration, option: string): number {
  const ms = milliseconds(duration, option);
  return ms <= LONGEST_TIMER_MS
    ? ms
    : refuseConfig(`${option} is longer than a timer can wait, which is 24 days. Lower it.`);
}

function checkedSize(bytes: number): number {
  return Number.isSafeInteger(bytes) && bytes >= 1024
    ? bytes
    : refuseConfig("maxRecordBytes must be a whole number of 1024 or more.");
}

function sweepEvery(store: AnyStore, wanted: Duration | false | undefined): number | null {
  if (wanted === false) return null;
  if (wanted !== undefined && store.sweep === undefined) {
    refuseConfig("sweepEvery is given, but this store has nothing to sweep. Drop the option.");
  }
  const idleStore = store.sweep === undefined || store.traits.expires;
  return idleStore && wanted === undefined ? null : timer(wanted ?? "10m", "sweepEvery");
}

function checkedDirectives(directives: readonly ClearDirective[] | false): readonly ClearDirective[] {
  const known: readonly unknown[] = CLEAR_DIRECTIVES;
  if (directives === false) return [];
  if (Array.isArray(directives) && directives.every((one) => known.includes(one))) return [...directives];
  return refuseConfig(`clearSiteData must be false or a list of ${CLEAR_DIRECTIVES.join(", ")}.`);
}

function checkedConcurrency(rule: ConcurrencyOptions): ConcurrencyOptions {
  checkOptionNames(rule, ["max", "onExceed"], "concurrency");
  oneOf("concurrency.onExceed", rule.onExceed, ["refuse", "end-oldest", "end-idlest"]);
  if (Number.isSafeInteger(rule.max) && rule.max >= 1 && rule.max <= 1000) return rule;
  return refuseConfig("concurrency.max must be a whole number from 1 to 1000.");
}

function watchRules(store: AnyStore, live: LiveOptions): WatchRules {
  checkOptionNames(live, ["checkEvery", "giveUpAfter"], "live");
  const checkEveryMs = milliseconds(
    live.checkEvery ?? (store.subscribe === undefined ? "5s" : "30s"),
    "live.checkEvery",
  );
  if (checkEveryMs < 100 || checkEveryMs > 86_400_000)
    refuseConfig("live.checkEvery must be from 100 ms to a day.");
  const giveUpAfterMs = timer(live.giveUpAfter ?? Math.max(120_000, 4 * checkEveryMs), "live.giveUpAfter");
  return giveUpAfterMs > checkEveryMs
    ? { checkEveryMs, giveUpAfterMs }
    : refuseConfig(
        "live.giveUpAfter is not longer than live.checkEvery, so one failed read would close every connection. Raise it.",
      );
}

function oneOf<T>(option: string, value: T, allowed: readonly unknown[]): T {
  if (allowed.includes(value)) return value;
  return refuseConfig(`${option} must be ${allowed.map((one) => JSON.stringify(one)).join(" or ")}.`);
}

function hasMethod(value: object, name: string): boolean {
  return typeof (value as Record<string, unknown>)[name] === "function";
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
