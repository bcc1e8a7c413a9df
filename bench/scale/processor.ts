import { readdirSync, readFileSync } from "node:fs";

/** What the kernel counts processor time in, on every Linux. */
const TICKS_PER_SECOND = 100;

interface Usage {
  readonly parent: number;
  readonly seconds: number;
}

/** The processor time, in seconds, that processes and all their descendants have used so far. */
export function secondsOf(roots: readonly number[]): number {
  const all = new Map(processes());
  const belongs = (pid: number): boolean => {
    if (roots.includes(pid)) return true;
    const parent = all.get(pid)?.parent;
    return parent !== undefined && parent > 1 && belongs(parent);
  };
  return [...all].reduce((sum, [pid, { seconds }]) => (belongs(pid) ? sum + seconds : sum), 0);
}

function processes(): [number, Usage][] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name): [number, Usage][] => {
      const usage = usageOf(name);
      return usage === null ? [] : [[Number(name), usage]];
    });
}

function usageOf(pid: string): Usage | null {
  try {
    // The second part, the program's name, stands in parentheses and may hold anything.
    const [, rest = ""] = /\) (.*)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    const parts = rest.split(" ");
    return { parent: Number(parts[1]), seconds: (Number(parts[11]) + Number(parts[12])) / TICKS_PER_SECOND };
  } catch {
    // It ended meanwhile.
    return null;
  }
}
