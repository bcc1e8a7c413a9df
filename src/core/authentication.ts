import { type Duration, milliseconds } from "./duration.ts";
import type { Draft } from "./draft.ts";
import { SessionError } from "./errors.ts";
import {
  checkCount,
  checkLabels,
  checkMethods,
  checkUser,
  type Identity,
  labelsOf,
  type SessionScope,
} from "./labels.ts";
import type { Lifetime, Preset } from "./lifetime.ts";
import { checkOptionNames } from "./option-names.ts";
import type { Renewal } from "./plan.ts";
import { AUTH, type Authentication, DEVICE, type Device, LIFE, SEEN } from "./reserved.ts";
import type { SessionHost } from "./session-host.ts";

/** What an authentication proved. */
export interface AuthenticationOptions {
  /** How the user authenticated, such as `["pwd", "otp"]` (RFC 8176 has names). */
  readonly methods?: readonly string[];
  /** The assurance level that the application gives this authentication (NIST SP 800-63B-4). Default: none is known. */
  readonly level?: Preset;
}

export interface LoginOptions extends AuthenticationOptions, Omit<SessionScope, "user" | "label"> {
  /**
   * Keeps the session for this long over restarts of the browser: the cookie gets a Max-Age, and there is no idle limit but
   * with the presets aal2 and aal3. Default: not at all.
   */
  readonly remember?: Duration;
  /**
   * More labels to find the session by, such as `"project:7"`. A session bears 16 at most, those of its user, `tenant`, `device` and
   * `identity` among them: each is an entry in the store, and a mark to read at every login.
   */
  readonly labels?: readonly string[];
  /** Who the user is at an identity provider, for its logout to find the session. */
  readonly identity?: Identity & {
    /** When the provider says that the user authenticated there, in milliseconds since the epoch: a logout from after it voids this login. */
    readonly authenticatedAt?: number;
  };
}

/** What must hold of the last authentication. Every demand that is given has to be met. */
export interface FreshnessDemand {
  /** The longest that it may be ago. */
  readonly maxAge?: Duration;
  /** Methods that must all have been used. */
  readonly methods?: readonly string[];
  /** The lowest assurance level. */
  readonly level?: Preset;
}

const LOGIN_OPTIONS = ["methods", "level", "remember", "labels", "tenant", "device", "identity"] as const;
const LEVELS: readonly Preset[] = ["aal1", "aal2", "aal3"];

/** @throws `ERR_SESSION_USE` unless it is a level, or none. */
function checkLevel(level: Preset | undefined): Preset | null {
  if (level === undefined) return null;
  if (LEVELS.includes(level)) return level;
  throw new SessionError("ERR_SESSION_USE", 'level must be "aal1", "aal2" or "aal3".');
}

/** What a login stages. */
export interface Login {
  readonly authentication: Authentication;
  readonly rememberMs: number | null;
  readonly renewal: Renewal;
}

/**
 * Checks the arguments of a login, all of them before anything is staged, and says what it stages.
 *
 * @throws `ERR_SESSION_USE` for a wrong one.
 */
export function loginOf(
  user: string,
  options: LoginOptions,
  host: Pick<SessionHost, "clock" | "lifetime" | "nextSequence">,
): Login {
  const { clock, lifetime } = host;
  checkUser(user);
  checkOptionNames(options, LOGIN_OPTIONS, "login", "ERR_SESSION_USE");
  const rememberMs = rememberedFor(options.remember, lifetime);
  const methods = checkMethods(options.methods ?? []);
  const level = checkLevel(options.level);
  const labels = labelsFor(user, options);
  const authenticatedAt = options.identity?.authenticatedAt;
  const now = clock.now();
  const sequence = host.nextSequence();
  return {
    authentication: { user, at: now, methods, ...(level !== null && { level }) },
    rememberMs,
    renewal: {
      verb: "login",
      labels,
      endsAt: now + (rememberMs ?? lifetime.absoluteMs),
      login: {
        user,
        methods,
        labels,
        at: now,
        sequence,
        ...(authenticatedAt !== undefined && { authenticatedAt }),
      },
    },
  };
}

function labelsFor(user: string, { tenant, device, identity, labels }: LoginOptions): readonly string[] {
  const scope: SessionScope = {
    user,
    ...(tenant !== undefined && { tenant }),
    ...(device !== undefined && { device }),
    ...(identity !== undefined && { identity }),
  };
  const own = labelsOf(scope);
  return labels === undefined ? own : checkCount([...new Set([...own, ...checkLabels(labels)])]);
}

/** @param mayHold whether the session may have the field. */
export function stageLogin(
  draft: Draft,
  { authentication, rememberMs }: Login,
  device: Device,
  mayHold: (name: string) => boolean,
): void {
  draft.set(AUTH, authentication);
  draft.set(DEVICE, device);
  // What was noted of where the session was presented from is over: not by an update, which would make the login depend on it.
  if (mayHold(SEEN)) {
    draft.forget(SEEN);
    draft.set(SEEN, undefined);
  }
  if (rememberMs !== null) draft.set(LIFE, { rememberMs });
  else if (mayHold(LIFE)) draft.set(LIFE, undefined);
}

/** @throws `ERR_SESSION_USE` for a remembrance over what the manager allows. */
function rememberedFor(remember: Duration | undefined, lifetime: Lifetime): number | null {
  if (remember === undefined) return null;
  const wanted = milliseconds(remember, "remember", "ERR_SESSION_USE");
  if (wanted <= lifetime.rememberMaxMs) return wanted;
  throw new SessionError(
    "ERR_SESSION_USE",
    `login was asked to remember for ${wanted} ms; rememberMax allows ${lifetime.rememberMaxMs}.`,
  );
}

/** What is known once a user who was logged in has authenticated again: methods add up, and the level never falls. */
export function authenticatedAgain(
  before: Authentication,
  options: AuthenticationOptions,
  now: number,
): Authentication {
  checkOptionNames(options, ["methods", "level"], "reauthenticate", "ERR_SESSION_USE");
  const methods = [...new Set([...before.methods, ...checkMethods(options.methods ?? [])])];
  const level = higher(before.level ?? null, checkLevel(options.level));
  return { user: before.user, at: now, methods, ...(level !== null && { level }) };
}

/** Tells what an authentication lacks of a demand: the end of a sentence, or `null`. */
export function missingOf(
  demand: Duration | FreshnessDemand,
  authentication: Authentication | null,
  now: number,
): string | null {
  const { maxAge, methods, level } = typeof demand === "object" ? checkedDemand(demand) : { maxAge: demand };
  const limit = maxAge === undefined ? null : milliseconds(maxAge, "maxAge", "ERR_SESSION_USE");
  const wanted = checkMethods(methods ?? []);
  const lowest = checkLevel(level);
  if (authentication === null) return "a user who is logged in";
  if (limit !== null && now - authentication.at > limit) return "a recent authentication";
  if (!wanted.every((method) => authentication.methods.includes(method)))
    return `authentication by ${wanted.join(" and ")}`;
  const isLow = lowest !== null && rankOf(authentication.level ?? null) < rankOf(lowest);
  return isLow ? `authentication at the level ${lowest}` : null;
}

function checkedDemand(demand: FreshnessDemand): FreshnessDemand {
  checkOptionNames(demand, ["maxAge", "methods", "level"], "requireFresh", "ERR_SESSION_USE");
  if (Object.values(demand).some((value) => value !== undefined)) return demand;
  throw new SessionError(
    "ERR_SESSION_USE",
    'requireFresh takes a duration such as "5m", or an object with maxAge, methods or level.',
  );
}

function higher(one: Preset | null, other: Preset | null): Preset | null {
  return rankOf(other) > rankOf(one) ? other : one;
}

function rankOf(level: Preset | null): number {
  return level === null ? -1 : LEVELS.indexOf(level);
}
