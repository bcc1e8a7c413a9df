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
  /** Ends the processes. */
  close(): Promise<void>;
}

// Compiled, this file lies beside a .js; as source, beside a .ts, which Node runs by itself from version 22.18 on.
const PROGRAM = new URL(
  import.meta.url.endsWith(".ts") ? "./store-worker.ts" : "./store-worker.js",
  import.meta.url,
);

/** Starts `count` processes, each with the store of the subject open. */
export async function startWorkers(subject: WorkerSubject, count: number): Promise<Workers> {
  const started = Array.from({ length: count }, () => new Worker(subject));
  const close = async (): Promise<void> => void (await Promise.all(started.map((worker) => worker.close())));
  try {
    await Promise.all(started.map((worker) => worker.answer()));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    count,
    async run(index, job, input) {
      const worker = started[index];
      if (worker === undefined) throw new RangeError(`There is no worker ${index}, only ${count}.`);
      return worker.run({ job, input }) as Promise<never>;
    },
    close,
  };
}

class Worker {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #errors = "";

  constructor({ module, export: name, location }: WorkerSubject) {
    this.#child = fork(fileURLToPath(PROGRAM), [module.href, name, location], {
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#exited = once(this.#child, "exit");
    this.#child.stderr?.on("data", (text: Buffer) => (this.#errors += text.toString()));
  }

  async run(task: WorkerTask): Promise<unknown> {
    const answer = this.answer();
    this.#child.send(task);
    return answer;
  }

  /** The result of the next reply. Rejects when that tells of a failure, and when the process ends instead. */
  async answer(): Promise<unknown> {
    const settled = new AbortController();
    try {
      return result(await Promise.race([this.#reply(settled.signal), this.#end()]));
    } finally {
      settled.abort();
    }
  }

  async close(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    else this.#child.kill();
    await this.#exited;
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
  return reply.kind === "done" ? reply.result : undefined;
}
