import { type Clock, systemClock } from "./core/clock.ts";
import { type Duration, milliseconds } from "./core/duration.ts";
import { refuseConfig } from "./core/errors.ts";
import { checkOptionNames } from "./core/option-names.ts";
import type { AnyStore } from "./core/store.ts";
import type { Carrier } from "./migration/carrier.ts";
import { Copier } from "./migration/copier.ts";
import type { MigrationProgress, MigrationReport } from "./migration/report.ts";
import { Relocator } from "./migration/relocator.ts";
import { walked } from "./migration/walk.ts";

export type { MigrationCounts, MigrationProgress, MigrationReport } from "./migration/report.ts";

export interface MigrateOptions {
  /**
   * `"move"` (default): each record leaves the old store as it comes to the new one. Safe beside requests, provided that every process which
   * serves them has `movingStore({ from, to })`. `"copy"`: the old store is only read. For an application that is stopped, or as a rehearsal: what a
   * running one changes or ends afterwards is not followed.
   */
  readonly mode?: "move" | "copy";
  /** Where an earlier run stopped, as its report and its progress told. A mark that the old store does not know any more begins anew, which does no harm. */
  readonly after?: string;
  /** Is called after each page, and at the end. What it throws ends the run. */
  readonly onProgress?: (progress: MigrationProgress) => void;
  /** Stops the run after the records that are on their way. The report tells where. */
  readonly signal?: AbortSignal;
  /** Whether to count the old store first, by a walk of its own, so that `progress.total` is known; default `false`. */
  readonly count?: boolean;
  /** How many records a page has, 1 to 10 000; default 200. */
  readonly pageSize?: number;
  /** How many records are on their way at a time, 1 to 256; default 8. */
  readonly concurrency?: number;
  /** How many records, spread over the walk, are read back and compared, 0 or more; default 100. */
  readonly samples?: number;
  /** How long one call to a store may take; default `"10s"`. */
  readonly deadline?: Duration;
  /** Tells what has expired; default the system's. */
  readonly clock?: Clock;
}

const NAMES = [
  "mode",
  "after",
  "onProgress",
  "signal",
  "count",
  "pageSize",
  "concurrency",
  "samples",
  "deadline",
  "clock",
];

/**
 * Brings every live record of one store to another, marks included: ids, secrets, versions, epochs and times stay, so that every cookie
 * goes on opening what it opened. Can be run again at any time, and beside another run: a record that is there already stays, and one that a
 * dead process left on its way goes on. Expired records stay behind. A record that fails is counted and told, and the walk goes on; a page that
 * cannot be read ends the run.
 *
 * Both stores are set up if they need it, and neither is closed.
 *
 * @param from The old store. It must know `all`.
 * @param to The new store.
 * @returns what was done. `complete` is true when the walk reached its end and nothing failed.
 * @throws {SessionError} `ERR_SESSION_CONFIG` for options that cannot work, and for a store without a walk.
 * @throws what a store throws when it cannot be set up or a page cannot be read: the last progress tells where to go on.
 */
export async function migrate(
  from: AnyStore,
  to: AnyStore,
  options: MigrateOptions = {},
): Promise<MigrationReport> {
  checkOptionNames(options, NAMES, "migrate");
  const { mode = "move", clock = systemClock, onProgress, signal, after, count = false } = options;
  if (from?.all === undefined || typeof to?.create !== "function")
    refuseConfig("migrate needs two stores, of which the first can list all its records.");
  if (from === to) refuseConfig("migrate: both stores are the same. Give it the old and the new one.");
  if (mode !== "move" && mode !== "copy") refuseConfig('migrate: mode must be "move" or "copy".');
  const carrier: Carrier = mode === "move" ? new Relocator(from, to) : new Copier(to);
  return await walked(from, to, carrier, {
    count,
    clock,
    pageSize: within(1, 10_000, options.pageSize ?? 200, "pageSize"),
    concurrency: within(1, 256, options.concurrency ?? 8, "concurrency"),
    samples: within(0, 1_000_000, options.samples ?? 100, "samples"),
    deadlineMs: milliseconds(options.deadline ?? "10s", "deadline"),
    ...(after !== undefined && { after }),
    ...(onProgress !== undefined && { onProgress }),
    ...(signal !== undefined && { signal }),
  });
}

function within(least: number, most: number, given: number, option: string): number {
  if (Number.isSafeInteger(given) && given >= least && given <= most) return given;
  return refuseConfig(`migrate: ${option} is a whole number from ${least} to ${most}, not ${String(given)}.`);
}
