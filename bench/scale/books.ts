import { FreeCall } from "./calls.ts";
import type { Effort } from "./effort.ts";
import type { MeasuredStore } from "./engines/engine.ts";
import { doJob, type JobReport } from "./jobs.ts";
import { idOf } from "./population.ts";
import { tell } from "./progress.ts";
import { rounded } from "./measure.ts";
import type { Books } from "./result.ts";

interface Scene {
  readonly store: MeasuredStore;
  readonly effort: Effort;
}

/** How many records a page of the last walk has. */
const PAGE = 1000;

/**
 * Balances the books after expired sessions were removed: each live session is there, none of the expired ones is, no row
 * was deleted twice, and who was told that a session was touched in time finds it.
 *
 * @param removed How many sessions the sweepers deleted, where they did, and how many had to go if none had been touched.
 */
export async function balance(
  { store, effort }: Scene,
  reports: readonly JobReport[],
  removed: { readonly deleted?: number; readonly due: number },
): Promise<Books> {
  tell("  balancing the books");
  const touched = [...new Set(reports.flatMap(({ touchedInTime }) => touchedInTime))];
  const there = await Promise.all(
    touched.map(async (index) => await store.read(idOf(index), new FreeCall())),
  );
  const lost = there.filter((record) => record === null).length;
  // What expired last, the sweepers may have missed by a moment.
  const late = await doJob(store, { kind: "sweep", limit: PAGE }, new AbortController().signal);
  const started = performance.now();
  const found = await liveSessions(store);
  const walkSeconds = rounded((performance.now() - started) / 1000);
  const live = (effort.sizes.at(-1) ?? 0) + touched.length;
  const due = removed.due - touched.length;
  const deleted = removed.deleted === undefined ? undefined : removed.deleted + late.deleted;
  const wrongAnswers = reports.reduce((sum, report) => sum + report.wrongAnswers, 0);
  const balanced = found === live && lost === 0 && wrongAnswers === 0 && (deleted ?? due) === due;
  const touchedInTime = touched.length - lost;
  return {
    balanced,
    ...(deleted !== undefined && { deleted }),
    due,
    found,
    live,
    touchedInTime,
    wrongAnswers,
    walkSeconds,
  };
}

/** Walks over everything and counts sessions, marks left out. Rejects when one turns up twice. */
async function liveSessions(store: MeasuredStore): Promise<number> {
  const seen = new Set<string>();
  let after: string | undefined;
  do {
    const page = await store.all({ limit: PAGE, ...(after !== undefined && { after }) }, new FreeCall());
    for (const { id, secretHash } of page.records) {
      if (seen.has(id)) throw new Error(`A walk gave the session ${id} twice.`);
      if (secretHash !== "") seen.add(id);
    }
    after = page.next;
  } while (after !== undefined);
  return seen.size;
}
