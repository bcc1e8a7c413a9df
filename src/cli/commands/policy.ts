import { EXIT, type ExitCode } from "../exit.ts";
import { answer, type Job } from "../job.ts";
import { managerOf } from "../managers.ts";
import { policyTable } from "../policy-table.ts";

export interface PolicyArguments {
  readonly module: string;
  readonly export: string | undefined;
}

/** Prints the policy in force of a session manager, for an auditor. */
export async function policy(job: Job, given: PolicyArguments): Promise<ExitCode> {
  const manager = await managerOf(job.world.folder, given.module, given.export);
  const found = manager.describePolicy();
  answer(job, found, () => policyTable(found));
  return EXIT.ok;
}
