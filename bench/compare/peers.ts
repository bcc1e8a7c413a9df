import { readFileSync } from "node:fs";
import { describeMachine, load } from "../scale/machine.ts";
import { tell } from "../scale/progress.ts";
import { LoadTool } from "./children.ts";
import { SETTINGS } from "./engines.ts";
import { measureGroup } from "./groups.ts";
import type { Request } from "./options.ts";
import type { GroupResult, PeersResult } from "./result.ts";
import { measureSingles } from "./singles.ts";
import { GROUPS } from "./table.ts";

/** Measures every group that is asked for, and what is measured once. Ends everything that it started, also when it fails. */
export async function measurePeers(request: Request, stop: AbortSignal): Promise<PeersResult> {
  const machine = describeMachine();
  const started = performance.now();
  const groups: GroupResult[] = [];
  const tool = await LoadTool.start();
  try {
    for (const group of GROUPS) {
      stop.throwIfAborted();
      const result = await measureGroup(group, request, tool, stop);
      if (result !== null) groups.push(result);
      tell(`  ${Math.round((performance.now() - started) / 1000)} s so far`);
    }
  } finally {
    await tool.stop();
  }
  const { command, rounds, seconds, connections } = request;
  return {
    command,
    date: new Date().toISOString().slice(0, 10),
    minutes: Number(((performance.now() - started) / 60_000).toFixed(1)),
    machine: { ...machine, loadAfter: load() },
    rounds,
    seconds,
    connections,
    tool: `autocannon ${versions()["autocannon"] ?? ""}, in a process of its own`,
    versions: versions(),
    settings: SETTINGS,
    groups,
    singles: await measureSingles(request, stop),
  };
}

function versions(): Record<string, string> {
  const text = readFileSync(new URL("../peers/package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { dependencies: Record<string, string> }).dependencies;
}
