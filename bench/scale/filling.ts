import type { SessionRecord } from "../../src/index.ts";
import { FreeCall, IN_FLIGHT } from "./calls.ts";
import type { MeasuredStore } from "./engines/engine.ts";
import { forEach } from "./measure.ts";
import type { Population } from "./population.ts";
import type { Progress } from "./progress.ts";

/** Creates sessions by the store's own `create`, and tells how far it is. Rejects when one was there already. */
export async function fill(
  store: MeasuredStore,
  population: Population,
  progress: Progress,
  numbers: Iterable<number>,
  given: (index: number) => Partial<SessionRecord> = () => ({}),
): Promise<void> {
  await forEach(IN_FLIGHT, numbers, async (index) => {
    await createNew(store, population.recordOf(index, given(index)));
    progress.advance();
  });
  progress.end();
}

export async function createNew(store: MeasuredStore, record: SessionRecord): Promise<void> {
  if (await store.create(record, new FreeCall())) return;
  throw new Error(`The session ${record.id} was there already.`);
}
