import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { StoreJobs } from "./store-jobs.ts";
import type { WorkerSubject } from "./store-subject.ts";
import type { WorkerReply, WorkerTask } from "./store-worker.ts";

type Input<Job extends keyof StoreJobs> = Parameters<StoreJobs[Job]>[1];
type Result<Job extends keyof StoreJobs> = Awaited<ReturnType<StoreJobs[Job]>>;

/** Processes that have opened one store's data and wait for work. */
export interface Workers {
  readonly count: number;
  /** Gives the worker a job and resolves its result; several workers are set to work by calling this several times. */
  run<Job extends keyof StoreJobs>(worker: number, job: Job, input: Input<Job>): Promise<Result<Job>>;
  /** Closes what the processes opened. */
  close(): Promise<void>;
}

// Compiled, this file lies beside a .js; as source, beside a .ts, which Node runs by itself from version 22.18 on.
const PROGRAM = new URL(
  import.meta.url.endsWith(".ts") ? "./store-worker.ts" : "./store-worker.js",
  import.meta.url,
);

/** How long a process waits for the next rule before it is ended. */
const PATIENCE_MS = 5000;

/**
 * The worker processes of one contract. A process that a rule is done with serves the next one: to start it, and to load what it needs,
 * takes far longer than most of its work.
 */
export class WorkerPool {
  readonly #idle: Worker[] = [];

  /** Opens the store of the subject in `count` processes. */
  async open(subject: WorkerSubject, count: number): Promise<Workers> {
    const workers = Array.from({ length: count }, () => this.#taken(subject));
    const close = async (): Promise<void> =>
      void (await Promise.all(workers.map((worker) => this.#leave(worker))));
    const { module, export: name, location } = subject;
    const opening = { kind: "open", module: module.href, export: name, location } as const;
    try {
      await Promise.all(workers.map((worker) => worker.run(opening)));
    } catch (error) {
      await close();
      throw error;
    }
    return {
      count,
      async run(index, job, input) {
        const worker = workers[index];
        if (worker === undefined) throw new RangeError(`There is no worker ${index}, only ${count}.`);
        return worker.run({ kind: "job", job, input }) as Promise<never>;
      },
      close,
    };
  }

  #taken({ module }: WorkerSubject): Worker {
    for (;;) {
      const worker = this.#idle.pop();
      if (worker === undefined) return new Worker(module);
      if (worker.wake()) return worker;
    }
  }

  /** One that still works, or cannot close, is of no use to another rule. */
  async #leave(worker: Worker): Promise<void> {
    if (worker.isBusy) return await worker.end();
    try {
      await worker.run({ kind: "close" });
    } catch {
      return await worker.end();
    }
    this.#idle.push(worker);
    worker.rest(PATIENCE_MS);
  }
}

class Worker {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #errors = "";
  #working = 0;
  #bedtime: NodeJS.Timeout | undefined;

  /** The module is named to the process as its argument, so that a program which opens its stores itself knows that it is a worker's. */
  constructor(module: URL) {
    this.#child = fork(fileURLToPath(PROGRAM), [module.href], {
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#exited = once(this.#child, "exit");
    this.#child.stderr?.on("data", (text: Buffer) => (this.#errors += text.toString()));
  }

  get isBusy(): boolean {
    return this.#working > 0;
  }

  async run(task: WorkerTask): Promise<unknown> {
    const settled = new AbortController();
    this.#working += 1;
    try {
      const reply = this.#reply(settled.signal);
      this.#child.send(task);
      return result(await Promise.race([reply, this.#end()]));
    } finally {
      this.#working -= 1;
      settled.abort();
    }
  }

  /** Waits for the next rule, without keeping the runner's process alive, and for so long. */
  rest(patienceMs: number): void {
    this.#keepAlive(false);
    this.#bedtime = setTimeout(() => void this.end(), patienceMs).unref();
  }

  /** Tells whether it is there to work again. */
  wake(): boolean {
    clearTimeout(this.#bedtime);
    this.#keepAlive(true);
    return this.#child.connected;
  }

  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    if (this.isBusy) this.#child.kill();
    await this.#exited;
  }

  #keepAlive(isWanted: boolean): void {
    const verb = isWanted ? "ref" : "unref";
    // Not every runtime that plays Node has the two on all of these.
    const held = [this.#child, this.#child.channel, this.#child.stderr];
    for (const one of held as (Partial<Record<"ref" | "unref", () => void>> | null | undefined)[])
      one?.[verb]?.();
  }

  async #reply(signal: AbortSignal): Promise<WorkerReply> {
    const [reply] = (await once(this.#child, "message", { signal })) as [WorkerReply];
    return reply;
  }

  async #end(): Promise<never> {
    await this.#exited;
    throw new Error(`A worker process ended by itself. ${this.#errors}`);
  }
}

function result(reply: WorkerReply): unknown {
  if (reply.kind === "failed") throw new Error(`A worker process failed: ${reply.message}`);
  return reply.result;
}
