import { SessionError } from "../../core/errors.ts";

class NotSent extends SessionError {}

/** The rejection of a call whose deadline came before it was sent. */
export function notSent(cause: unknown): SessionError {
  return new NotSent(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "The deadline of the call passed before a connection was free; nothing was sent.",
    { cause },
  );
}

export function isNotSent(error: unknown): boolean {
  return error instanceof NotSent;
}

/** The rejection of a call that was sent and not answered, long after its deadline. */
export function notAnswered(cause: unknown): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "PostgreSQL did not answer within the deadline of the call, nor some time after it. Whether it was carried out is not known.",
    { cause },
  );
}

/** The rejection of a call that the client took for a connection which it had lost, and then answered by itself. */
export function notAsked(): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "The connection was lost, and the client answered without the server. Whether it was carried out is not known.",
  );
}

/** The rejection of a call that was carried out within somebody else's transaction. */
export function inTransaction(): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "The statement became part of a transaction that the application had just begun on the same connection. Whether it lasts is not known.",
  );
}

/** The five characters by which PostgreSQL tells what went wrong, if it was PostgreSQL. */
export function codeOf(error: unknown): string | undefined {
  const code = property(error, "code");
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** A statement that lost against another and was rolled back: deadlock, or serialization under a stricter isolation level. */
export function isOvertaken(error: unknown): boolean {
  return ["40001", "40P01"].includes(codeOf(error) ?? "");
}

/** A named statement is not where it should be, or is where it should not be: a pooler has swapped the connection. */
export function isStatementMissing(error: unknown): boolean {
  return ["26000", "42P05"].includes(codeOf(error) ?? "");
}

/** Whether a connection is of no use after this error: anything but an ordinary refusal by the server. */
export function isConnectionLost(error: unknown): boolean {
  if (codeOf(error) === undefined) return true;
  return ["FATAL", "PANIC"].includes(String(property(error, "severity")));
}

export function isMissingTable(error: unknown): boolean {
  return ["42P01", "3F000"].includes(codeOf(error) ?? "");
}

function property(error: unknown, name: string): unknown {
  return typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined;
}
