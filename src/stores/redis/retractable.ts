import { tooLate } from "./late.ts";

/** What node-redis wants of an abort signal. */
interface Glance {
  readonly aborted: boolean;
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(): void;
}

/** How a command is handed to the client. */
type Send = (command: string[], options: object) => Promise<unknown>;

/**
 * Hands a command to node-redis so that, when the signal aborts while the command is still in the client's own queue, it
 * is never sent. The client listens to the signal just as long as it has the command in that queue.
 *
 * Version 5 breaks its queue for good when several commands are taken out of it, the last one among them; so the command
 * stays there, as a PING: it is encoded only when it is written.
 */
export function sendReplaceable(
  send: Send,
  command: readonly string[],
  typeMapping: object,
  signal: AbortSignal,
): Promise<unknown> {
  const own = [...command];
  return new Promise((resolve, reject) => {
    const abortSignal = glanceAt(signal, () => {
      own.splice(0, own.length, "PING");
      reject(tooLate(signal));
    });
    send(own, { typeMapping, abortSignal }).then(resolve, reject);
  });
}

function glanceAt(signal: AbortSignal, retract: () => void): Glance {
  return {
    get aborted() {
      return signal.aborted;
    },
    addEventListener: () => signal.addEventListener("abort", retract, { once: true }),
    removeEventListener: () => signal.removeEventListener("abort", retract),
  };
}
