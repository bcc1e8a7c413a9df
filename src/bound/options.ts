import {
  type CookieOptions,
  type CookiePolicy,
  type Duration,
  milliseconds,
  resolveCookie,
  SessionError,
} from "../index.ts";
import type { ProviderOf } from "./federated.ts";
import { ALGORITHMS, type BoundAlgorithm } from "./keys.ts";
import { isOrigin } from "./origins.ts";
import type { Lifetimes } from "./state.ts";

/** What the browser is not to wait for. A path alone is of every host of the scope. */
export type ScopeExclusion = string | { readonly domain: string; readonly path?: string };

export interface BoundOptions {
  /**
   * What becomes of a request whose session is bound and that lacks the bound cookie. `"require"` (default) ends the session for good, tells
   * of it, and answers 401; `"report"` tells of it and lets it pass; `"off"` does nothing. Registrations and refreshes go on with each.
   */
  readonly enforce?: "off" | "report" | "require";
  /** Max-Age of the bound cookie, and so how often a device has to prove itself; default `"10m"`, from 5 minutes to a day. */
  readonly cookieLifetime?: Duration;
  /** Where the endpoint answers, `register` and `refresh` below it; default `"/dbsc"`. A whole path, wherever the application is mounted. */
  readonly path?: string;
  /** What browsers may sign with; default `["ES256", "RS256"]`, the first liked best. */
  readonly algorithms?: readonly BoundAlgorithm[];
  /**
   * The origin that people see, such as `"https://shop.example"`, for what the browser is told of the scope. Default: it takes the origin that
   * it registered at. Configured, never taken from a request: a wrong one makes the browser drop the session in silence.
   */
  readonly origin?: string;
  /** Whether the scope is all hosts of the site, of which `origin` must be the topmost; default `false`. */
  readonly includeSite?: boolean;
  /**
   * What needs no fresh cookie, such as `"/assets"`: browsers do not hold such requests back. Warning: a path given here is let past the gate
   * too, for GET and HEAD. Name only what shows nothing of a session.
   */
  readonly exclude?: readonly ScopeExclusion[];
  /** Hosts out of the scope whose requests may set off a refresh; default none, for each of them could time whether somebody is logged in. */
  readonly refreshInitiators?: readonly string[];
  /** The bound cookie, by default `__Host-bound`. It is never partitioned, and its path is `/`. */
  readonly cookie?: Pick<CookieOptions, "name" | "domain" | "sameSite" | "insecureLoopback">;
  /**
   * How long after a registration requests may still come without the cookie: those were on their way, the redirect after the login among
   * them. Default `"5s"`, at most a minute.
   */
  readonly grace?: Duration;
  /** Whether an offer carries a second secret that the browser has to repeat; default `true`. */
  readonly authorization?: boolean;
  /**
   * Finds the key that an identity provider vouched for, which the session has to be bound to; is asked at each login, and by an `offer` that
   * names none. `null` for a login without a provider. Where it throws, or gives anything else, nothing is offered, and `no offer` tells of it.
   */
  readonly provider?: ProviderOf;
}

export interface ResolvedBound {
  readonly enforce: "off" | "report" | "require";
  readonly lifetimes: Lifetimes;
  readonly graceMs: number;
  readonly path: string;
  readonly algorithms: readonly BoundAlgorithm[];
  readonly origin: string | null;
  readonly includeSite: boolean;
  readonly exclude: readonly { readonly domain: string; readonly path: string }[];
  readonly refreshInitiators: readonly string[];
  readonly cookie: CookiePolicy;
  readonly authorization: boolean;
  readonly provider: ProviderOf | null;
}

const NAMES = [
  "enforce",
  "cookieLifetime",
  "path",
  "algorithms",
  "origin",
  "includeSite",
  "exclude",
  "refreshInitiators",
  "cookie",
  "grace",
  "authorization",
  "provider",
];
const COOKIE_NAMES = ["name", "domain", "sameSite", "insecureLoopback"];
const PATH = /^(\/[A-Za-z0-9_.~-]+)+$/;
const HOST = /^(\*|(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*)$/;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A browser that was away for longer than its cookie lives still holds a challenge that is good. */
const CHALLENGE_FACTOR = 3;

/** @throws `ERR_SESSION_CONFIG` for options that no browser could live with, naming the mend. */
export function resolveBound(options: BoundOptions): ResolvedBound {
  checkNames(options, NAMES, "bound");
  const {
    enforce = "require",
    path = "/dbsc",
    includeSite = false,
    authorization = true,
    provider,
  } = options;
  if (!["off", "report", "require"].includes(enforce))
    refuse('enforce must be "off", "report" or "require".');
  if (typeof path !== "string" || !PATH.test(path) || hasDots(path))
    refuse('path must be a path without a slash at its end, such as "/dbsc".');
  if (typeof authorization !== "boolean") refuse("authorization must be true or false.");
  if (provider !== undefined && typeof provider !== "function")
    refuse("provider must be a function that takes a session, such as (session) => null.");
  const cookieMs = span(options.cookieLifetime ?? "10m", "cookieLifetime", 5 * MINUTE_MS, DAY_MS);
  return {
    enforce,
    path,
    authorization,
    provider: provider ?? null,
    // Cookies count whole seconds.
    lifetimes: { cookieMs: Math.floor(cookieMs / 1000) * 1000, challengeMs: CHALLENGE_FACTOR * cookieMs },
    graceMs: span(options.grace ?? "5s", "grace", 1, MINUTE_MS),
    algorithms: checkedAlgorithms(options.algorithms ?? ALGORITHMS),
    origin: checkedOrigin(options.origin, includeSite),
    includeSite,
    exclude: checkedExclusions(options.exclude ?? []),
    refreshInitiators: checkedHosts(options.refreshInitiators ?? []),
    cookie: checkedCookie(options.cookie ?? {}, includeSite ? options.origin : undefined),
  };
}

function span(duration: Duration, option: string, least: number, most: number): number {
  const ms = milliseconds(duration, `bound: ${option}`);
  if (ms >= least && ms <= most) return ms;
  // Browsers sign about six times in nine minutes and site.
  return refuse(`${option} must be from ${least} to ${most} ms.`);
}

function checkedAlgorithms(algorithms: readonly BoundAlgorithm[]): readonly BoundAlgorithm[] {
  const sound =
    Array.isArray(algorithms) && algorithms.length > 0 && algorithms.every((one) => ALGORITHMS.includes(one));
  return sound ? [...new Set(algorithms)] : refuse(`algorithms must be some of ${ALGORITHMS.join(", ")}.`);
}

function checkedOrigin(origin: string | undefined, includeSite: boolean): string | null {
  if (typeof includeSite !== "boolean") refuse("includeSite must be true or false.");
  if (origin === undefined)
    return includeSite ? refuse("includeSite needs origin, the topmost host of the site.") : null;
  return isOrigin(origin)
    ? origin
    : refuse('origin must be an https origin, such as "https://shop.example".');
}

function checkedExclusions(exclude: readonly ScopeExclusion[]): ResolvedBound["exclude"] {
  if (!Array.isArray(exclude)) refuse('exclude must be a list, such as ["/assets"].');
  return exclude.map((one: ScopeExclusion) => {
    const { domain, path = "/" } = typeof one === "string" ? { domain: "*", path: one } : { ...one };
    const everywhere = domain === "*" && path === "/";
    const pathIsSound = path === "/" || (typeof path === "string" && PATH.test(path) && !hasDots(path));
    if (everywhere || !pathIsSound || typeof domain !== "string" || !HOST.test(domain))
      refuse(
        'exclude holds what is no path such as "/assets", and no domain such as { domain: "img.shop.example" }.',
      );
    return { domain, path };
  });
}

function checkedHosts(hosts: readonly string[]): readonly string[] {
  const sound = Array.isArray(hosts) && hosts.every((host) => typeof host === "string" && HOST.test(host));
  return sound ? [...hosts] : refuse('refreshInitiators must be a list of hosts, such as ["login.example"].');
}

function checkedCookie(options: NonNullable<BoundOptions["cookie"]>, site: string | undefined): CookiePolicy {
  checkNames(options, COOKIE_NAMES, "bound: cookie");
  // Hosts in the scope that the cookie never reaches would all pass for thieves.
  if (site !== undefined && String(options.domain).toLowerCase() !== new URL(site).hostname)
    refuse(
      "includeSite needs cookie.domain to be the host of origin, so that every host in the scope gets the cookie.",
    );
  const base = options.domain === undefined ? "__Host-bound" : "__Secure-bound";
  const name = options.name ?? (options.insecureLoopback === true ? "bound" : base);
  const policy = resolveCookie({ ...options, name });
  // Chromium up to 156, at the least, takes no such credential: it registers, drops the session, and would be taken for a thief.
  if (/^__(host-)?http-/i.test(policy.name))
    refuse(
      'cookie.name must not begin with "__Http-" or "__Host-Http-", which browsers refuse here. Take "__Host-bound".',
    );
  return policy;
}

function hasDots(path: string): boolean {
  return path.split("/").some((segment) => segment === "." || segment === "..");
}

/** @throws `ERR_SESSION_CONFIG` for what is no object, and for a name that is none of these. */
export function checkNames(options: object, known: readonly string[], of: string): void {
  if (typeof options !== "object" || options === null)
    refuse("its options are an object. Leave them out for the defaults.");
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    `${of} has no option "${unknown}". The options are ${known.join(", ")}.`,
  );
}

/** @throws `ERR_SESSION_CONFIG` with this message. */
export function refuse(message: string): never {
  throw new SessionError("ERR_SESSION_CONFIG", `bound: ${message}`);
}
