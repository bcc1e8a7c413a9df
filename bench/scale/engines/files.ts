import { mkdtemp, readFile, rm } from "node:fs/promises";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Counters } from "./engine.ts";

/** A folder that is there for one run. */
export async function benchFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "holdfast-scale-"));
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

export const COUNTED_OF_PROCESS = "reads and writes that this process asked of the system, and their bytes";

/** What this process asked of the system's files so far, whether the system had it in memory or not. */
export async function ownInputAndOutput(): Promise<Counters> {
  const text = await readFile("/proc/self/io", "utf8").catch(() => "");
  const { rchar, wchar, syscr, syscw } = Object.fromEntries(
    [...text.matchAll(/^(\w+): (\d+)$/gm)].map(([, name, count]) => [name, Number(count)]),
  ) as Record<string, number | undefined>;
  if (rchar === undefined || wchar === undefined || syscr === undefined || syscw === undefined) return {};
  return { reads: syscr, "bytes read": rchar, writes: syscw, "bytes written": wchar };
}

/** What files occupy, blocks and folders included. */
export function occupied(path: string): number {
  const { stdout } = spawnSync("du", ["-s", "-B1", path], { encoding: "utf8" });
  return Number(stdout.split("\t")[0]);
}
