import { type AuditEntry, entryOf } from "./audit/entries.ts";
import { GuessingWatch } from "./audit/guessing.ts";
import { SessionError, type SessionEventName, type SessionEvents, type SessionListener } from "./index.ts";

export type { AuditEntry, AuditSeverity } from "./audit/entries.ts";

/** What an audit trail listens to: a manager. */
export interface AuditSource {
  on<Name extends SessionEventName>(name: Name, listener: SessionListener<Name>): () => void;
}

export interface AuditOptions {
  /** Takes one entry, to put it into a log. What it throws, or rejects with, becomes a `listenerFailure` of the manager. */
  readonly write: (entry: AuditEntry) => void | Promise<void>;
  /**
   * From how many cookies that open nothing within a minute on somebody is held to be guessing: from one address (default 20), and from
   * all together (default 200). `false` for no such watch. OWASP S15.
   */
  readonly guessing?: { readonly perAddress?: number; readonly overall?: number } | false;
  /** The time, in milliseconds since the epoch; default the system's. */
  readonly now?: () => number;
}

/** What belongs into a trail: what becomes of sessions and of what is presented as one. What is an application's own trouble is not. */
const AUDITED = [
  "created",
  "login",
  "reauthenticated",
  "unlocked",
  "rotated",
  "ended",
  "revoked",
  "expired",
  "rejected",
  "forged",
  "theft",
  "moved",
  "gone",
  "corrupt",
  "liveEnded",
  "extension",
  "storeFailure",
] as const satisfies readonly SessionEventName[];

/**
 * Writes an entry for everything that becomes of sessions: who, which session, what, why, from where. An entry holds the session's public
 * handle, which opens nothing, and never a token, a secret or a value of the data (OWASP S14; ASVS 16.2.5).
 *
 * ```ts
 * const stop = auditTrail(manager, { write: (entry) => console.log(JSON.stringify(entry)) });
 * ```
 *
 * @returns how to stop.
 * @throws `ERR_SESSION_CONFIG` for options that cannot work.
 */
export function auditTrail(manager: AuditSource, options: AuditOptions): () => void {
  const { write, guessing = {}, now = Date.now } = options;
  if (typeof write !== "function")
    throw new SessionError("ERR_SESSION_CONFIG", "auditTrail needs write, a function that takes an entry.");
  const watch = guessing === false ? null : new GuessingWatch(limitsOf(guessing));

  async function record(name: SessionEventName, event: SessionEvents[SessionEventName]): Promise<void> {
    const at = now();
    await write(entryOf(name, event, at));
    if (name !== "rejected" || watch === null) return;
    for (const alarm of watch.note((event as SessionEvents["rejected"]).address, at)) await write(alarm);
  }

  const stops = AUDITED.map((name) => manager.on(name, (event): unknown => record(name, event)));
  return () => {
    for (const stop of stops) stop();
  };
}

function limitsOf({ perAddress = 20, overall = 200 }: { perAddress?: number; overall?: number }): {
  perAddress: number;
  overall: number;
} {
  if ([perAddress, overall].every((limit) => Number.isSafeInteger(limit) && limit > 0))
    return { perAddress, overall };
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    "guessing.perAddress and guessing.overall must be whole numbers above 0.",
  );
}
