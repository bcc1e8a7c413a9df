import type { Finding } from "../../src/cli/doctor/finding.ts";
import { run } from "./support.ts";

export interface Examined {
  readonly code: number;
  readonly findings: readonly Finding[];
  /** The same as a person reads it. */
  readonly text: string;
  /** The worst finding of a check. */
  of(check: string): Finding;
}

const RANK = ["ok", "note", "warning", "error"];

/** What the doctor says of a store, as data and as text. */
export async function examined(url: string, environment: Record<string, string> = {}): Promise<Examined> {
  const { code, printed, complained } = await run(["doctor", url, "--json"], { environment });
  if (printed === "") throw new Error(complained);
  const { findings } = JSON.parse(printed) as { findings: Finding[] };
  const { printed: text } = await run(["doctor", url, "--read-only"], { environment });
  return {
    code,
    findings,
    text,
    of(check) {
      const found = findings
        .filter((one) => one.check === check)
        .toSorted((one, other) => RANK.indexOf(other.severity) - RANK.indexOf(one.severity));
      if (found[0] === undefined) throw new Error(`Nothing was found of ${check}: ${printed}`);
      return found[0];
    },
  };
}
