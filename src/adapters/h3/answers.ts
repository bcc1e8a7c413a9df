import { SessionError } from "../../index.ts";
import { isSpent } from "../support/fetch-exchange.ts";
import { isUnexpected } from "../support/thrown.ts";

/** Under it h3 2 marks an answer that has a status and headers of its own. */
const HTTP_RESPONSE: symbol = Symbol.for("h3.HTTPResponse");

/** What may tell what kind of answer a value is. */
interface Answer {
  readonly pipe?: unknown;
  readonly pipeTo?: unknown;
  readonly end?: unknown;
  readonly buffer?: unknown;
  readonly arrayBuffer?: unknown;
  readonly toJSON?: unknown;
}

/** An answer with a status and headers of its own. */
interface Headed {
  readonly status?: unknown;
  readonly headers: unknown;
}

/** The status that a handler's answer brings along, if it does. */
export function statusOf(answer: unknown): number | undefined {
  if (!hasHead(answer)) return undefined;
  return typeof answer.status === "number" ? answer.status : undefined;
}

/** The headers that a handler's answer brings along. */
export function headersOf(answer: unknown): Headers | undefined {
  return hasHead(answer) && answer.headers instanceof Headers ? answer.headers : undefined;
}

/** A stream, or the response of Node itself: whether anything can be sent of it shows at its first byte, and not here. */
export function isOpenEnded(answer: unknown): boolean {
  if (!isObject(answer)) return false;
  return [answer.pipe, answer.pipeTo, answer.end].some((method) => typeof method === "function");
}

/** A body that was read before cannot be sent. */
export function isUnusable(answer: unknown): boolean {
  return answer instanceof Response && isSpent(answer);
}

/**
 * Makes the text that h3 1 is going to make of an answer, to see whether it can.
 *
 * @throws what h3 would, when it is too late to store nothing.
 */
export function checkText1(answer: unknown): void {
  if (!isObject(answer) || answer instanceof Response || isOpenEnded(answer)) return;
  if (answer.buffer === undefined && answer.arrayBuffer === undefined) JSON.stringify(answer);
}

/** As {@link checkText1}, for h3 2, which makes text of plain objects alone, and headers where an answer has its own. */
export function checkText2(answer: unknown): void {
  if (!isObject(answer) || isOpenEnded(answer)) return;
  if (hasHead(answer)) return void headersOf(answer);
  const prototype: unknown = Object.getPrototypeOf(answer);
  const isPlain = prototype === Object.prototype || prototype === null || Array.isArray(answer);
  if (isPlain || typeof answer.toJSON === "function") JSON.stringify(answer);
}

/** The status of an answer to what kept the request's own from being given. */
export function refusalOf(error: unknown): number {
  return SessionError.is(error) ? error.status : 500;
}

/** Of what is thrown, h3 2 takes a number for a status and a symbol for a signal; what is no error it answers with 500. */
export function isUnexpected2(thrown: unknown): boolean {
  if (typeof thrown === "symbol") return false;
  if (typeof thrown === "number") return thrown < 100 || thrown >= 500;
  return !(thrown instanceof Error) || isUnexpected(thrown);
}

function hasHead(answer: unknown): answer is Headed {
  return isObject(answer) && (answer instanceof Response || HTTP_RESPONSE in answer);
}

function isObject(answer: unknown): answer is Answer {
  return typeof answer === "object" && answer !== null;
}
