import { type Duration, type LoginOptions, milliseconds, SessionError } from "../index.ts";
import type { AdoptSource, OldSession } from "./source.ts";
import { checkNames } from "./support/option-names.ts";

/** Whose an old session is, and whatever else `session.login` takes. */
export interface AdoptedLogin extends LoginOptions {
  readonly user: string;
}

type Given<T> = T | Promise<T>;

export interface AdoptOptions {
  /** The old sessions, such as `fromExpressSession({ store, secret })`. They are tried in this order. */
  readonly sources: readonly AdoptSource[];
  /**
   * Tells whose a session is, by its old data: the id of the user, or an object with it and the options of `login`. `null` or `undefined` for a visitor.
   * Without it nobody is logged in, whatever the data says. Where the old cookie outlived the browser, the login is remembered for as long, within
   * `rememberMax`, unless `remember` is given.
   */
  readonly login?: (
    data: Readonly<Record<string, unknown>>,
    source: string,
  ) => Given<string | AdoptedLogin | null | undefined>;
  /** Makes the new data of the old; default, the same. `null` for a session that is not to be adopted: it stays as it is. */
  readonly data?: (
    data: Readonly<Record<string, unknown>>,
    source: string,
  ) => Given<Readonly<Record<string, unknown>> | null>;
  /**
   * What becomes of the old session once the new one is stored: `"remove"` (default), its record is deleted and its cookie expired; `"keep"`, both
   * stay, so that the old application finds them when it is brought back. Even then, a logout ends both.
   */
  readonly old?: "remove" | "keep";
  /** What a request gets when the old store fails: `"fail"` (default), an error of status 503; or `"none"`, no session, and an event. */
  readonly onFailure?: "fail" | "none";
  /** How long a call to an old store may take; default 2 s. */
  readonly deadline?: Duration;
  /** Another name for each time that the application moves in: sessions that were adopted before, and went on in the old one, are adopted again. */
  readonly round?: string;
}

/** Options with every default filled in. */
export interface ResolvedAdopt {
  readonly sources: readonly AdoptSource[];
  readonly login: NonNullable<AdoptOptions["login"]>;
  readonly data: NonNullable<AdoptOptions["data"]>;
  readonly old: "remove" | "keep";
  readonly onFailure: "fail" | "none";
  readonly deadlineMs: number;
  readonly round: string;
}

const NAMES = ["sources", "login", "data", "old", "onFailure", "deadline", "round"];

export function resolveAdopt(options: AdoptOptions): ResolvedAdopt {
  checkNames(options, NAMES, "adopt");
  const { sources, login, data, old = "remove", onFailure = "fail", deadline = "2s", round = "" } = options;
  if (old !== "remove" && old !== "keep") refuse('old must be "remove" or "keep".');
  if (onFailure !== "fail" && onFailure !== "none") refuse('onFailure must be "fail" or "none".');
  if (login !== undefined && typeof login !== "function") refuse("login must be a function of the old data.");
  if (data !== undefined && typeof data !== "function") refuse("data must be a function of the old data.");
  if (typeof round !== "string") refuse("round must be a text.");
  return {
    sources,
    login: login ?? (() => null),
    data: data ?? ((given: OldSession["data"]) => given),
    old,
    onFailure,
    deadlineMs: milliseconds(deadline, "adopt: deadline"),
    round,
  };
}

export function checkSources(sources: readonly AdoptSource[]): void {
  const sound =
    Array.isArray(sources) &&
    sources.length > 0 &&
    sources.every((source) => typeof source?.look === "function");
  if (!sound) refuse("sources must be a list, such as [fromExpressSession({ store, secret })].");
}

function refuse(what: string): never {
  throw new SessionError("ERR_SESSION_CONFIG", `adopt: ${what}`);
}
