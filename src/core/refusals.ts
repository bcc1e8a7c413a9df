import { SessionError } from "./errors.ts";
import type { RequestState } from "./request-state.ts";

/** What a commit is refused with when others were first every time. */
export function tooManyAttempts(): SessionError {
  return new SessionError(
    "ERR_SESSION_CONFLICT",
    "Other requests changed the session first, every time. Try again.",
  );
}

/** What a change is refused with whose cookie could reach nobody. */
export function tooLateForCookie(state: RequestState | null, what = "This change"): SessionError {
  const why =
    state?.message === true
      ? "needs a cookie, which a live connection cannot carry. Do it in a request, and connect afterwards."
      : "comes too late: the response has left and cannot carry a cookie any more. Do it before, or call await session.commit() first.";
  return new SessionError("ERR_SESSION_SENT", `${what} ${why}`);
}

/** What a change is refused with that may be stored and may not. */
export function unknownOutcome(cause: unknown): SessionError {
  return new SessionError(
    "ERR_SESSION_UNKNOWN",
    "The session store's answer was lost: whether the change is stored is not known.",
    { cause },
  );
}

export function everyIdTaken(): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "The session store says that every new id is taken.",
  );
}

export function begunByAnother(): SessionError {
  return new SessionError("ERR_SESSION_CONFLICT", "Another request was first to begin this session.");
}
