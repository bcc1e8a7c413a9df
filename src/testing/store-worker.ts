// The program of a worker process. It opens the store that its arguments name, says so, and does one job a message.
import type { AnyStore } from "../core/store.ts";
import { storeJobs, type StoreJobs } from "./store-jobs.ts";

export interface WorkerTask {
  readonly job: keyof StoreJobs;
  readonly input: unknown;
}
export type WorkerReply =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly result: unknown }
  | { readonly kind: "failed"; readonly message: string };

type Job = (store: AnyStore, input: unknown) => Promise<unknown>;

async function openStore(): Promise<AnyStore> {
  const [module = "", name = "", location = ""] = process.argv.slice(2);
  const exports = (await import(module)) as Readonly<Record<string, unknown>>;
  const open = exports[name];
  if (typeof open !== "function") throw new TypeError(`${module} has no function named ${name}.`);
  return (await open(location)) as AnyStore;
}

function reply(message: WorkerReply): void {
  process.send?.(message);
}

function fail(error: unknown): void {
  reply({ kind: "failed", message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}

async function work(store: AnyStore, task: WorkerTask): Promise<void> {
  const job = storeJobs[task.job] as Job;
  reply({ kind: "done", result: await job(store, task.input) });
}

openStore().then((store) => {
  process.on("message", (task: WorkerTask) => void work(store, task).catch(fail));
  process.on("disconnect", () => void store.close?.());
  reply({ kind: "ready" });
}, fail);
