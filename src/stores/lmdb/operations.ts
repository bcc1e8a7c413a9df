import { newerFormat, SessionError } from "../../core/errors.ts";
import type { SessionId, SessionRecord } from "../../core/record.ts";
import type { DeleteCondition, DeleteOutcome, SessionChange, UpdateOutcome } from "../../core/store.ts";
import {
  expiryOf,
  fitsInline,
  type Head,
  headText,
  judgeHead,
  labelsOf,
  partText,
  type Places,
  placesOf,
  placesText,
  sizeOf,
} from "./head.ts";
import { belongings, dueKey, dueOf, headKey, labelKey, labelledId, partKey, placesKey } from "./keys.ts";
import type { View, Writes } from "./view.ts";

/**
 * What a call comes to: an outcome, and what has to be written for it. All that is written belongs to one session, and is
 * written only while its head is the one that was looked at.
 */
export interface Decision<T> {
  readonly outcome: T;
  readonly writes?: Writes;
}

/** A write that is ready to be decided, as often as need be, with copies of what the caller gave. */
export interface Write<T> {
  readonly id: string;
  readonly decide: (view: View) => Decision<T>;
}

export function createRecord(given: SessionRecord): Write<boolean> {
  const { fields, ...record } = given;
  const { id, expiresAt } = record;
  const copy = { ...record, labels: [...record.labels] };
  const texts = Object.entries(fields);
  requireTexts(texts.flat());
  return {
    id,
    decide(view) {
      if (view.get(headKey(id)) !== undefined) return { outcome: false };
      const writes = new Map<string, string | null>();
      // What a hand left behind must not become part of a new session.
      remove(view, id, undefined, writes);
      write(new Draft(copy, texts, writes), writes);
      place(id, { labels: copy.labels, due: expiresAt }, writes);
      return { outcome: true, writes };
    },
  };
}

export function updateRecord(id: SessionId, change: SessionChange): Write<UpdateOutcome> {
  const { now, epoch, ifVersion, accessedAt, expiresAt } = change;
  const set = Object.entries(change.set ?? {});
  const removed = [...(change.remove ?? [])];
  const renew = change.renew && { ...change.renew };
  const labels = renew?.labels && [...renew.labels];
  const touchOnly = change.set === undefined && change.remove === undefined && renew === undefined;
  requireTexts(set.flat());

  return {
    id,
    decide(view) {
      const entry = view.get(headKey(id));
      if (entry === undefined) return { outcome: { kind: "gone" } };
      const judged = judgeHead(id, entry.value);
      if (judged.verdict === "newer") throw newerFormat();
      if (judged.verdict !== "record") return { outcome: { kind: "gone" } };
      const { head } = judged;
      const { record } = head;
      if (record.expiresAt <= now) return { outcome: { kind: "gone" } };
      if (record.epoch !== epoch) return { outcome: { kind: "stale" } };
      if (ifVersion !== undefined && record.version !== ifVersion) return { outcome: { kind: "conflict" } };

      const version = touchOnly ? record.version : record.version + 1;
      const writes = new Map<string, string | null>();
      const changed =
        renew === undefined
          ? {
              ...record,
              version,
              accessedAt: Math.max(record.accessedAt, accessedAt ?? record.accessedAt),
              expiresAt: Math.max(record.expiresAt, expiresAt ?? record.expiresAt),
            }
          : {
              ...record,
              version,
              epoch: renew.nextEpoch,
              secretHash: renew.secretHash,
              labels: labels ?? record.labels,
              accessedAt: accessedAt ?? record.accessedAt,
              expiresAt: expiresAt ?? record.expiresAt,
              endsAt: renew.endsAt ?? record.endsAt,
            };
      const draft = new Draft(changed, [], writes, head);
      for (const name of removed) draft.remove(name);
      for (const [name, text] of set) draft.set(name, text);
      write(draft, writes);
      if (renew !== undefined) replace(view, id, changed, writes);
      return { outcome: { kind: "done", version }, writes };
    },
  };
}

export function deleteRecord(id: SessionId, { ifVersion, label }: DeleteCondition): Write<DeleteOutcome> {
  const conditional = ifVersion !== undefined || label !== undefined;
  return {
    id,
    decide(view) {
      const entry = view.get(headKey(id));
      if (entry === undefined) return { outcome: "gone" };
      const judged = judgeHead(id, entry.value);
      if (conditional) {
        if (judged.verdict !== "record") return { outcome: "conflict" };
        const { version, labels } = judged.head.record;
        if (ifVersion !== undefined && version !== ifVersion) return { outcome: "conflict" };
        if (label !== undefined && !labels.includes(label)) return { outcome: "conflict" };
      }
      return { outcome: "done", writes: removal(view, id) };
    },
  };
}

/** Deletes what stands in the index under a label, unless it bears the label no more. Answers how many records that were. */
export function deleteLabelled(key: string, label: string): Write<number> {
  const id = labelledId(key);
  return {
    id,
    decide(view) {
      const entry = view.get(headKey(id));
      // An entry without a session is what a hand left behind.
      if (entry === undefined) return { outcome: 0, writes: new Map([[key, null]]) };
      const judged = judgeHead(id, entry.value);
      if (judged.verdict === "record" && !judged.head.record.labels.includes(label)) return { outcome: 0 };
      return { outcome: 1, writes: removal(view, id) };
    },
  };
}

/**
 * Looks at a session that is due: deletes it when it is over, else has it due at its expiry. Never looks at a field. One whose
 * expiry cannot be told is garbage, and goes.
 */
export function sweepDue(key: string, now: number): Write<number> {
  const { time, id } = dueOf(key);
  return {
    id,
    decide(view) {
      const entry = view.get(headKey(id));
      if (entry === undefined) return { outcome: 0, writes: new Map([[key, null]]) };
      const expiresAt = expiryOf(entry.value);
      if (expiresAt === undefined || expiresAt <= now) {
        return { outcome: 1, writes: new Map([...removal(view, id), [key, null]]) };
      }
      const writes = new Map<string, string | null>([[key, null]]);
      const places = placesOf(view.get(placesKey(id))?.value);
      // Any other entry than the session's own is left over.
      if (places.due !== undefined && places.due !== time) return { outcome: 0, writes };
      writes.set(placesKey(id), placesText({ ...places, due: expiresAt }));
      writes.set(dueKey(expiresAt, id), "1");
      // Written anew, so that whoever has looked at the places looks again.
      writes.set(headKey(id), String(entry.value));
      return { outcome: 0, writes };
    },
  };
}

/** A head in the making, and what is written of its fields beside it. */
class Draft {
  readonly #record: Head["record"];
  readonly #fields: Map<string, string>;
  readonly #writes: Map<string, string | null>;
  #apart: boolean;
  #size = 0;

  constructor(
    record: Head["record"],
    fields: readonly (readonly [string, string])[],
    writes: Map<string, string | null>,
    before?: Head,
  ) {
    this.#record = record;
    this.#fields = new Map(Object.entries(before?.fields ?? {}));
    this.#apart = before?.apart ?? false;
    this.#writes = writes;
    for (const [name, text] of this.#fields) this.#size += sizeOf(name, text);
    for (const [name, text] of fields) this.set(name, text);
  }

  get head(): Head {
    return { record: this.#record, fields: Object.fromEntries(this.#fields), apart: this.#apart };
  }

  set(name: string, text: string): void {
    const wasInline = this.#removeInline(name);
    if (fitsInline(name, text, this.#size)) {
      this.#fields.set(name, text);
      this.#size += sizeOf(name, text);
      if (!wasInline && this.#apart) this.#writes.set(this.#partKey(name), null);
      return;
    }
    this.#apart = true;
    this.#writes.set(this.#partKey(name), partText(name, text));
  }

  remove(name: string): void {
    if (!this.#removeInline(name) && this.#apart) this.#writes.set(this.#partKey(name), null);
  }

  #removeInline(name: string): boolean {
    const text = this.#fields.get(name);
    if (text === undefined) return false;
    this.#fields.delete(name);
    this.#size -= sizeOf(name, text);
    return true;
  }

  #partKey(name: string): string {
    return partKey(this.#record.id, name);
  }
}

function write({ head }: Draft, writes: Map<string, string | null>): void {
  writes.set(headKey(head.record.id), headText(head));
}

/** Puts a session into the indexes. */
function place(id: string, places: Places, writes: Map<string, string | null>): void {
  for (const label of places.labels) writes.set(labelKey(label, id), "1");
  if (places.due !== undefined) writes.set(dueKey(places.due, id), "1");
  writes.set(placesKey(id), placesText(places));
}

/** Has the indexes follow a record with a new secret. A touch never comes here: it can only move the expiry away from when the session is due. */
function replace(view: View, id: string, changed: Head["record"], writes: Map<string, string | null>): void {
  const before = placesOf(view.get(placesKey(id))?.value);
  const due = Math.min(before.due ?? changed.expiresAt, changed.expiresAt);
  for (const label of before.labels) writes.set(labelKey(label, id), null);
  if (before.due !== undefined) writes.set(dueKey(before.due, id), null);
  place(id, { labels: changed.labels, due }, writes);
}

function removal(view: View, id: string): Writes {
  const writes = new Map<string, string | null>([[headKey(id), null]]);
  remove(view, id, view.get(headKey(id))?.value, writes);
  return writes;
}

/** Removes all that belongs to a session, whatever is left of its head, from the indexes too. */
function remove(view: View, id: string, head: unknown, writes: Map<string, string | null>): void {
  const keys = view.keys(belongings(id));
  if (head === undefined && keys.length === 0) return;
  const places = placesOf(view.get(placesKey(id))?.value);
  for (const label of [...places.labels, ...labelsOf(head)]) writes.set(labelKey(label, id), null);
  if (places.due !== undefined) writes.set(dueKey(places.due, id), null);
  for (const key of keys) writes.set(key, null);
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** A lone surrogate would be stored as U+FFFD: a text would come back changed. */
function requireTexts(texts: readonly string[]): void {
  if (!texts.some((text) => LONE_SURROGATE.test(text))) return;
  throw new SessionError(
    "ERR_SESSION_VALUE",
    "A field's name or text is not well-formed Unicode, which LMDB cannot keep as it is. Nothing was written.",
  );
}
