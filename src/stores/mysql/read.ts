import type { SessionId, SessionRecord } from "../../core/record.ts";
import type { Call } from "../../core/store.ts";
import { filled } from "./batches.ts";
import { type Engine, rowsOf } from "./engine.ts";
import { type Gathered, SharedSignal } from "./gathered.ts";
import { Gathering } from "./gathering.ts";
import { recordOf, rowsBySession } from "./rows.ts";

type Outcome = SessionRecord | null;

/** Reads, which travel together while others are under way. Ids must be well-formed. */
export function readsOf(engine: Engine): Gathering<SessionId, Outcome> {
  return new Gathering<SessionId, Outcome>({
    // Where an answer takes its time, more would only make each other slower; the next one takes all who wait.
    atOnce: 4,
    least: 2,
    alone: (id, call) => readRecord(engine, id, call),
    together: (batch) => readTogether(engine, batch),
  });
}

async function readRecord(engine: Engine, id: SessionId, call: Call): Promise<Outcome> {
  const rows = await rowsOf(engine, engine.sql.read, [id], call);
  return rows.length === 0 ? null : recordOf(rows);
}

/** One statement sees one state of them all. An id that several ask for is named once, and each gets a record of its own. */
async function readTogether(engine: Engine, batch: readonly Gathered<SessionId, Outcome>[]): Promise<void> {
  const ids = filled([...new Set(batch.map(({ item }) => item))]);
  const { signal } = new SharedSignal(batch);
  const sessions = rowsBySession(await rowsOf(engine, engine.sql.reads(ids.length), ids, { signal }));
  for (const one of batch) {
    // Its deadline passed, and it knows.
    if (!one.open) continue;
    const rows = sessions.get(one.item);
    try {
      one.resolve(rows === undefined ? null : recordOf(rows));
    } catch (error) {
      one.reject(error);
    }
  }
}
