import type { AnySession } from "../../index.ts";
import { SessionError } from "../../index.ts";
import type { H3EventLike } from "./events.ts";

/** The options that both versions heed. */
export interface Options {
  readonly variable?: string;
  only?(event: H3EventLike): boolean;
  clientAddress?(event: H3EventLike): string | undefined;
  waitUntil?(work: Promise<unknown>, event: H3EventLike): void;
  isFailure?(thrown: unknown): boolean;
  readonly mountPath?: string;
}

/** What an adapter finds for an event. */
export interface Found<S extends AnySession> {
  readonly session: S;
  /** Whether the event is one that an answer for everybody is made for. */
  readonly isCached: boolean;
}

type Platform = { readonly waitUntil?: unknown };

/** The options, with their defaults. */
export class Settings {
  readonly mountPath: string;
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
    this.mountPath = options.mountPath ?? "";
  }

  get only(): Options["only"] {
    return this.#options.only;
  }

  get isFailure(): Options["isFailure"] {
    return this.#options.isFailure;
  }

  addressOf(event: H3EventLike, otherwise: () => string | undefined): string | undefined {
    const { clientAddress } = this.#options;
    return clientAddress === undefined ? otherwise() : clientAddress(event);
  }

  /** What keeps the platform alive: the option, or what the runtime gave with the request. */
  waitUntilOf(event: H3EventLike): ((work: Promise<unknown>) => void) | undefined {
    const { waitUntil } = this.#options;
    if (waitUntil !== undefined) return (work) => waitUntil(work, event);
    const platform: unknown = (event as { readonly req?: unknown }).req ?? event.context;
    const given = (platform as Platform).waitUntil;
    return typeof given === "function" ? (work) => void given.call(platform, work) : undefined;
  }

  /** Gives the event its context variable, which throws where the session must not be used. */
  expose<S extends AnySession>(event: H3EventLike, find: () => Found<S> | undefined): void {
    Object.defineProperty(event.context, this.#options.variable ?? "session", {
      configurable: true,
      enumerable: true,
      get: () => sessionOf(find()),
    });
  }
}

/** The session that was found. @throws `ERR_SESSION_USE` when there is none, or none that may be used. */
export function sessionOf<S extends AnySession>(found: Found<S> | undefined): S {
  if (found === undefined)
    throw new SessionError(
      "ERR_SESSION_USE",
      "This event has no session here. Install the adapter before this code, and see its option `only`.",
    );
  if (found.isCached)
    throw new SessionError(
      "ERR_SESSION_USE",
      "This answer is cached and goes to other visitors too, so it must not depend on a session. Take the cache rule off this route, or read the session by a request of its own.",
    );
  return found.session;
}
