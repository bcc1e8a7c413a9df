import type { AnySession, RequestHooks } from "../../index.ts";
import type { NodeRequest } from "../support/node-exchange.ts";
import type { NodeSessions } from "../support/node-sessions.ts";
import type { NodePair } from "./events.ts";
import type { EventExchange } from "./exchange.ts";

/** One request on its way to an answer. */
export interface Turn<S extends AnySession> {
  readonly session: S;
  /** Whether nothing can be stored for this request any more. */
  readonly isOver: boolean;
  /** Whether the response is held until its first byte, so that what is not saved by then still is. */
  readonly isHeld: boolean;
  /**
   * Stores what was changed. `check` is called before anything is stored; rejects with what that throws, or with why it
   * could not be stored. The request has failed then, and the headers of its answer are for the caller to drop.
   */
  save(check?: () => void): void | Promise<void>;
  /** The request failed: drops what was changed, but for a logout. */
  fail(): void | Promise<void>;
}

/** Upon a response of Node's own: what is missed here the hold beneath sees to. */
export class HeldTurn<S extends AnySession> implements Turn<S> {
  readonly isHeld = true;
  readonly session: S;
  readonly #sessions: NodeSessions<S, NodeRequest>;
  readonly #node: NodePair;

  constructor(session: S, sessions: NodeSessions<S, NodeRequest>, node: NodePair) {
    this.session = session;
    this.#sessions = sessions;
    this.#node = node;
  }

  get isOver(): boolean {
    return this.#node.res.writableEnded;
  }

  save(check?: () => void): void | Promise<void> {
    return this.#sessions.commit(this.#node.req, check);
  }

  fail(): void {
    this.#sessions.failed(this.#node.req);
  }

  /** Carries out at once what is left to do, and puts the session's headers on the message. */
  finish(): void | Promise<void> {
    return this.#sessions.finish(this.#node.req);
  }
}

/** Where nothing leaves before the whole answer is there. */
export class WholeTurn<S extends AnySession> implements Turn<S> {
  readonly isHeld = false;
  readonly session: S;
  readonly #manager: RequestHooks<S>;
  readonly #exchange: EventExchange;
  #over = false;

  constructor(session: S, manager: RequestHooks<S>, exchange: EventExchange) {
    this.session = session;
    this.#manager = manager;
    this.#exchange = exchange;
  }

  get isOver(): boolean {
    return this.#over;
  }

  async save(check?: () => void): Promise<void> {
    if (this.#over) return;
    try {
      check?.();
    } catch (error) {
      await this.fail();
      throw error;
    }
    this.#over = true;
    await this.#manager.finishSuccessfulRequest(this.#exchange);
  }

  async fail(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    await this.#manager.finishFailedRequest(this.#exchange);
  }
}
