import { readFileSync } from "node:fs";
import { describeMachine, load } from "../scale/machine.ts";
import { tell } from "../scale/progress.ts";
import { LoadTool } from "./children.ts";
import { SETTINGS } from "./engines.ts";
import { measureGroup } from "./groups.ts";
import type { Request } from "./options.ts";
import { Unfinished } from "./unfinished.ts";
import type { GroupResult, PeersResult } from "./result.ts";
import { measureSingles } from "./singles.ts";
import { type Group, GROUPS } from "./table.ts";

/** Measures every group that is asked for, and what is measured once. Ends everything that it started, also when it fails. */
export async function measurePeers(request: Request, stop: AbortSignal): Promise<PeersResult> {
  const machine = describeMachine();
  const started = performance.now();
  const unfinished = new Unfinished<GroupResult>("peers", request);
  const tool = await LoadTool.start();
  try {
    for (const group of GROUPS) {
      stop.throwIfAborted();
      if (
        unfinished.done.some(({ framework, store }) => framework === group.framework && store === group.store)
      )
        continue;
      const result = await attempted(group, () => measureGroup(group, request, tool, stop), stop);
      if (result === null) continue;
      unfinished.add(result);
      tell(`  ${Math.round((performance.now() - started) / 1000)} s so far`);
    }
  } finally {
    await tool.stop();
  }
  const singles = await measureSingles(request, stop);
  unfinished.end();
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
    groups: unfinished.done,
    singles,
  };
}

/** A group that breaks is told, kept as broken, and no reason to lose the others. Rejects when the run was stopped. */
async function attempted(
  { framework, store }: Group,
  measure: () => Promise<GroupResult | null>,
  stop: AbortSignal,
): Promise<GroupResult | null> {
  try {
    return await measure();
  } catch (error) {
    stop.throwIfAborted();
    const failed = error instanceof Error ? error.message : String(error);
    tell(`${framework}, ${store}: FAILED: ${failed}`);
    return { framework, store, subjects: [], failed };
  }
}

function versions(): Record<string, string> {
  const text = readFileSync(new URL("../peers/package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { dependencies: Record<string, string> }).dependencies;
}
