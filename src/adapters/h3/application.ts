import type { AnySession, RequestHooks } from "../../index.ts";
import type { NodeRequest } from "../support/node-exchange.ts";
import type { NodeSessions } from "../support/node-sessions.ts";
import { isUnexpected } from "../support/thrown.ts";
import { checkText1, isOpenEnded, isUnusable, refusalOf, statusOf } from "./answers.ts";
import { type Event1, isNodes } from "./events.ts";
import { EventExchange, type EventRequest } from "./exchange.ts";
import type { Found, Settings } from "./settings.ts";
import { ShimAnswer } from "./shim.ts";
import { refusalFor } from "./refusal.ts";
import { HeldTurn, type Turn, WholeTurn } from "./turns.ts";

/** An answer of h3 1, before it is sent. */
export interface Body1 {
  body?: unknown;
}

/** What is used of an application of h3 1. */
export interface App1 {
  handler: (event: never) => unknown;
  readonly options: {
    onRequest?: (event: never) => unknown;
    onBeforeResponse?: (event: never, response: never) => unknown;
    onError?: (error: never, event: never) => unknown;
  };
}

type Hook<Args extends readonly unknown[]> = (...args: Args) => unknown;

/** What an event of h3 1 keeps in its context under the adapter's key. */
interface Known<S extends AnySession> {
  readonly turn: Turn<S>;
  /** The event that the turn is of: not one within it, nor one that a cache made. */
  readonly event: Event1;
  /** Where the answer is kept, if it is not held. */
  readonly answer: ShimAnswer | null;
  failed: boolean;
}

/**
 * Sessions for h3 1, which has no middleware around what comes after: its application's handler is wrapped, and its hooks
 * are the places to wait at. A response of Node's own is held besides.
 */
export class Application1<S extends AnySession> {
  readonly #manager: RequestHooks<S>;
  readonly #sessions: NodeSessions<S, NodeRequest>;
  readonly #settings: Settings;
  readonly #key: symbol = Symbol("holdfast.session");
  /**
   * The header by which an error handler's requests in process, which have the headers of the one that failed and nothing
   * else of it, say which that is. The value cannot be guessed, and is known for as long as the error handler runs.
   */
  readonly #within: string = `x-holdfast-${crypto.randomUUID()}`;
  /** The requests whose error handler runs, by that value. */
  readonly #failing: Map<string, Known<S>> = new Map();

  constructor(manager: RequestHooks<S>, sessions: NodeSessions<S, NodeRequest>, settings: Settings) {
    this.#manager = manager;
    this.#sessions = sessions;
    this.#settings = settings;
  }

  install(app: App1): void {
    const { options } = app;
    const handler = app.handler as unknown as Hook<[Event1]>;
    const onRequest = options.onRequest as Hook<[Event1]> | undefined;
    const onBeforeResponse = options.onBeforeResponse as Hook<[Event1, Body1]> | undefined;
    const onError = options.onError as Hook<[unknown, Event1]> | undefined;
    const wrapped = (event: Event1): Promise<unknown> => this.#handle(event, handler);
    // What h3 keeps on a handler: that it is one, and how to find the handler of a path.
    app.handler = Object.assign(wrapped, handler);
    const hooks = {
      onRequest: async (event: Event1): Promise<void> => {
        await onRequest?.(event);
        // Nitro may have made the context anew, and read the variable for it.
        this.#expose(event);
      },
      onBeforeResponse: async (event: Event1, response: Body1): Promise<void> => {
        await onBeforeResponse?.(event, response);
        await this.#beforeResponse(event, response);
      },
      ...(onError !== undefined && {
        onError: (error: unknown, event: Event1) => this.#whileFailing(event, () => onError(error, event)),
      }),
    };
    Object.assign(options, hooks);
  }

  find(event: Event1): Found<S> | undefined {
    const known = this.#known(event);
    return known && { session: known.turn.session, isCached: isForCache(event) };
  }

  async #handle(event: Event1, inner: Hook<[Event1]>): Promise<void> {
    if (this.#known(event) !== undefined) return void (await inner(event));
    const outer = this.#outerOf(event);
    if (outer !== undefined) {
      this.#remember(event, outer);
      return void (await inner(event));
    }
    if (this.#settings.only?.(event) === false) return void (await inner(event));
    let known: Known<S>;
    try {
      known = await this.#begin(event);
    } catch (error) {
      event.node.res.statusCode = refusalOf(error);
      throw refusalFor(error);
    }
    this.#remember(event, known);
    try {
      await this.#manager.within(known.turn.session, () => inner(event));
    } catch (thrown) {
      await this.#thrown(known, thrown);
      throw thrown;
    }
    if (known.answer !== null) await this.#answered(known.turn, known.answer);
  }

  #known(event: Event1): Known<S> | undefined {
    return (event.context as Record<symbol, Known<S> | undefined>)[this.#key];
  }

  /** The request that this one is a part of, if it is made in process and that one is not over. */
  #outerOf(event: Event1): Known<S> | undefined {
    const { req, res } = event.node;
    if (isNodes(res)) return undefined;
    const around = (req.__unenv__ as Record<symbol, Known<S> | undefined> | null | undefined)?.[this.#key];
    const mark = req.headers[this.#within];
    const known = around ?? (typeof mark === "string" ? this.#failing.get(mark) : undefined);
    return known === undefined || known.failed || known.turn.isOver ? undefined : known;
  }

  async #begin(event: Event1): Promise<Known<S>> {
    const { req, res } = event.node;
    const { mountPath } = this.#settings;
    const url = req.originalUrl ?? req.url ?? "/";
    const remoteAddress = this.#settings.addressOf(event, () => req.socket.remoteAddress);
    if (isNodes(res)) {
      const view = {
        url,
        mountPath,
        remoteAddress,
        onFailure: (error: unknown) => event.captureError?.(error),
      };
      const session = await this.#sessions.begin(req, res, view);
      const turn = new HeldTurn(session, this.#sessions, event.node);
      return { turn, event, answer: null, failed: false };
    }
    const answer = new ShimAnswer(res);
    const waitUntil = this.#settings.waitUntilOf(event);
    const request = requestOf(event, { url, mountPath, remoteAddress, waitUntil });
    const exchange = new EventExchange(request, answer);
    const turn = new WholeTurn(await this.#manager.startRequest(exchange), this.#manager, exchange);
    return { turn, event, answer, failed: false };
  }

  #remember(event: Event1, known: Known<S>): void {
    (event.context as Record<symbol, Known<S>>)[this.#key] = known;
    this.#expose(event);
  }

  #expose(event: Event1): void {
    if (this.#known(event) !== undefined) this.#settings.expose(event, () => this.find(event));
  }

  /** The place where a commit that failed can still be thrown, for the application's error handler. */
  async #beforeResponse(event: Event1, response: Body1): Promise<void> {
    const known = this.#known(event);
    const { body } = response;
    // An error is going to be thrown, or was: that is judged where it arrives.
    if (known?.event !== event || body instanceof Error) return;
    const { turn, answer } = known;
    answer?.show(body);
    if ((statusOf(body) ?? event.node.res.statusCode) >= 500) return await turn.fail();
    // What may still turn out not to be sendable is left to the hold, which commits at the first byte.
    if (turn.isHeld && (isOpenEnded(body) || isUnusable(body))) return;
    if (isUnusable(body)) return await turn.fail();
    await this.#save(known, () => {
      answer?.check();
      checkText1(body);
    });
    if (answer !== null) response.body = answer.value;
  }

  async #thrown(known: Known<S>, thrown: unknown): Promise<void> {
    const isFailure = this.#settings.isFailure ?? isUnexpected;
    if (!isFailure(thrown)) return await this.#save(known);
    known.failed = true;
    try {
      await known.turn.fail();
      // At once: an error page that is rendered by a request of its own shows what is so.
      if (known.turn instanceof HeldTurn) await known.turn.finish();
    } catch {
      // What the handler threw says more than that its logout failed too, and is a failure all the same.
    }
  }

  async #save(known: Known<S>, check?: () => void): Promise<void> {
    try {
      await known.turn.save(check);
    } catch (error) {
      known.failed = true;
      known.answer?.drop();
      const { res } = known.event.node;
      // An error handler that names no status has the error's.
      res.statusCode = refusalOf(error);
      // Otherwise the reason phrase of the dropped answer would stand beside the new status.
      if (known.answer === null && !("stream" in res)) res.statusMessage = "";
      throw error;
    }
  }

  /** Where nothing is held, what answered past h3's hooks is saved when all is there. */
  async #answered(turn: Turn<S>, answer: ShimAnswer): Promise<void> {
    if (turn.isOver) return;
    try {
      await (answer.status >= 500 ? turn.fail() : turn.save(() => answer.check()));
    } catch (error) {
      answer.replace(this.#sessions.renderThrown(error));
    }
  }

  /** Lets what an error handler asks of the application itself, such as its error page, be a part of the request. */
  async #whileFailing(event: Event1, handle: () => unknown): Promise<unknown> {
    const known = this.#known(event);
    if (known?.event !== event || known.failed || known.turn.isOver) return await handle();
    const { headers } = event.node.req;
    const mark = crypto.randomUUID();
    this.#failing.set(mark, known);
    headers[this.#within] = mark;
    try {
      return await handle();
    } finally {
      this.#failing.delete(mark);
      delete headers[this.#within];
    }
  }
}

function requestOf(
  event: Event1,
  rest: Pick<EventRequest, "url" | "mountPath" | "remoteAddress" | "waitUntil">,
): EventRequest {
  const { req } = event.node;
  return {
    ...rest,
    method: event.method,
    secure: (req.socket as { readonly encrypted?: boolean } | undefined)?.encrypted === true,
    header: (name) => {
      const value = req.headers[name];
      return Array.isArray(value) ? value.join(name === "cookie" ? "; " : ", ") : value;
    },
  };
}

/** Whether an answer for everybody is being made: Nitro gives it the context of whoever happens to ask first. */
function isForCache(event: Event1): boolean {
  return [event.context, event.node.req.__unenv__].some((context) => {
    const cache = context?.["cache"] as { readonly options?: { readonly getKey?: unknown } } | undefined;
    return typeof cache?.options?.getKey === "function";
  });
}
