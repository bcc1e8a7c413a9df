import type { ForgedReason } from "./csrf.ts";
import { SessionError } from "./errors.ts";
import type { ExtensionEvent } from "./extension.ts";
import { type Channel, diagnosticsChannel } from "./platform.ts";
import type { LiveEnd } from "./live-end.ts";
import type { SessionId } from "./record.ts";

/** What is known of where a request came from. */
export interface RequestOrigin {
  /** The address of the client, as the adapter knows it. */
  readonly address: string | null;
}

/** Every event and what it tells. Nothing in it can be sent back as a cookie, and no field's value is in it. */
export interface SessionEvents {
  /** A session was stored for the first time. */
  created: RequestOrigin & { readonly id: SessionId; readonly user: string | null };
  /** A user logged in. */
  login: RequestOrigin & {
    readonly id: SessionId;
    readonly user: string;
    readonly methods: readonly string[];
  };
  /** A user who was logged in authenticated again. */
  reauthenticated: RequestOrigin & {
    readonly id: SessionId;
    readonly user: string;
    readonly methods: readonly string[];
  };
  /** A user opened their locked session. */
  unlocked: RequestOrigin & { readonly id: SessionId; readonly user: string };
  /** A session got a new secret. */
  rotated: RequestOrigin & {
    readonly id: SessionId;
    readonly user: string | null;
    readonly reason: "privilege" | "periodic";
  };
  /** A request ended its own session, or a login one of the same user that was one too many (`exceeded`). */
  ended: RequestOrigin & {
    readonly id: SessionId;
    readonly user: string | null;
    readonly reason: "logout" | "replaced" | "emptied" | "exceeded";
  };
  /** The manager ended sessions from outside their requests. */
  revoked: {
    readonly count: number;
    readonly id?: SessionId;
    readonly user?: string;
    /** What the sessions had in common, as labels; none when all were ended. */
    readonly labels?: readonly string[];
  };
  /** A cookie came for a session that had expired. */
  expired: RequestOrigin & { readonly id: SessionId; readonly user: string | null };
  /**
   * A cookie opened nothing: it is no token, there are too many, they open different sessions, or the id or secret is unknown; `unpeppered`
   * where the stored hash is not made with a pepper, as all have to be.
   */
  rejected: RequestOrigin & {
    readonly reason: "malformed" | "too-many" | "ambiguous" | "unknown" | "secret" | "unpeppered";
    readonly id?: SessionId;
  };
  /** A request that changes something came from the page of a stranger, or may have. `enforced` tells whether it was refused. */
  forged: RequestOrigin & {
    readonly reason: ForgedReason;
    readonly origin: string | null;
    readonly method: string;
    readonly enforced: boolean;
  };
  /** A secret was presented after its successor was in use: somebody holds an old copy of the cookie. */
  theft: RequestOrigin & { readonly id: SessionId; readonly user: string | null };
  /**
   * A session was presented from another address, or by another user agent, than before; what counts is the manager's option `moves`. Told
   * once a move, when it is stored. It may be a thief with a copy of the cookie, or a train with a network.
   */
  moved: RequestOrigin & {
    readonly id: SessionId;
    readonly user: string | null;
    /** Where it was presented from before. */
    readonly from: RequestOrigin;
    readonly addressChanged: boolean;
    readonly userAgentChanged: boolean;
  };
  /** Two requests read and changed one field; the later commit won. */
  conflict: { readonly id: SessionId; readonly field: string };
  /** A request's changes were dropped: the session had ended (`gone`), or its privilege had changed (`stale`). */
  gone: { readonly id: SessionId; readonly reason: "gone" | "stale"; readonly fields: readonly string[] };
  /**
   * What is stored under an id is not a record, or a field of it does not bear its seal: it was altered or comes from elsewhere (`broken`),
   * or is not sealed where it has to be (`missing`).
   */
  corrupt: { readonly id: SessionId; readonly field?: string; readonly seal?: "broken" | "missing" };
  /** A stored value that its schema or codec refuses; it reads as absent. */
  invalid: { readonly id: SessionId | null; readonly field: string };
  /** The session changed after the response's headers had left. `saved` tells whether the change is stored. */
  late: { readonly id: SessionId | null; readonly fields: readonly string[]; readonly saved: boolean };
  /** The response closed and nobody had answered; what is staged is dropped, unless the handler still answers. */
  abandoned: { readonly id: SessionId | null; readonly fields: readonly string[] };
  /** What an extension has to tell. */
  extension: ExtensionEvent;
  /** A live connection is over, and why. */
  liveEnded: { readonly id: SessionId | null; readonly reason: LiveEnd };
  /** A store call failed or missed its deadline. `error` is for operators: it may tell of the engine. */
  storeFailure: { readonly operation: string; readonly error: unknown };
  /** A listener of another event threw. */
  listenerFailure: { readonly event: string; readonly error: unknown };
}

export type SessionEventName = keyof SessionEvents;

const NAMES: ReadonlySet<string> = new Set(
  Object.keys({
    created: true,
    login: true,
    reauthenticated: true,
    unlocked: true,
    rotated: true,
    ended: true,
    revoked: true,
    expired: true,
    rejected: true,
    forged: true,
    theft: true,
    moved: true,
    conflict: true,
    gone: true,
    corrupt: true,
    invalid: true,
    late: true,
    abandoned: true,
    extension: true,
    liveEnded: true,
    storeFailure: true,
    listenerFailure: true,
  } satisfies Record<SessionEventName, true>),
);

export type SessionListener<Name extends SessionEventName> = (event: SessionEvents[Name]) => void;

/**
 * The events of one manager. The same objects are published on the channels `holdfast:<event>` of
 * `node:diagnostics_channel`. A listener that throws breaks nothing.
 */
export class Events {
  readonly #listeners: Map<string, Set<(event: never) => void>> = new Map();
  readonly #channels: Map<string, Channel> = new Map();

  /** Calls the listener at each event of the name. Returns how to stop. */
  on<Name extends SessionEventName>(name: Name, listener: SessionListener<Name>): () => void {
    if (!NAMES.has(name) || typeof listener !== "function") {
      throw new SessionError(
        "ERR_SESSION_USE",
        `on takes the name of an event and a function. The events are ${[...NAMES].join(", ")}.`,
      );
    }
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  emit<Name extends SessionEventName>(name: Name, event: SessionEvents[Name]): void {
    const channel = this.#channel(name);
    // A subscriber of a channel that throws is reported by the runtime itself, outside this call.
    if (channel.hasSubscribers) channel.publish(event);
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    // As they are now: a listener that adds another must not be kept busy by it.
    for (const listener of Array.from(listeners)) this.#call(name, listener as SessionListener<Name>, event);
  }

  #call<Name extends SessionEventName>(
    name: Name,
    listener: SessionListener<Name>,
    event: SessionEvents[Name],
  ): void {
    try {
      const result: unknown = listener(event);
      if (result instanceof Promise) result.catch((error: unknown) => this.#failed(name, error));
    } catch (error) {
      this.#failed(name, error);
    }
  }

  #failed(name: SessionEventName, error: unknown): void {
    if (name !== "listenerFailure") this.emit("listenerFailure", { event: name, error });
  }

  #channel(name: string): Channel {
    const known = this.#channels.get(name);
    if (known !== undefined) return known;
    const channel = diagnosticsChannel(`holdfast:${name}`);
    this.#channels.set(name, channel);
    return channel;
  }
}
