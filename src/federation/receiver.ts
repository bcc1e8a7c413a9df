import type { JWTPayload } from "jose";
import type { Answer, Ask, Endpoint } from "../endpoint.ts";
import { SessionError } from "../index.ts";
import { isText, type SignalRules, type SignalTarget } from "./options.ts";
import { invalid, Refusal } from "./refusal.ts";
import { type TokenRules, verified } from "./verify.ts";

/** How one kind of message is received. */
export interface Reception {
  readonly token: TokenRules;
  /** The media type that the message comes in. */
  readonly contentType: string;
  /** Finds the token in the request. @throws {@link Refusal} */
  read(ask: Ask): Promise<string>;
  /** Judges what a verified token says, and gives what is to be done, once. @throws {@link Refusal} */
  judge(claims: JWTPayload): (() => unknown) | Promise<() => unknown>;
  readonly accepted: number;
  /** The answer to a message that was received before. @throws {@link Refusal} */
  repeated(): number;
  refused(refusal: Refusal): object;
}

/** The header that every answer bears: each is about one message alone. */
const NO_STORE = ["Cache-Control", "no-store"] as const;

/** Answers messages of one kind. Never throws for what is sent. */
export function receiver(manager: SignalTarget, rules: SignalRules, reception: Reception): Endpoint {
  return async (ask) => {
    try {
      const status = await received(ask, manager, rules, reception);
      return { status, headers: [NO_STORE], body: "" };
    } catch (error) {
      if (error instanceof Refusal) return refused(error, rules, reception);
      throw error;
    }
  };
}

async function received(
  ask: Ask,
  manager: SignalTarget,
  rules: SignalRules,
  reception: Reception,
): Promise<number> {
  if (ask.method !== "POST")
    throw new Refusal("invalid_request", "Messages are sent by POST.", { status: 405 });
  const type = (ask.header("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== reception.contentType) throw invalid(`The Content-Type is not ${reception.contentType}.`);
  const claims = await verified(await reception.read(ask), rules, reception.token);
  if (!isText(claims.jti)) throw invalid("The token has no identifier, jti.");
  const work = await reception.judge(claims);
  const key = JSON.stringify([reception.token.type, claims.iss, claims.jti]);
  // For as long as its times allow it to come again: made in the future by the sender's clock, and judged, in whole seconds, by the slowest here.
  const first = await tried(() => manager.once(key, rules.maxAgeMs + 3 * rules.skewMs + 1000, work));
  return first ? reception.accepted : reception.repeated();
}

/** Turns what fails on this side into an answer that has the sender try again; mistakes of the programmer's stay errors. */
async function tried<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refusal || (SessionError.is(error) && error.status === 500)) throw error;
    throw new Refusal("unavailable", "This cannot be done at the moment. Send it again.", { cause: error });
  }
}

function refused(refusal: Refusal, rules: SignalRules, reception: Reception): Answer {
  const { code: error, status, message: description, cause } = refusal;
  try {
    rules.onRefused({ status, error, description, ...(cause !== undefined && { cause }) });
  } catch {
    // The sender is answered all the same.
  }
  const headers: (readonly [string, string])[] = [["Content-Type", "application/json"], NO_STORE];
  if (status === 503) headers.push(["Retry-After", "5"]);
  if (status === 405) headers.push(["Allow", "POST"]);
  return { status, headers, body: JSON.stringify(reception.refused(refusal)) };
}
