/** A process beside the others: opens the store, says so, does its job from "go" to "stop", and reports. */
import { openAt } from "./engines/index.ts";
import { doJob, type Job } from "./jobs.ts";
import type { Location } from "./engines/engine.ts";
import { once } from "node:events";

const { location, job } = JSON.parse(process.argv[2] ?? "{}") as { location: Location; job: Job };
const { store, close } = await openAt(location);
await store.all({ limit: 1 }, { signal: new AbortController().signal });

const stop = new AbortController();
const go = once(process, "message");
process.send?.("ready");
await go;
process.once("message", () => stop.abort());
// Whoever is not needed any more is gone without being told.
process.once("disconnect", () => process.exit(1));
const report = await doJob(store, job, stop.signal);
await close();
process.send?.(report, () => process.exit(0));
