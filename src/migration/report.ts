import type { SessionId } from "../core/record.ts";

/** What became of the records that a walk met. They add up to `done`. */
export interface MigrationCounts {
  /** Brought to the new store by this run. */
  readonly brought: number;
  /** There already, and as new or newer. */
  readonly present: number;
  /** Expired: left where they are. */
  readonly expired: number;
  /** Ended or moved by a request while this run looked at them. */
  readonly vanished: number;
  /** Could not be brought: they are where they were. See {@link MigrationReport.failures}. */
  readonly failed: number;
}

/** How far a run is. */
export interface MigrationProgress extends MigrationCounts {
  /** Records met so far, of this run. */
  readonly done: number;
  /** How many there are to be met, where that was counted. Requests add and end some meanwhile. */
  readonly total: number | null;
  /** The mark to go on from, to be given as `after`: save it. `null` before the first page and after the last. */
  readonly after: string | null;
}

/** What a run came to. */
export interface MigrationReport extends MigrationProgress {
  /** The walk reached its end, and nothing failed. */
  readonly complete: boolean;
  /** How many live records the old store holds at the end, by another walk: 0 after a complete move. `null` for a copy, and where the run was stopped. */
  readonly left: number | null;
  /** Records that were read back from the new store and compared to what was brought. */
  readonly samples: MigrationSamples;
  /** The first failures, up to 20. Never a secret. */
  readonly failures: readonly { readonly id: SessionId; readonly error: unknown }[];
}

export interface MigrationSamples {
  readonly checked: number;
  /** As brought. */
  readonly equal: number;
  /** Changed since, by a request: of a later version or epoch. */
  readonly changed: number;
  /** Not there. Beside requests, a logout; without, a loss. */
  readonly missing: number;
  /** There, and wrong: of the same version, yet different. Always a defect. */
  readonly wrong: readonly SessionId[];
}
