/** Every code a {@link SessionError} can carry. A code is stable; a message is not. */
export type SessionErrorCode =
  /** Options that contradict each other or cannot work. Thrown at construction. */
  | "ERR_SESSION_CONFIG"
  /** A call that cannot be right: a wrong argument, or a verb where it cannot work. */
  | "ERR_SESSION_USE"
  /** A value that would not come back from the store as it went in. */
  | "ERR_SESSION_VALUE"
  /** A field, or the record as a whole, is larger than the limits allow. */
  | "ERR_SESSION_LIMIT"
  /** Another request changed what this one depends on. */
  | "ERR_SESSION_CONFLICT"
  /** The session ended, or its privilege changed, while this request was running. */
  | "ERR_SESSION_GONE"
  /** The response has been sent: it can no longer carry a cookie. */
  | "ERR_SESSION_SENT"
  /** The session is only to be read where this was called. */
  | "ERR_SESSION_READ_ONLY"
  /** The user has to authenticate again before doing this. */
  | "ERR_SESSION_NOT_FRESH"
  /** The session is locked: its user was idle for too long, and has to prove one factor. */
  | "ERR_SESSION_LOCKED"
  /** The user has as many sessions as the policy allows, and it refuses another. */
  | "ERR_SESSION_TOO_MANY"
  /** The request came from the page of a stranger, or may have: it is refused. */
  | "ERR_SESSION_FORGED"
  /** The user's sessions were revoked while this login was under way, or an extension ended this session: it was stolen. */
  | "ERR_SESSION_REVOKED"
  /** A write was sent and its outcome cannot be learned. It was not sent twice. */
  | "ERR_SESSION_UNKNOWN"
  /** The store failed or did not answer within its deadline. */
  | "ERR_SESSION_STORE_UNAVAILABLE"
  /** What is stored is not a record. Stores throw it; the core treats it as "no session". */
  | "ERR_SESSION_CORRUPT"
  /** What is stored was written by a newer version. An outage, not garbage. */
  | "ERR_SESSION_FORMAT";

const STATUS: Readonly<Record<SessionErrorCode, number>> = {
  ERR_SESSION_CONFIG: 500,
  ERR_SESSION_USE: 500,
  ERR_SESSION_VALUE: 500,
  ERR_SESSION_LIMIT: 500,
  ERR_SESSION_CONFLICT: 409,
  ERR_SESSION_GONE: 409,
  ERR_SESSION_SENT: 500,
  ERR_SESSION_READ_ONLY: 500,
  ERR_SESSION_NOT_FRESH: 401,
  ERR_SESSION_LOCKED: 401,
  ERR_SESSION_TOO_MANY: 403,
  ERR_SESSION_FORGED: 403,
  ERR_SESSION_REVOKED: 401,
  ERR_SESSION_UNKNOWN: 503,
  ERR_SESSION_STORE_UNAVAILABLE: 503,
  ERR_SESSION_CORRUPT: 500,
  ERR_SESSION_FORMAT: 503,
};

/** A registered symbol, so that an error is recognised across two copies of the package. */
const BRAND = Symbol.for("holdfast.SessionError");

/**
 * The one error class of Holdfast. `code` says which case, `status` is the HTTP status that fits it,
 * `cause` is what a store or a codec threw. No message holds a token, a secret or session data.
 */
export class SessionError extends Error {
  override readonly name: string = "SessionError";
  readonly code: SessionErrorCode;
  /** The HTTP status that fits the code; web frameworks read it from the error. */
  readonly status: number;

  constructor(code: SessionErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.status = STATUS[code];
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** The same, under the name that other web frameworks read. */
  get statusCode(): number {
    return this.status;
  }

  /** Tells whether a caught value is a `SessionError`, also one of another copy of the package. */
  static is(error: unknown): error is SessionError {
    return typeof error === "object" && error !== null && BRAND in error;
  }
}

/** @throws `ERR_SESSION_CONFIG` with this message. */
export function refuseConfig(message: string): never {
  throw new SessionError("ERR_SESSION_CONFIG", message);
}

/** What a store rejects with when it meets a record that a newer version wrote. */
export function newerFormat(): SessionError {
  return new SessionError(
    "ERR_SESSION_FORMAT",
    "The record was written by a newer version of Holdfast. Update this one.",
  );
}
