import type { Call } from "../../core/store.ts";
import { NotSent } from "./failure.ts";
import { isLate, tooLate } from "./late.ts";
import { ignore } from "./router.ts";

/** How a command is handed to the client. */
type Send = (command: string[], options: object) => Promise<unknown>;

/** What node-redis is told of each command. */
export interface CommandOptions {
  readonly typeMapping: object;
  /** How long it may wait in the client's queue, in ms; 0 for as long as it must. */
  readonly timeout: number;
}

/**
 * Hands commands to node-redis so that one which is still in the client's own queue can be taken back: when its call
 * aborts, and when the connection is lost. The client listens to the signal it is given just as long as it has the
 * command in that queue.
 *
 * Version 5 breaks its queue for good when several commands are taken out of it, the last one among them; so the command
 * stays there as what cannot be encoded, which the client drops when its turn comes.
 */
export class Retractable {
  readonly #options: CommandOptions;
  readonly #queued = new Set<Queued>();
  #looks = false;

  constructor(options: CommandOptions) {
    this.#options = options;
  }

  /** Calls `settled` once, when it resolves or rejects. */
  send(send: Send, command: readonly string[], call?: Call, settled: () => void = ignore): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const own = command.slice();
      const queued = new Queued(this, call, own, settled, reject);
      try {
        send(own, { ...this.#options, abortSignal: queued }).then(
          (reply) => {
            queued.settle();
            resolve(reply);
          },
          (error: unknown) => queued.fail(error),
        );
      } catch (error) {
        queued.fail(error);
      }
    });
  }

  /**
   * Takes back all that is queued, for a connection was lost. Version 5 would write what it has scheduled into the dead socket all
   * the same, wait for the answers, and take for them what the next connection answers to others, or never be ready again.
   */
  readonly withdraw = (): void => {
    for (const command of this.#queued) command.retract(new NotSent());
  };

  enter(command: Queued): void {
    this.#queued.add(command);
    if (this.#looks) return;
    this.#looks = true;
    // The client writes at the end of this turn of the event loop, so the next one tells what is stuck. Nearly all that is
    // sent is not, and never costs a listener.
    setImmediate(() => setImmediate(this.#look));
  }

  leave(command: Queued): void {
    this.#queued.delete(command);
  }

  readonly #look = (): void => {
    this.#looks = false;
    for (const command of this.#queued) command.listen();
  };
}

/** A command that node-redis was handed, and what it is given for its abort signal. One object, for there is one for each command. */
class Queued {
  readonly #queue: Retractable;
  readonly #call: Call | undefined;
  readonly #command: string[];
  readonly #settled: () => void;
  readonly #reject: (error: unknown) => void;
  #isSettled = false;
  /** What listens to the call's end, once it does. */
  #expire: (() => void) | null = null;

  constructor(
    queue: Retractable,
    call: Call | undefined,
    command: string[],
    settled: () => void,
    reject: (error: unknown) => void,
  ) {
    this.#queue = queue;
    this.#call = call;
    this.#command = command;
    this.#settled = settled;
    this.#reject = reject;
  }

  get aborted(): boolean {
    return this.#call !== undefined && isLate(this.#call);
  }

  /** The client calls it when it takes the command into its queue. */
  addEventListener(): void {
    this.#queue.enter(this);
  }

  /** The client calls it when it takes the command out, to be written or because it failed. */
  removeEventListener(): void {
    this.#queue.leave(this);
    if (this.#expire !== null) this.#call?.signal.removeEventListener("abort", this.#expire);
  }

  listen(): void {
    const call = this.#call;
    if (this.#expire !== null || call === undefined) return;
    if (isLate(call)) return this.retract(tooLate(call));
    this.#expire = () => this.retract(tooLate(call));
    call.signal.addEventListener("abort", this.#expire, { once: true });
  }

  retract(error: Error): void {
    this.removeEventListener();
    this.#command.splice(0, this.#command.length, undefined as never);
    this.fail(error);
  }

  /** What was answered to a command that was taken back meanwhile changes nothing. */
  settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#settled();
  }

  fail(error: unknown): void {
    this.settle();
    this.#reject(error);
  }
}
