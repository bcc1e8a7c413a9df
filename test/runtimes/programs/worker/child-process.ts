// Stands in for `node:child_process` in workerd. There, what shares no memory is another isolate: a service of its own, with the same
// objects bound to it. The contract's workers are such services.
import { EventEmitter } from "node:events";

/** Another service. */
export interface Isolate {
  fetch(url: string, init: { readonly method: string; readonly body: string }): Promise<Response>;
}

let free: Isolate[] = [];

/** Says which isolates there are. */
export function useIsolates(isolates: readonly Isolate[]): void {
  free = [...isolates];
}

/** Takes an isolate, as `fork` starts a process: its arguments end with the location of the data. */
export function fork(_program: string, args: readonly string[]): Child {
  const isolate = free.pop();
  if (isolate === undefined) throw new Error("There are no more isolates.");
  return new Child(isolate, args.at(-1) ?? "");
}

class Child extends EventEmitter {
  readonly stderr = null;
  connected = true;
  readonly #isolate: Isolate;
  readonly #location: string;

  constructor(isolate: Isolate, location: string) {
    super();
    this.#isolate = isolate;
    this.#location = location;
    setImmediate(() => this.emit("message", { kind: "ready" }));
  }

  send(task: object): void {
    const body = JSON.stringify({ ...task, location: this.#location });
    this.#isolate
      .fetch("https://isolate/~job", { method: "POST", body })
      .then((response) => response.json())
      .then(
        (reply) => this.emit("message", reply),
        (error: unknown) => this.emit("message", { kind: "failed", message: String(error) }),
      );
  }

  disconnect(): void {
    this.connected = false;
    free.push(this.#isolate);
    setImmediate(() => this.emit("exit", 0));
  }

  kill(): void {
    setImmediate(() => this.emit("exit", 0));
  }
}
