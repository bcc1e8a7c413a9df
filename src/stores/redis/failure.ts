import { SessionError } from "../../core/errors.ts";

/** The primary answered, and too few replicas confirmed what it had by then. */
export class Unconfirmed extends Error {
  override readonly name: string = "Unconfirmed";
}

/** The connection was lost before the client had written the command to it. */
export class NotSent extends Error {
  override readonly name: string = "NotSent";

  constructor() {
    super("The connection to Redis was lost before the command was sent.");
  }
}

/**
 * Error replies by which the engine says that it ran nothing: its state is in motion, and soon another answer is to be
 * expected. Within a script, Redis 6.2 puts its own words before them.
 */
const REFUSED = /(?:^|: -)(?:READONLY|CLUSTERDOWN|TRYAGAIN|LOADING|MASTERDOWN|BUSY|NOREPLICAS|MOVED|ASK)\b/;

/** Tells whether a command surely had no effect and is worth sending again. */
export function isRefused(error: unknown): boolean {
  return error instanceof NotSent || REFUSED.test(messageOf(error));
}

/** Tells whether a command without harm in being carried out twice is worth sending again. */
export function isPassing(error: unknown): boolean {
  return isRefused(error) || !(isReply(error) || isClosed(error) || error instanceof Unconfirmed);
}

/** Tells whether the engine does not know the script, which was flushed or never came to this server. */
export function isUnknownScript(error: unknown): boolean {
  return messageOf(error).startsWith("NOSCRIPT");
}

/** The rejection of a command that was taken into a transaction of the application's, to be carried out with it or not at all. */
export function joinedMulti(): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "The application has a MULTI open on the client that it handed in. Give the store a client of its own.",
  );
}

/** `null` for the reply that a key holds another type. @throws any other error. */
export function wrongTypeAsNothing(error: unknown): null {
  if (error instanceof Error && error.message.startsWith("WRONGTYPE")) return null;
  throw error;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** An error that the engine told: both families of clients have a class of their own for those. */
function isReply(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error.name === "ReplyError" || ["SimpleError", "BlobError", "ErrorReply"].includes(error.constructor.name)
  );
}

/** The application closed its client or the store, or never connected it. */
function isClosed(error: unknown): boolean {
  return SessionError.is(error) || (error instanceof Error && error.constructor.name === "ClientClosedError");
}
