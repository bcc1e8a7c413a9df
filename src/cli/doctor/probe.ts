import { probeRecord } from "../probe-record.ts";
import type { OpenedStore } from "../stores.ts";
import { type Finding, ok, wrong } from "./finding.ts";

/**
 * Writes, reads, changes and deletes a record of its own, by the store itself: what the account may do is known best by doing it. It
 * has no secret, so that it opens for nobody, counts as no session, and is gone in a minute whatever happens.
 */
export async function probeFinding(opened: OpenedStore, now: number): Promise<Finding> {
  const record = probeRecord(now);
  let step = "create";
  try {
    if (!(await opened.call((store, call) => store.create(record, call))))
      throw new Error("the id was taken");
    step = "read";
    const found = await opened.call((store, call) => store.read(record.id, call));
    if (found?.fields["~probe"] !== '"tried"') throw new Error("it did not come back as it was written");
    step = "update";
    const change = { now, epoch: 1, ifVersion: 1, set: { "~probe": '"changed"' } };
    const outcome = await opened.call((store, call) => store.update(record.id, change, call));
    if (outcome.kind !== "done") throw new Error(`the answer was ${outcome.kind}`);
    step = "delete";
    const deleted = await opened.call((store, call) => store.delete(record.id, {}, call));
    if (deleted !== "done") throw new Error(`the answer was ${deleted}`);
    return ok("rights", "a record was created, read, changed and deleted");
  } catch (error) {
    await opened.call((store, call) => store.delete(record.id, {}, call)).catch(() => undefined);
    return wrong("error", "rights", `a record could not be tried (${step}): ${reasonOf(error)}`, MEND);
  }
}

const MEND = "Grant the account what the page of the store lists, and see that the server takes writes.";

function reasonOf(error: unknown): string {
  const { message, cause } = error as {
    readonly message?: string;
    readonly cause?: { readonly message?: string };
  };
  return cause?.message ?? message ?? String(error);
}
