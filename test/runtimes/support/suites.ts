import { beforeAll, describe, expect, test } from "vitest";
import { isInstalled, PROJECT } from "./bundle.ts";
import type { Runtime } from "./runtimes.ts";
import { withRuntime } from "./runtimes.ts";
import { describeTrial, type ProgramOptions, startProgram } from "./trial.ts";

/** A program of `tryAdapters` or `tryStores` on one runtime, and which of its subjects are tried. */
export interface ContractOptions extends Omit<ProgramOptions, "subject"> {
  readonly contract: "adapter" | "store";
  readonly subjects: readonly string[];
  /** By subject, the rules that the runtime itself breaks, with the reason. See `describeTrial`. */
  readonly broken?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Registers the contract for each subject, tried on a runtime by a program. */
export function contractOn(runtime: Runtime, options: ContractOptions): void {
  const { contract, subjects, broken = {}, ...program } = options;
  withProject(program.project ?? PROJECT, () => {
    withRuntime(runtime, () => {
      for (const subject of subjects) {
        describeTrial({
          contract,
          name: subject,
          ...(broken[subject] !== undefined && { broken: broken[subject] }),
          start: () => startProgram(runtime, { ...program, subject }),
        });
      }
    });
  });
}

/** Describes suites that need a project's packages. Without them they are skipped, loudly; in CI they fail. */
export function withProject(project: string, suites: () => void): void {
  if (isInstalled(project)) return suites();
  console.error(`NOT RUN: ${project} is not installed; \`npm test -- test/runtimes\` installs it.`);
  if (process.env["CI"] !== "true") return void describe.skip(`without ${project}`, suites);
  beforeAll(() => expect.unreachable(`${project} is not installed`));
  test(`${project} is installed`, () => undefined);
}
