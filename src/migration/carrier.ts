import type { SessionRecord } from "../core/record.ts";
import type { Call } from "../core/store.ts";
import type { MigrationCounts } from "./report.ts";

/** Brings one record. */
export interface Carrier {
  /** Whether records leave the old store. */
  readonly empties: boolean;
  /** The record as it is to be in the new store; `null` for what is none. */
  meant(found: SessionRecord): SessionRecord | null;
  /** Brings it, as it is by now. Tells what became of it. */
  bring(found: SessionRecord, call: Call): Promise<Exclude<keyof MigrationCounts, "expired" | "failed">>;
}
