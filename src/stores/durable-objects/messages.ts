import type { SessionRecord } from "../../core/record.ts";
import type { DeleteCondition, DeleteOutcome, SessionChange, UpdateOutcome } from "../../core/store.ts";

/** One line of a label's index, as the record that it leads to knows it. */
export interface Entry {
  readonly label: string;
  /** Random, so that removing the entry of one record never takes that of a later one with the same id. */
  readonly birth: string;
  /** Past this time the entry may go by itself: no record that it leads to lives longer. */
  readonly end: number;
}

/** One line of a label's index, as the index gives it. */
export interface Listed {
  readonly id: string;
  readonly birth: string;
  /** By the clock of the index. */
  readonly ageMs: number;
}

/** What is asked of an object, and below it what the object answers. Both travel as JSON. */
export type Message = RecordMessage | IndexMessage;

/** What is asked of the object of a record. */
export type RecordMessage =
  | { readonly op: "create"; readonly record: SessionRecord; readonly entries: readonly Entry[] }
  | { readonly op: "read"; readonly reservedOnly: boolean }
  | { readonly op: "update"; readonly change: SessionChange; readonly entries: readonly Entry[] }
  | { readonly op: "delete"; readonly when: DeleteCondition };

/** What is asked of the object of a label. */
export type IndexMessage =
  | { readonly op: "add"; readonly id: string; readonly birth: string; readonly end: number }
  | { readonly op: "remove"; readonly lines: readonly (readonly [id: string, birth: string])[] }
  | { readonly op: "page"; readonly after: string; readonly limit: number };

export interface Answers {
  readonly create: boolean;
  readonly read: SessionRecord | null;
  readonly update: Updated | NeedsEntries;
  readonly delete: { readonly outcome: DeleteOutcome; readonly dropped: readonly Entry[] };
  readonly add: null;
  readonly remove: null;
  readonly page: { readonly lines: readonly Listed[]; readonly more: boolean };
}

/** `dropped` are the entries that lead to this record no more. */
export interface Updated {
  readonly outcome: UpdateOutcome;
  readonly dropped: readonly Entry[];
}

/** Nothing was changed: the change comes again with entries for these labels, which by then are in their indexes. */
export interface NeedsEntries {
  readonly needs: readonly string[];
  readonly until: number;
}

/** What comes back, whatever was asked. */
export type Reply =
  | { readonly kind: "answer"; readonly answer: unknown }
  /** What is stored is no record, or one of a newer version. */
  | { readonly kind: "corrupt" | "newer" };
