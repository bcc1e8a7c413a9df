import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Engine, MeasuredStore } from "./engines/engine.ts";
import { doJob, type Job, type JobReport } from "./jobs.ts";

const WORKER = fileURLToPath(new URL("worker.ts", import.meta.url));

/** Somebody who is ready to do a job. */
export interface Hand {
  /** Begins. */
  go(): void;
  stop(): void;
  /** Rejects when it failed at its job. */
  readonly report: Promise<JobReport>;
}

/** Engages a process for each job, or this one where no other sees the records. Resolves when all are ready. */
export function engage(engine: Engine, store: MeasuredStore, jobs: readonly Job[]): Promise<Hand[]> {
  return Promise.all(
    jobs.map((job) => (engine.location === null ? inside(store, job) : outside(engine, job))),
  );
}

async function inside(store: MeasuredStore, job: Job): Promise<Hand> {
  const begin = new AbortController();
  const stop = new AbortController();
  return {
    go: () => begin.abort(),
    stop: () => stop.abort(),
    report: once(begin.signal, "abort").then(() => doJob(store, job, stop.signal)),
  };
}

async function outside({ location }: Engine, job: Job): Promise<Hand> {
  const child = fork(WORKER, [JSON.stringify({ location, job })], { execArgv: [] });
  const failed = ended(child);
  await Promise.race([once(child, "message"), failed]);
  const reported = once(child, "message") as Promise<[JobReport]>;
  const report = Promise.race([reported.then(([told]) => told), failed]);
  // Looked at only by who waits for it.
  report.catch(() => undefined);
  return { go: () => child.send("go"), stop: () => child.connected && child.send("stop"), report };
}

async function ended(child: ChildProcess): Promise<never> {
  const [code] = await once(child, "exit");
  throw new Error(`A worker ended with ${code} before it reported.`);
}
