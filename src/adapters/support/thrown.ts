import { SessionError } from "../../index.ts";

/**
 * Tells what a handler throws because it failed from what it throws as an answer. A `Response` and an error with a status
 * below 500 are answers; of the errors of Holdfast only the one that asks for a fresh authentication is.
 */
export function isUnexpected(thrown: unknown): boolean {
  if (typeof thrown !== "object" || thrown === null) return true;
  // After a commit that was refused, the commit at the end must not save what the first one did not.
  if (SessionError.is(thrown)) return thrown.code !== "ERR_SESSION_NOT_FRESH";
  const { status, statusCode } = thrown as { readonly status?: unknown; readonly statusCode?: unknown };
  const given = typeof status === "number" ? status : statusCode;
  return typeof given !== "number" || given < 100 || given >= 500;
}

/** The default answer to a request whose commit failed. What the application did wrong is thrown: its framework reports it. */
export function plainResponse(error: unknown): Response {
  if (!SessionError.is(error) || error.status === 500) throw error;
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  const { status } = error;
  const statusText = reasonOf(status);
  return new Response(`${statusText}\n`, { status, statusText, headers });
}

/** What a client may know of a failure with a status. */
export function reasonOf(status: number): string {
  return REASONS[status] ?? "Error";
}

const REASONS: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  409: "Conflict",
  503: "Service Unavailable",
};
