import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem, type } from "node:os";

/** What the run took place on. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly disk: string;
  readonly system: string;
  readonly node: string;
  /** Processes that wanted a core over the minute before the run began, and before it ended. Before: others alone. */
  readonly loadBefore: number;
  readonly loadAfter?: number;
}

export function describeMachine(): Machine {
  const [first] = cpus();
  return {
    cores: cpus().length,
    processor: `${first?.model.trim() ?? "unknown"}${isVirtual() ? ", virtual" : ""}`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    disk: diskOf("/tmp"),
    system: `${type()} ${release().split("-")[0]}`,
    node: process.version,
    loadBefore: load(),
  };
}

/** How many processes wanted a core, over the last minute. */
export function load(): number {
  return Number((loadavg()[0] ?? 0).toFixed(1));
}

function isVirtual(): boolean {
  return / hypervisor( |$)/m.test(printed("grep", ["-m1", "^flags", "/proc/cpuinfo"]));
}

/** The kind of file system that a folder lies on. */
function diskOf(folder: string): string {
  const [, kind = "unknown"] = printed("df", ["--output=fstype", folder]).split("\n");
  return `${kind}${isVirtual() ? " on a virtual disk" : ""}`;
}

function printed(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: "utf8" });
  } catch {
    return "";
  }
}
