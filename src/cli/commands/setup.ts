import { EXIT, type ExitCode } from "../exit.ts";
import { answer, type Job } from "../job.ts";
import { addressOf, openAny, using } from "../stores.ts";

/** Creates what the store needs and lacks: file, folder, tables, indexes. */
export async function setup(job: Job, given: string | undefined): Promise<ExitCode> {
  const address = addressOf({ given, variable: "HOLDFAST_STORE" }, job.world);
  return await using(openAny(address, job.world, job.timeoutMs), async (opened) => {
    await opened.call((store, call) => store.setup?.(call));
    const { traits } = opened.store;
    answer(job, { store: opened.shown, ready: true, traits }, () => `${opened.shown} is ready.\n`);
    return EXIT.ok;
  });
}
