import { EXIT, type ExitCode } from "../exit.ts";
import { answer, type Job } from "../job.ts";
import { addressOf, openExisting, using } from "../stores.ts";
import { counted } from "../text.ts";

const BATCH = 1000;

/** Deletes what has expired, batch by batch, where the engine does not by itself. */
export async function sweep(job: Job, given: string | undefined): Promise<ExitCode> {
  const address = addressOf({ given, variable: "HOLDFAST_STORE" }, job.world);
  return await using(openExisting(address, job.world, job.timeoutMs), async (opened) => {
    if (opened.store.sweep === undefined) {
      answer(
        job,
        { deleted: 0, byItself: true },
        () => `${opened.shown} deletes expired sessions by itself.\n`,
      );
      return EXIT.ok;
    }
    let deleted = 0;
    for (;;) {
      const batch = await opened.call((store, call) => store.sweep?.(job.world.now(), BATCH, call));
      deleted += batch.deleted;
      if (!batch.more || batch.deleted === 0 || job.world.stopped.aborted) break;
    }
    answer(job, { deleted, byItself: false }, () => `Deleted ${counted(deleted, "expired record")}.\n`);
    return job.world.stopped.aborted ? EXIT.stopped : EXIT.ok;
  });
}
