// Stands in for `node:child_process` in workerd. There, what shares no memory is another isolate: a service of its own, with the same
// objects bound to it. The contract's workers are such services.
import { EventEmitter } from "node:events";
import type { WorkerTask } from "../../../../src/testing/store-worker.ts";

/** Another service. */
export interface Isolate {
  fetch(url: string, init: { readonly method: string; readonly body: string }): Promise<Response>;
}

let free: Isolate[] = [];

/** Says which isolates there are. */
export function useIsolates(isolates: readonly Isolate[]): void {
  free = [...isolates];
}

/** Takes an isolate, as `fork` starts a process. */
export function fork(): Child {
  const isolate = free.pop();
  if (isolate === undefined) throw new Error("There are no more isolates.");
  return new Child(isolate);
}

class Child extends EventEmitter {
  readonly stderr = null;
  connected = true;
  readonly #isolate: Isolate;
  /** Where the data is that was opened last. An isolate keeps nothing between its requests, and is told with each job. */
  #location = "";

  constructor(isolate: Isolate) {
    super();
    this.#isolate = isolate;
  }

  send(task: WorkerTask): void {
    if (task.kind !== "job") {
      if (task.kind === "open") this.#location = task.location;
      return void setImmediate(() => this.emit("message", { kind: "done" }));
    }
    const body = JSON.stringify({ ...task, location: this.#location });
    this.#isolate
      .fetch("https://isolate/~job", { method: "POST", body })
      .then((response) => response.json())
      .then(
        (reply) => this.emit("message", reply),
        (error: unknown) => this.emit("message", { kind: "failed", message: String(error) }),
      );
  }

  /** Nothing here keeps the runtime alive. */
  ref(): void {}

  unref(): void {}

  disconnect(): void {
    this.connected = false;
    free.push(this.#isolate);
    setImmediate(() => this.emit("exit", 0));
  }

  kill(): void {
    setImmediate(() => this.emit("exit", 0));
  }
}
