import { SessionError } from "../../index.ts";
import { reasonOf } from "../support/thrown.ts";

/**
 * What is thrown when a session cannot be begun. A forged request is an answer, as if the application had thrown an error of h3's own: of
 * any other error h3 prints all it knows, and so would let strangers fill the log.
 */
export function refusalFor(error: unknown): unknown {
  return SessionError.is(error) && error.code === "ERR_SESSION_FORGED" ? new Refusal(error) : error;
}

/** An error that both versions of h3 take for one of their own, by what they go by: 1 by the mark on the class, 2 by the name. */
class Refusal extends Error {
  static readonly __h3_error__ = true;
  override readonly name = "HTTPError";
  readonly status: number;
  readonly statusCode: number;
  readonly statusText: string;
  readonly statusMessage: string;
  readonly fatal = false;
  readonly unhandled = false;

  constructor(cause: SessionError) {
    const reason = reasonOf(cause.status);
    super(reason, { cause });
    this.status = this.statusCode = cause.status;
    this.statusText = this.statusMessage = reason;
  }

  /** What the client is shown, in the words of either version. */
  toJSON(): object {
    const { status, statusCode, statusText, statusMessage, message } = this;
    return { status, statusCode, statusText, statusMessage, message };
  }
}
