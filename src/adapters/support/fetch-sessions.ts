import type { AnySession, RequestHooks } from "../../index.ts";
import { type FetchExchange, isRebuildable, isSpent, saysFailure } from "./fetch-exchange.ts";

/** A request that has a session. */
export interface Known<S extends AnySession> {
  readonly session: S;
  readonly exchange: FetchExchange;
  /** The request has failed, whatever it is answered with. */
  failed: boolean;
}

/** What a framework whose handlers give a `Response` does in its own way. */
export interface FetchSteps<S extends AnySession> {
  readonly exchange: FetchExchange;
  /** The session is loaded: the time to remember whose it is. */
  begun(known: Known<S>): void;
  handle(session: S): Response | Promise<Response>;
  /** Whether what the handler threw, be it a `Response` or not, means that it failed. */
  isFailure(thrown: unknown): boolean;
  /** Makes the response when the session cannot be loaded or its commit failed, or throws. */
  render(error: unknown): Response | Promise<Response>;
}

/**
 * Answers a request with a session: loads it, runs the handler, and commits before the response is given away, with the
 * session's headers on it. Throws what the handler threw, once that is settled, and what `render` throws.
 */
export async function withSession<S extends AnySession>(
  manager: RequestHooks<S>,
  steps: FetchSteps<S>,
): Promise<Response> {
  const { exchange } = steps;
  let known: Known<S>;
  try {
    const loading = manager.startRequest(exchange);
    const session = loading instanceof Promise ? await loading : loading;
    known = { session, exchange, failed: false };
  } catch (error) {
    return exchange.redressed(await steps.render(error));
  }
  steps.begun(known);
  const answer = await answerOf(manager, steps, known);
  try {
    await finish(manager, exchange, answer.failed || known.failed);
  } catch (error) {
    // What the handler threw says more than that its logout failed too, and is a failure all the same.
    if (answer.kind === "thrown" && answer.failed) throw answer.value;
    return exchange.redressed(await steps.render(error));
  }
  if (answer.kind === "returned") return exchange.dressed(answer.value);
  throw answer.value instanceof Response ? exchange.dressed(answer.value) : answer.value;
}

/** What became of a handler. */
type Answer =
  | { readonly kind: "returned"; readonly value: Response; readonly failed: boolean }
  | { readonly kind: "thrown"; readonly value: unknown; readonly failed: boolean };

async function answerOf<S extends AnySession>(
  manager: RequestHooks<S>,
  { exchange, handle, isFailure }: FetchSteps<S>,
  { session }: Known<S>,
): Promise<Answer> {
  try {
    const value = checked(await manager.within(session, () => handle(session)));
    exchange.answer(value);
    return { kind: "returned", value, failed: saysFailure(value) };
  } catch (value) {
    if (value instanceof Response) exchange.answer(value);
    return { kind: "thrown", value, failed: isFailure(value) };
  }
}

async function finish<S extends AnySession>(
  manager: RequestHooks<S>,
  exchange: FetchExchange,
  failed: boolean,
): Promise<void> {
  const work = failed ? manager.finishFailedRequest(exchange) : manager.finishSuccessfulRequest(exchange);
  if (work !== undefined) await work;
}

/** Refuses, before anything is stored, what could not be answered with afterwards. */
function checked(response: Response): Response {
  if (typeof response?.status !== "number")
    throw new TypeError("A handler must return a Response, and returned something else.");
  if (isRebuildable(response) && isSpent(response))
    throw new TypeError("A handler returned a Response whose body was read before. Return a clone of it.");
  return response;
}
