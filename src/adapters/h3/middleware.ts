import { type AnySession, forbidStoring, type RequestHooks } from "../../index.ts";
import type { NodeRequest } from "../support/node-exchange.ts";
import { OF_THE_ANSWER } from "../support/answer-headers.ts";
import type { NodeSessions } from "../support/node-sessions.ts";
import {
  checkText2,
  headersOf,
  isOpenEnded,
  isUnexpected2,
  isUnusable,
  refusalOf,
  statusOf,
} from "./answers.ts";
import { type Event2, nodeOf } from "./events.ts";
import { type EventAnswer, EventExchange, type EventRequest } from "./exchange.ts";
import type { Settings } from "./settings.ts";
import { refusalFor } from "./refusal.ts";
import { HeldTurn, type Turn, WholeTurn } from "./turns.ts";
import { cachingOf, headerOf } from "../support/fetch-exchange.ts";

/** What a request of h3 2 keeps under the adapter's key. */
interface Known<S extends AnySession> {
  readonly session: S;
  /** The request as it came: one that a cache put in its place has less of it. */
  readonly request: Request;
  /** What was put on the answer, where nobody holds it. */
  readonly exchange: EventExchange | null;
}

/** What is used of an application of h3 2. */
export interface App2 {
  use(middleware: unknown): unknown;
  readonly config?: { onError?: (error: never, event: never) => unknown };
}

/** Sessions for h3 2: middleware around all that comes after it, and the hold beneath where there is a response of Node. */
export class Middleware2<S extends AnySession> {
  readonly #manager: RequestHooks<S>;
  readonly #sessions: NodeSessions<S, NodeRequest>;
  readonly #settings: Settings;
  readonly #key: symbol = Symbol("holdfast.session");

  constructor(manager: RequestHooks<S>, sessions: NodeSessions<S, NodeRequest>, settings: Settings) {
    this.#manager = manager;
    this.#sessions = sessions;
    this.#settings = settings;
  }

  install(app: App2, middleware: unknown): void {
    app.use(middleware);
    const { config } = app;
    const onError = config?.onError as ((error: unknown, event: Event2) => unknown) | undefined;
    if (config === undefined || onError === undefined) return;
    const carried = async (error: unknown, event: Event2): Promise<unknown> => {
      const answer = await onError(error, event);
      return answer instanceof Response ? this.#carry(event, answer) : answer;
    };
    config.onError = carried;
  }

  async handle(event: Event2, next: () => unknown): Promise<unknown> {
    if (this.#known(event) !== undefined) return await next();
    const outer = this.#outerOf(event);
    if (outer !== undefined) {
      this.#remember(event, outer, null);
      return await next();
    }
    if (this.#settings.only?.(event) === false) return await next();
    const answer = new Answer2(event);
    let turn: Turn<S>;
    try {
      turn = await this.#begin(event, answer);
    } catch (error) {
      answer.refuse(error);
      throw refusalFor(error);
    }
    let value: unknown;
    try {
      value = await this.#manager.within(turn.session, next);
    } catch (thrown) {
      await this.#thrown(turn, answer, thrown);
      throw thrown;
    }
    if (value instanceof Error) await this.#thrown(turn, answer, value);
    else await this.#returned(turn, answer, value);
    return value;
  }

  find(event: Event2): { readonly session: S; readonly isCached: boolean } | undefined {
    const known = this.#known(event);
    return known && { session: known.session, isCached: isNarrowed(event.req, known.request) };
  }

  /**
   * Puts the cookies on a `Response` that the application's error handler made: of that, h3 takes nothing but what is on it.
   */
  #carry(event: Event2, response: Response): Response {
    const cookies = this.#known(event)?.exchange?.cookies ?? [];
    if (cookies.length === 0) return response;
    const headers = new Headers(response.headers);
    for (const cookie of cookies) headers.append("set-cookie", cookie);
    forbidStoring(cachingOf(headers));
    const { status, statusText, body } = response;
    return new Response(body, { status, statusText, headers });
  }

  #known(event: Event2): Known<S> | undefined {
    return (event as unknown as Record<symbol, Known<S> | undefined>)[this.#key];
  }

  /** A request within a request, or an application in an application, has the request of Node of the one around it. */
  #outerOf(event: Event2): S | undefined {
    const node = nodeOf(event);
    return node && this.#sessions.find(node.req);
  }

  async #begin(event: Event2, answer: Answer2): Promise<Turn<S>> {
    const node = nodeOf(event);
    const remoteAddress = this.#settings.addressOf(
      event,
      () => event.req.ip ?? node?.req.socket.remoteAddress,
    );
    const { mountPath } = this.#settings;
    if (node !== undefined) {
      const view = { url: node.req.originalUrl ?? node.req.url ?? "/", mountPath, remoteAddress };
      const session = await this.#sessions.begin(node.req, node.res, view);
      this.#remember(event, session, null);
      return new HeldTurn(session, this.#sessions, node);
    }
    const request = requestOf(event, {
      mountPath,
      remoteAddress,
      waitUntil: this.#settings.waitUntilOf(event),
    });
    const exchange = new EventExchange(request, answer);
    const session = await this.#manager.startRequest(exchange);
    this.#remember(event, session, exchange);
    return new WholeTurn(session, this.#manager, exchange);
  }

  #remember(event: Event2, session: S, exchange: EventExchange | null): void {
    const known: Known<S> = { session, request: event.req, exchange };
    (event as unknown as Record<symbol, Known<S>>)[this.#key] = known;
    this.#settings.expose(event, () => this.find(event));
  }

  async #thrown(turn: Turn<S>, answer: Answer2, thrown: unknown): Promise<void> {
    answer.show(thrown);
    const isFailure = this.#settings.isFailure ?? isUnexpected2;
    if (!isFailure(thrown)) return await this.#save(turn, answer);
    try {
      await turn.fail();
    } catch {
      // What the handler threw says more than that its logout failed too, and is a failure all the same.
    }
  }

  async #returned(turn: Turn<S>, answer: Answer2, value: unknown): Promise<void> {
    answer.show(value);
    if ((answer.status ?? 200) >= 500) return await turn.fail();
    // What may still turn out not to be sendable is left to the hold, which commits at the first byte.
    if (turn.isHeld && (isUnusable(value) || (isOpenEnded(value) && !(value instanceof ReadableStream))))
      return;
    if (isUnusable(value)) return await turn.fail();
    await this.#save(turn, answer, () => checkText2(value));
  }

  async #save(turn: Turn<S>, answer: Answer2, check?: () => void): Promise<void> {
    try {
      await turn.save(check);
    } catch (error) {
      answer.refuse(error);
      throw error;
    }
  }
}

/** The answer to an event of h3 2: what its handler gave, and what h3 is going to put over that from `event.res`. */
class Answer2 implements EventAnswer {
  readonly #event: Event2;
  #value: unknown;

  constructor(event: Event2) {
    this.#event = event;
  }

  /** Shows what the handler gave, or threw. */
  show(value: unknown): void {
    this.#value = value;
  }

  get status(): number | undefined {
    return statusOf(this.#value) ?? this.#event.res.status;
  }

  get takesHeaders(): boolean {
    const status = statusOf(this.#value);
    return status === undefined || status === 0 || status >= 200;
  }

  get(name: string): string | undefined {
    for (const headers of this.#targets()) if (headers.has(name)) return headers.get(name) ?? undefined;
    return headersOf(this.#value)?.get(name) ?? undefined;
  }

  set(name: string, value: string): void {
    for (const headers of this.#targets()) headers.set(name, value);
  }

  append(name: string, value: string): void {
    for (const headers of this.#targets()) headers.append(name, value);
  }

  /** Takes back what describes an answer that is not going to be sent. An error handler that names no status has the error's. */
  refuse(error: unknown): void {
    const { res } = this.#event;
    for (const name of OF_THE_ANSWER) res.headers.delete(name);
    res.status = refusalOf(error);
  }

  /** Where h3 looks: for an error in both, since an error handler of the application's may make a plain answer of it. */
  #targets(): readonly Headers[] {
    const { headers, errHeaders } = this.#event.res;
    if (this.#value instanceof Response) return [this.#value.status >= 400 ? errHeaders : headers];
    return this.#value instanceof Error || typeof this.#value === "number"
      ? [headers, errHeaders]
      : [headers];
  }
}

function requestOf(
  event: Event2,
  rest: Pick<EventRequest, "mountPath" | "remoteAddress" | "waitUntil">,
): EventRequest {
  const { method, url } = event.req;
  const { pathname, search, protocol } = new URL(url);
  return {
    ...rest,
    method,
    url: pathname + search,
    secure: protocol === "https:",
    header: (name) => headerOf(event.req, name),
  };
}

/** A cache replaces the request by one that has the headers alone which its key is made of. */
function isNarrowed(now: Request, then: Request): boolean {
  return now !== then && [...then.headers.keys()].some((name) => !now.headers.has(name));
}
