import { newerFormat, SessionError } from "../../core/errors.ts";
import type { SessionId, SessionRecord } from "../../core/record.ts";
import type { Call, DeleteCondition, DeleteOutcome, SessionChange, UpdateOutcome } from "../../core/store.ts";
import type { Engine } from "./engine.ts";
import { coversLimit, type Entries, newEntry } from "./entries.ts";
import { encodeText, type Keys, partitionOf } from "./keys.ts";
import {
  encodedLabels,
  type Labelling,
  labellingOf,
  labelsText,
  META,
  metaOf,
  NO_ENTRY,
  OWN,
  recordOf,
} from "./meta.ts";
import { booleanOf, flatList, itself, listOf, versionOf } from "./replies.ts";
import { CHANGE, CREATE, DELETE, RENEW, type Script } from "./scripts.ts";

/**
 * How long the engine keeps a record beyond its expiry, in ms. The time to live is counted from the caller's clock, so this
 * is for what the clocks of the callers differ.
 */
const SLACK_MS = 300_000;

/** Stands for labels that a renewal leaves alone, and for a labelling that no record has. */
const NONE = "-";
/** Stands for the labelling before a renewal that writes the entries itself. */
const ENTERED_TOO = "*";
const NO_TERMS = ["", "", ""] as const;

/** Stands for what a key holds that is no hash. */
const NO_HASH: readonly unknown[] = [META, null];

/** The four methods of a store, each one script on the record's own slot. */
export class Records {
  readonly #engine: Engine;
  readonly #keys: Keys;
  readonly #entries: Entries;

  constructor(engine: Engine, keys: Keys, entries: Entries) {
    this.#engine = engine;
    this.#keys = keys;
    this.#entries = entries;
  }

  async create(record: SessionRecord, call: Call): Promise<boolean> {
    const { id, accessedAt, expiresAt, endsAt } = record;
    const labels = labelsText(record.labels);
    const entry = labels === "" ? NO_ENTRY : newEntry(endsAt);
    const life = String(Math.max(expiresAt - accessedAt, 0) + SLACK_MS);
    const terms = this.#entries.terms(endsAt - accessedAt);
    const parts = [entry, ...terms, metaOf(record, entry), ...fieldParts(record.fields)];
    const send = (keys: readonly string[]): Promise<boolean> =>
      this.#engine.once(CREATE, keys, [id, life, this.#entries.looks(), ...parts], call, booleanOf);

    const keys = this.#keysOf(id);
    if (labels === "") return send(keys);
    if (this.#engine.joins) return send([...keys, ...this.#entries.keysOf(labels)]);

    await this.#entries.enter(id, labels, entry, endsAt - accessedAt, call);
    const { losses } = this.#engine;
    const created = await send(keys);
    // Where it was refused and the client may have sent it twice, the entry stays: the record may be the one that bears it.
    const surely = !this.#engine.resends && this.#engine.losses === losses;
    if (!created && surely) this.#entries.leave(id, labels, entry);
    return created;
  }

  read(id: SessionId, call: Call): Promise<SessionRecord | null> {
    const key = this.#keys.record(id);
    return this.#engine.hash(key, ["HGETALL", key], call, (reply) => {
      // A key that holds no hash is no record, and not an outage.
      const flat = reply === null ? NO_HASH : flatList(reply);
      return flat.length === 0 ? null : recordOf(id, flat);
    });
  }

  /** Not an async function, which is a promise more for each write. */
  update(id: SessionId, change: SessionChange, call: Call): Promise<UpdateOutcome> {
    try {
      return this.#update(id, change, call);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #update(id: SessionId, change: SessionChange, call: Call): Promise<UpdateOutcome> {
    const { now, epoch, ifVersion, accessedAt, expiresAt, renew } = change;
    const head = [id, now, epoch, ifVersion ?? "", SLACK_MS, accessedAt ?? "", expiresAt ?? ""].map(String);
    const fields = changedParts(change);
    if (renew !== undefined) return this.#renew(id, now, { head, fields, renew: { ...renew } }, call);

    const grows = change.set !== undefined || change.remove !== undefined;
    const args = [...head, grows ? "1" : "", ...fields];
    return this.#changed(CHANGE, this.#keysOf(id), args, call, outcomeOf);
  }

  async delete(id: SessionId, { ifVersion, label }: DeleteCondition, call: Call): Promise<DeleteOutcome> {
    const { losses } = this.#engine;
    const [outcome = "gone"] = await this.deleteOf([id], { ifVersion, label }, call);
    if (outcome === "gone" && this.#engine.losses !== losses) throw sentTwice();
    if (typeof outcome === "string") return outcome;
    this.#entries.leave(id, ...outcome);
    return "done";
  }

  /** Deletes records of one partition in one step. Resolves for each why not, or its labels and their entry. */
  async deleteOf(
    ids: readonly SessionId[],
    { ifVersion, label }: { readonly ifVersion?: number | undefined; readonly label?: string | undefined },
    call: Call,
  ): Promise<readonly ("gone" | "conflict" | [string, string])[]> {
    const keys = [this.#keys.registry(partitionOf(ids[0] ?? "")), ...ids.map((id) => this.#keys.record(id))];
    const wanted = label === undefined ? "" : ` ${encodeText(label)}`;
    const args = [this.#keys.channel, String(ifVersion ?? ""), wanted, ...ids];
    const outcomes = await this.#engine.once(DELETE, keys, args, call, listOf);
    return outcomes as readonly ("gone" | "conflict" | [string, string])[];
  }

  async #renew(id: SessionId, now: number, change: Renewal, call: Call): Promise<UpdateOutcome> {
    const { renew } = change;
    const keys = this.#keysOf(id);
    if (renew.labels === undefined && renew.endsAt === undefined)
      return outcomeOf(
        await this.#sendRenewal(keys, change, [NONE, NO_ENTRY, NONE, NONE, ...NO_TERMS], call),
      );

    const labels = renew.labels === undefined ? undefined : labelsText(renew.labels);
    if (labels !== undefined && renew.endsAt !== undefined && this.#engine.joins) {
      const entry = entryFor(labels, renew.endsAt);
      const terms = [...this.#entries.terms(renew.endsAt - now), this.#entries.looks()];
      const all = [...keys, ...this.#entries.keysOf(labels)];
      return outcomeOf(
        await this.#sendRenewal(all, change, [labels, entry, ENTERED_TOO, "", ...terms], call),
      );
    }
    const key = this.#keys.record(id);
    for (;;) {
      const before = (await this.#engine.hash(key, ["HGET", key, META], call, labellingOf)) ?? NOBODYS;
      const wanted = labels ?? before.labels;
      const endsAt = renew.endsAt ?? before.endsAt;
      const kept = covers(before, wanted, endsAt);
      const entry = kept ? before.entry : entryFor(wanted, endsAt);
      if (!kept) await this.#entries.enter(id, wanted, entry, endsAt - now, call);
      const expected = [wanted, entry, before.labels, before.entry, ...NO_TERMS];
      const reply = await this.#sendRenewal(keys, change, expected, call);
      // Nothing of the old labelling is removed: a fail-over may bring it back, and its entries end by themselves. Nor of the
      // new one when it was refused: a client may have sent it twice, and then the record bears it.
      if (reply !== "again") return outcomeOf(reply);
    }
  }

  #sendRenewal(
    keys: readonly string[],
    { head, fields, renew }: Renewal,
    labelling: readonly string[],
    call: Call,
  ): Promise<unknown> {
    const secret = [String(renew.nextEpoch), encodeText(renew.secretHash), String(renew.endsAt ?? "")];
    return this.#changed(RENEW, keys, [...head, ...secret, ...labelling, ...fields], call, itself);
  }

  /**
   * Changes a record. A refusal is answered only where it is surely to the first sending: where the client may have sent the
   * change twice, it may be the change's own doing, and the call rejects as one whose answer was lost.
   */
  #changed<T>(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    call: Call,
    read: (reply: unknown) => T,
  ): Promise<T> {
    const { losses } = this.#engine;
    return this.#engine.once(script, keys, args, call, (reply) => {
      if (OVERTAKEN.has(reply) && this.#engine.losses !== losses) throw sentTwice();
      return read(reply);
    });
  }

  #keysOf(id: SessionId): [string, string] {
    return [this.#keys.record(id), this.#keys.registry(partitionOf(id))];
  }
}

interface Renewal {
  readonly head: readonly string[];
  readonly fields: readonly string[];
  readonly renew: NonNullable<SessionChange["renew"]>;
}

/** The refusals that a change brings about by itself when it arrives a second time. */
const OVERTAKEN: ReadonlySet<unknown> = new Set(["stale", "conflict", "again"]);

function sentTwice(): Error {
  return new Error(
    "A connection to Redis was lost and the change may have been sent twice: what was answered may be to either.",
  );
}

/** What no record has, so that a script which finds one says "again". */
const NOBODYS: Labelling = { labels: NONE, entry: NONE, endsAt: 0 };

function covers(before: Labelling, labels: string, endsAt: number): boolean {
  const known = encodedLabels(before.labels);
  return encodedLabels(labels).every((label) => known.includes(label)) && coversLimit(before.entry, endsAt);
}

function entryFor(labels: string, endsAt: number): string {
  return labels === "" ? NO_ENTRY : newEntry(endsAt);
}

function outcomeOf(reply: unknown): UpdateOutcome {
  switch (reply) {
    case "gone":
    case "stale":
    case "conflict":
      return { kind: reply };
    case "newer":
      throw newerFormat();
    default:
      return { kind: "done", version: versionOf(reply) };
  }
}

function fieldParts(fields: Readonly<Record<string, string>>): string[] {
  const parts: string[] = [];
  for (const [name, text] of Object.entries(fields)) {
    requireText(name);
    requireText(text);
    parts.push(OWN + name, text);
  }
  return parts;
}

function changedParts({ set = {}, remove = [] }: SessionChange): string[] {
  return [String(remove.length), ...remove.map((name) => OWN + name), ...fieldParts(set)];
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** A lone surrogate would be stored as U+FFFD: two names would become one, and a text would come back changed. */
function requireText(text: string): void {
  if (!LONE_SURROGATE.test(text)) return;
  throw new SessionError(
    "ERR_SESSION_VALUE",
    "A field's name or text is not well-formed Unicode, which Redis clients cannot send as it is. Nothing was written.",
  );
}
