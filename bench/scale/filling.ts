import type { SessionRecord } from "../../src/index.ts";
import { FreeCall, IN_FLIGHT } from "./calls.ts";
import type { MeasuredStore } from "./engines/engine.ts";
import { forEach, range } from "./measure.ts";
import type { Population } from "./population.ts";
import { Progress } from "./progress.ts";

/** Creates the sessions of a range by the store's own `create`, and tells how far it is. Rejects when one was there already. */
export async function fill(
  store: MeasuredStore,
  population: Population,
  what: string,
  [from, to]: readonly [number, number],
  given: (index: number) => Partial<SessionRecord> = () => ({}),
): Promise<{ readonly seconds: number; readonly perSecond: number }> {
  const progress = new Progress(what, to - from);
  await forEach(IN_FLIGHT, range(from, to), async (index) => {
    await createNew(store, population.recordOf(index, given(index)));
    progress.advance();
  });
  return progress.end();
}

export async function createNew(store: MeasuredStore, record: SessionRecord): Promise<void> {
  if (await store.create(record, new FreeCall())) return;
  throw new Error(`The session ${record.id} was there already.`);
}
