// The program of a worker process. It opens the stores that it is told to, one at a time, and does one job a message.
import type { AnyStore } from "../core/store.ts";
import { storeJobs, type StoreJobs } from "./store-jobs.ts";

export type WorkerTask =
  | { readonly kind: "open"; readonly module: string; readonly export: string; readonly location: string }
  | { readonly kind: "job"; readonly job: keyof StoreJobs; readonly input: unknown }
  | { readonly kind: "close" };
export type WorkerReply =
  | { readonly kind: "done"; readonly result: unknown }
  | { readonly kind: "failed"; readonly message: string };

type Job = (store: AnyStore, input: unknown) => Promise<unknown>;
type Open = (location: string) => AnyStore | Promise<AnyStore>;

let store: AnyStore | null = null;

async function opened({ module, export: name, location }: WorkerTask & { kind: "open" }): Promise<AnyStore> {
  const exports = (await import(module)) as Readonly<Record<string, unknown>>;
  const open = exports[name];
  if (typeof open !== "function") throw new TypeError(`${module} has no function named ${name}.`);
  return await (open as Open)(location);
}

async function work(task: WorkerTask): Promise<unknown> {
  if (task.kind === "open") return void (store = await opened(task));
  if (task.kind === "close") return await closed();
  if (store === null) throw new Error("No store is open.");
  return await (storeJobs[task.job] as Job)(store, task.input);
}

async function closed(): Promise<void> {
  const open = store;
  store = null;
  await open?.close?.();
}

function reply(message: WorkerReply): void {
  process.send?.(message);
}

function fail(error: unknown): void {
  reply({ kind: "failed", message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}

process.on(
  "message",
  (task: WorkerTask) => void work(task).then((result) => reply({ kind: "done", result }), fail),
);
process.on("disconnect", () => void closed());
