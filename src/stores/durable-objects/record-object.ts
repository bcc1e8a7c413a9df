import { judgeRecord, type RecordVerdict, type SessionRecord } from "../../core/record.ts";
import type { DeleteCondition, SessionChange } from "../../core/store.ts";
import { changed, refusal, withReservedOnly } from "../support/change.ts";
import type { Answers, Entry, RecordMessage } from "./messages.ts";
import { erase, ringAt, type SessionObjectState, SLACK_MS } from "./storage.ts";

/** Where the record lies. */
export const RECORD_KEY = "record";

interface Stored {
  readonly record: SessionRecord;
  readonly entries: readonly Entry[];
  /** When the alarm rings. A touch leaves it alone: rung too early, it looks and is set again. */
  readonly alarmAt: number;
}

/** What is stored is a record that a newer version wrote. */
export class NewerRecord extends Error {}

/** What is stored is no record. */
export class NoRecord extends Error {}

/** The part of an object that keeps one record. Nothing else can happen between what one message reads and what it writes. */
export class RecordObject {
  readonly #state: SessionObjectState;

  constructor(state: SessionObjectState) {
    this.#state = state;
  }

  async answer(message: RecordMessage): Promise<Answers[RecordMessage["op"]]> {
    switch (message.op) {
      case "create":
        return await this.#create(message.record, message.entries);
      case "read":
        return this.#read(message.reservedOnly);
      case "update":
        return await this.#update(message.change, message.entries);
      case "delete":
        return await this.#delete(message.when);
    }
  }

  /** Erases a record that is over by the object's own clock, or looks again when it will be. */
  async alarm(): Promise<void> {
    const { stored, verdict } = this.#look();
    // What cannot be read is left for whoever deletes it.
    if (stored === null || verdict !== "record") return;
    const due = stored.record.expiresAt + SLACK_MS;
    if (due <= Date.now()) return await erase(this.#state);
    await this.#write(stored.record, stored.entries, Number.POSITIVE_INFINITY);
  }

  async #create(record: SessionRecord, entries: readonly Entry[]): Promise<boolean> {
    if (this.#look().stored !== null) return false;
    await this.#write(record, entries, Number.POSITIVE_INFINITY);
    return true;
  }

  #read(reservedOnly: boolean): SessionRecord | null {
    const { stored, verdict } = this.#look();
    if (stored === null) return null;
    if (verdict === "newer") throw new NewerRecord();
    if (verdict === "corrupt") throw new NoRecord();
    return reservedOnly ? withReservedOnly(stored.record) : stored.record;
  }

  async #update(change: SessionChange, given: readonly Entry[]): Promise<Answers["update"]> {
    const { stored, verdict } = this.#look();
    if (verdict === "newer") throw new NewerRecord();
    if (stored === null || verdict !== "record") return { outcome: { kind: "gone" }, dropped: [] };
    const refused = refusal(stored.record, change);
    if (refused !== undefined) return { outcome: refused, dropped: [] };

    const record = changed(stored.record, change);
    const entries = covering(record, [...given, ...stored.entries]);
    const needs = record.labels.filter((label) => !entries.some((entry) => entry.label === label));
    if (needs.length > 0) return { needs, until: record.endsAt };
    await this.#write(record, entries, stored.alarmAt);
    const kept = new Set(entries.map(({ birth }) => birth));
    const dropped = [...given, ...stored.entries].filter(({ birth }) => !kept.has(birth));
    return { outcome: { kind: "done", version: record.version }, dropped };
  }

  async #delete({ ifVersion, label }: DeleteCondition): Promise<Answers["delete"]> {
    const { stored, verdict } = this.#look();
    if (stored === null) return { outcome: "gone", dropped: [] };
    if (ifVersion !== undefined || label !== undefined) {
      const { record } = stored;
      const holds =
        verdict === "record" &&
        (ifVersion === undefined || record.version === ifVersion) &&
        (label === undefined || record.labels.includes(label));
      if (!holds) return { outcome: "conflict", dropped: [] };
    }
    await erase(this.#state);
    return { outcome: "done", dropped: entriesOf(stored) };
  }

  #look(): { readonly stored: Stored | null; readonly verdict: RecordVerdict } {
    const found = this.#state.storage.kv.get(RECORD_KEY);
    if (found === undefined) return { stored: null, verdict: "record" };
    const stored = (typeof found === "object" && found !== null ? found : {}) as Stored;
    return { stored: { ...stored, entries: entriesOf(stored) }, verdict: judgeRecord(stored.record) };
  }

  /** In one turn, so that record and alarm are written together or not at all. */
  async #write(record: SessionRecord, entries: readonly Entry[], alarmAt: number): Promise<void> {
    const due = record.expiresAt + SLACK_MS;
    const isSooner = due < alarmAt;
    this.#state.storage.kv.put(RECORD_KEY, { record, entries, alarmAt: isSooner ? due : alarmAt });
    if (isSooner) await ringAt(this.#state.storage, due);
  }
}

/** For each label of the record an entry that lasts as long as the record can. */
function covering(record: SessionRecord, entries: readonly Entry[]): Entry[] {
  return [...new Set(record.labels)].flatMap((label) => {
    const entry = entries.find((one) => one.label === label && one.end >= record.endsAt);
    return entry === undefined ? [] : [entry];
  });
}

function entriesOf(stored: Partial<Stored>): readonly Entry[] {
  return Array.isArray(stored.entries) ? stored.entries : [];
}
