/**
 * One server of the comparison, in a process of its own: `node subject.ts '{"framework": …}'`, forked. Tells its port, answers what it
 * is asked about itself, and ends with the process that started it.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Launch, Told } from "../compare/words.ts";
import { Allocations, type Asked } from "./asked.ts";
import { startSeveral } from "./several.ts";
import { Profiler } from "./profiler.ts";
import { type Started, start } from "./subjects/start.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const allocations = new Allocations();
const profiler = new Profiler();

process.on("disconnect", () => process.exit(0));
// Ctrl+C reaches the whole group: the one that started this ends it.
process.on("SIGINT", () => {});

const launch = JSON.parse(process.argv[2] ?? "{}") as Launch;
const { processes = 1 } = launch;
let started: Started | undefined;
if (processes > 1) await startSeveral(launch, processes, tell);
else await startOne();

async function startOne(): Promise<void> {
  started = await start(launch);
  process.on("message", (asked: Asked) => void answer(asked));
  tell({ kind: "ready", port: started.port });
}

async function answer(asked: Asked): Promise<void> {
  switch (asked.kind) {
    case "usage": {
      const { user, system } = process.cpuUsage();
      return tell({ kind: "usage", microseconds: user + system });
    }
    case "start allocations":
      collect();
      allocations.start();
      return tell({ kind: "done" });
    case "stop allocations":
      return tell({ kind: "allocated", bytes: allocations.stop() });
    case "start profile":
      await profiler.start();
      return tell({ kind: "done" });
    case "stop profile":
      return tell({ kind: "profile", profile: await profiler.stop() });
    case "fill":
      await started?.fill?.(asked.sessions);
      return tell({ kind: "done" });
  }
}

function tell(told: Told): void {
  process.send?.(told);
}
