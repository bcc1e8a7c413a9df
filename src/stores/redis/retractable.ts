import { tooLate } from "./late.ts";

/** How a command is handed to the client. */
type Send = (command: string[], options: object) => Promise<unknown>;

/**
 * Hands commands to node-redis so that one whose signal aborts while it is still in the client's own queue is never sent.
 * The client listens to the signal it is given just as long as it has the command in that queue.
 *
 * Version 5 breaks its queue for good when several commands are taken out of it, the last one among them; so the command
 * stays there, as a PING: it is encoded only when it is written.
 */
export class Retractable {
  readonly #typeMapping: object;
  /** What was queued since the last look. Nearly all of it is sent by the next, and never costs a listener. */
  #fresh: Queued[] = [];

  constructor(typeMapping: object) {
    this.#typeMapping = typeMapping;
  }

  send(send: Send, command: readonly string[], signal: AbortSignal): Promise<unknown> {
    const own = [...command];
    return new Promise((resolve, reject) => {
      const abortSignal = new Queued(signal, this.#queued, () => {
        own.splice(0, own.length, "PING");
        reject(tooLate(signal));
      });
      send(own, { typeMapping: this.#typeMapping, abortSignal }).then(resolve, reject);
    });
  }

  readonly #queued = (command: Queued): void => {
    // The client writes at the end of this turn of the event loop, so the next one tells what is stuck.
    if (this.#fresh.push(command) === 1) setImmediate(() => setImmediate(this.#look));
  };

  readonly #look = (): void => {
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const command of fresh) command.listen();
  };
}

/** What node-redis is given for an abort signal. */
class Queued {
  readonly #signal: AbortSignal;
  readonly #isQueued: (self: Queued) => void;
  readonly #retract: () => void;
  #waits = false;
  #listens = false;

  constructor(signal: AbortSignal, isQueued: (self: Queued) => void, retract: () => void) {
    this.#signal = signal;
    this.#isQueued = isQueued;
    this.#retract = retract;
  }

  get aborted(): boolean {
    return this.#signal.aborted;
  }

  /** The client calls it when it takes the command into its queue. */
  addEventListener(): void {
    this.#waits = true;
    this.#isQueued(this);
  }

  /** The client calls it when it takes the command out, to be written or because it failed. */
  removeEventListener(): void {
    this.#waits = false;
    if (this.#listens) this.#signal.removeEventListener("abort", this.#retract);
  }

  listen(): void {
    if (!this.#waits || this.#listens) return;
    if (this.#signal.aborted) return this.#retract();
    this.#listens = true;
    this.#signal.addEventListener("abort", this.#retract, { once: true });
  }
}
