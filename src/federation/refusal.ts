/** Error codes of RFC 8935, section 2.4; the registry of them is IANA's "Security Event Token Error Codes". */
export type RefusalCode =
  | "invalid_request"
  | "invalid_key"
  | "invalid_issuer"
  | "invalid_audience"
  | "authentication_failed"
  /** Not of the RFC: no fault of the sender, who may try again. */
  | "unavailable";

/** Why a message was not accepted. Its text is one of ours: nothing of the message is in it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;
  readonly status: number;

  constructor(
    code: RefusalCode,
    message: string,
    options: { readonly status?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.status = options.status ?? (code === "unavailable" ? 503 : 400);
  }
}

export function invalid(message: string): Refusal {
  return new Refusal("invalid_request", message);
}
