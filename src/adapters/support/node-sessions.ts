import type { AnySession, RequestHooks } from "../../index.ts";
import { SessionError } from "../../index.ts";
import { NodeExchange, type NodeRequest, type NodeServerResponse, type NodeView } from "./node-exchange.ts";
import { type Failure, type HoldHooks, plainFailure } from "./node-hold.ts";
import { isUnexpected } from "./thrown.ts";

export interface NodeSessionsOptions<Request extends object> {
  /** Requests for which this answers `false` get no session: assets, health checks. Default: all get one. */
  readonly only?: (request: Request) => boolean;
  /** The client's address, for the list of devices. Default: the other end of the connection, which may be a proxy. */
  readonly clientAddress?: (request: Request) => string | undefined;
  /** What is answered when a commit failed. Default: plain text with the error's status, 409 or 503, not stored. */
  readonly renderFailure?: (error: unknown) => Failure;
}

/** The names of {@link NodeSessionsOptions}, and their kinds. */
export const NODE_OPTIONS = {
  only: "function",
  clientAddress: "function",
  renderFailure: "function",
} as const;

/** The failures of one request that an application's answer is made of. */
interface Answers {
  render(error: unknown): Failure;
}

/** A request with its session, and what the hold of its response asks: one object, for there is one of them a request. */
class Known<S extends AnySession> implements HoldHooks {
  readonly exchange: NodeExchange;
  session: S | undefined;
  failed = false;
  /** The commit that is on its way. */
  finishing: Promise<void> | null = null;
  /** The commit failed, and the client is told so: what it did not do is not to be done behind its back. */
  refused = false;
  readonly #manager: RequestHooks<S>;
  readonly #answers: Answers;
  readonly #onFailure: NodeView["onFailure"];
  #started = false;
  #finished = false;

  constructor(
    manager: RequestHooks<S>,
    answers: Answers,
    request: NodeRequest,
    response: NodeServerResponse,
    view: NodeView,
  ) {
    this.#manager = manager;
    this.#answers = answers;
    this.#onFailure = view.onFailure;
    this.exchange = new NodeExchange(request, response, view, this);
  }

  get hasFailed(): boolean {
    return this.failed || this.exchange.status >= 500;
  }

  /** Commits, unless it is to be put off; whoever answers while a commit is on its way waits for that one. */
  finish(hasFailed: boolean, isReady?: () => boolean): void | Promise<void> {
    if (this.finishing !== null) return this.finishing;
    let ready = true;
    const work = hasFailed
      ? this.#manager.finishFailedRequest(this.exchange)
      : this.#manager.finishSuccessfulRequest(this.exchange, isReady && (() => (ready = isReady())));
    if (work === undefined) {
      this.#finished = ready;
      return;
    }
    this.finishing = work;
    work.then(
      () => {
        this.finishing = null;
        this.#finished = ready;
      },
      () => {
        this.finishing = null;
        this.refused = true;
      },
    );
    return work;
  }

  isIdle(head: readonly unknown[]): boolean {
    if (!this.#finished || this.finishing !== null || !carries(head, this.exchange.cookies)) return false;
    this.#started = true;
    return true;
  }

  start(status: number): void | Promise<void> {
    this.#started = true;
    if (this.session === undefined) return;
    this.exchange.start();
    const work = this.finish(this.failed || status >= 500);
    if (work === undefined) this.exchange.carry();
    return work;
  }

  late(): void | Promise<void> {
    if (this.refused) return;
    // A response that went past the hold has had no start, and a failed one is to change nothing all the same.
    return !this.#started && this.hasFailed
      ? this.#manager.finishFailedRequest(this.exchange)
      : this.#manager.finishLate(this.exchange);
  }

  abandoned(): void | Promise<void> {
    return this.#manager.abandon(this.exchange);
  }

  renderFailure(error: unknown): Failure {
    this.#onFailure?.(error);
    const failure = this.#answers.render(error);
    const { cookies } = this.exchange;
    // What an earlier commit of this request acknowledged stays, so its cookies must arrive.
    return cookies.length === 0
      ? failure
      : { ...failure, headers: { ...failure.headers, "Set-Cookie": cookies } };
  }
}

/** Whether the arguments of a `writeHead` have all of the cookies, as a framework gives them that keeps headers by itself. */
function carries(head: readonly unknown[], cookies: readonly string[]): boolean {
  if (cookies.length === 0) return true;
  const headers = head[1] as { readonly "set-cookie"?: unknown } | undefined;
  const given = headers?.["set-cookie"];
  if (!Array.isArray(given)) return cookies.length === 1 && given === cookies[0];
  return cookies.every((cookie) => given.includes(cookie));
}

/** What the adapters of `node:http`, and of every framework upon it, share: the hooks tied to a held response. */
export class NodeSessions<S extends AnySession, Request extends NodeRequest> {
  readonly #manager: RequestHooks<S>;
  readonly #options: NodeSessionsOptions<Request>;
  /** Under it a request keeps its session of this adapter. A WeakMap would cost a third of the throughput in garbage. */
  readonly #key: symbol = Symbol("holdfast.session");

  constructor(manager: RequestHooks<S>, options: NodeSessionsOptions<Request>) {
    this.#manager = manager;
    this.#options = options;
  }

  /** Whether a request is to have a session, and has none yet. */
  takes(request: Request): boolean {
    return this.#known(request) === undefined && (this.#options.only?.(request) ?? true);
  }

  address(request: Request): string | undefined {
    const { clientAddress } = this.#options;
    return clientAddress === undefined ? request.socket.remoteAddress : clientAddress(request);
  }

  /** Loads the session of a request. Synchronous when no store has to be asked. */
  begin(request: Request, response: NodeServerResponse, view: NodeView): S | Promise<S> {
    const known = new Known(this.#manager, this, request, response, view);
    const session = this.#manager.startRequest(known.exchange);
    if (!(session instanceof Promise)) return this.#remember(request, session, known);
    return session.then((loaded) => this.#remember(request, loaded, known));
  }

  /** The session of a request, if it has one here. */
  find(request: object): S | undefined {
    return this.#known(request)?.session;
  }

  /** The session of a request. */
  of(request: object): S {
    const session = this.find(request);
    if (session !== undefined) return session;
    throw new SessionError(
      "ERR_SESSION_USE",
      "This request has no session here. Mount the adapter before this code, and see its option `only`.",
    );
  }

  within<T>(session: S, work: () => T): T {
    return this.#manager.within(session, work);
  }

  /** The request failed, whatever status it will be answered with. */
  failed(request: object): void {
    const known = this.#known(request);
    if (known !== undefined) known.failed = true;
  }

  /**
   * Stores what a request has changed so far, for a framework that has an await point before its response starts; the
   * session's headers wait for that start. Rejects when it cannot: the request has failed then, and what was put on the
   * response is taken back, so that the framework makes its answer of the error. Does nothing for a response that has
   * started, where the hold commits, and for a request that has failed. `check` is called before anything is stored, and stops it by a throw.
   */
  commit(request: object, check?: () => void): void | Promise<void> {
    const known = this.#known(request);
    if (known === undefined || known.hasFailed) return;
    const work = this.#manager.commitEarly(known.exchange, check);
    if (!(work instanceof Promise)) return;
    return work.catch((error: unknown) => {
      known.failed = true;
      known.exchange.takeBack();
      throw error;
    });
  }

  /**
   * Commits before the response starts, for a framework that has a place to wait at; the hold then lets the response pass.
   * Rejects or throws when the commit failed: nothing is saved, and it is for the framework to answer. Does nothing for a
   * request that has no session here, and when all is done already. `isReady` is asked when there is something to store: `false` leaves it
   * to the hold.
   */
  finish(request: object, isReady?: () => boolean): void | Promise<void> {
    const known = this.#known(request);
    if (known !== undefined) return known.finish(known.hasFailed, isReady);
  }

  /** The answer to a commit that failed. */
  render(error: unknown): Failure {
    return this.#options.renderFailure?.(error) ?? plainFailure(error);
  }

  /** The answer to what a handler threw. */
  renderThrown(error: unknown): Failure {
    const isAnswer = SessionError.is(error) || !isUnexpected(error);
    return this.#options.renderFailure?.(error) ?? plainFailure(isAnswer ? error : { status: 500 });
  }

  #known(request: object): Known<S> | undefined {
    return (request as Record<symbol, Known<S> | undefined>)[this.#key];
  }

  #remember(request: Request, session: S, known: Known<S>): S {
    known.session = session;
    (request as unknown as Record<symbol, Known<S>>)[this.#key] = known;
    known.exchange.hold();
    return session;
  }
}
