import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The oldest line of Node that is supported. */
export const OLDEST = 20;

/** A Node of the oldest supported line, if this machine has one; `HOLDFAST_NODE20` names one. */
export function oldestNode(): string | null {
  const named = process.env["HOLDFAST_NODE20"];
  const candidates = (process.env["PATH"] ?? "").split(delimiter).map((path) => join(path, "node"));
  const all = [
    ...(named === undefined ? [] : [named]),
    ...candidates,
    "/usr/bin/node",
    "/usr/local/bin/node",
  ];
  return all.find((path) => majorOf(path) === OLDEST) ?? null;
}

function majorOf(node: string): number | null {
  if (!existsSync(node)) return null;
  const { stdout } = spawnSync(node, ["--version"], { encoding: "utf8" });
  return Number(/^v(\d+)\./.exec(stdout ?? "")?.[1] ?? Number.NaN);
}
