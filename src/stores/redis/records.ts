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
import { booleanOf, flatList, listOf, versionOf } from "./replies.ts";
import { CHANGE, CREATE, DELETE, RENEW, type Script } from "./scripts.ts";

/**
 * How long the engine keeps a record beyond its expiry, in ms. The time to live is counted from the caller's clock, so this
 * is for what the clocks of the callers differ.
 */
const SLACK_MS = 300_000;

/** Stands for labels that a renewal leaves alone, and for a labelling that no record has. */
const NONE = "-";

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
    const life = Math.max(expiresAt - accessedAt, 0) + SLACK_MS;
    const args = [id, String(life), metaOf(record, entry), ...fieldParts(record.fields)];

    if (labels !== "") await this.#entries.enter(id, labels, entry, endsAt - accessedAt, call);
    const { losses } = this.#engine;
    const created = booleanOf(await this.#engine.once(CREATE, this.#keysOf(id), args, call));
    // Where it was refused and the client may have sent it twice, the entry stays: the record may be the one that bears it.
    const surely = !this.#engine.resends && this.#engine.losses === losses;
    if (!created && surely) this.#entries.leave(id, labels, entry);
    return created;
  }

  read(id: SessionId, call: Call): Promise<SessionRecord | null> {
    const key = this.#keys.record(id);
    const read = (reply: unknown): SessionRecord | null => {
      const flat = flatList(reply);
      return flat.length === 0 ? null : recordOf(id, flat);
    };
    return this.#engine
      .command(key, ["HGETALL", key], call)
      .then(read, (error: unknown) => read(wrongTypeAsGarbage(error)));
  }

  async update(id: SessionId, change: SessionChange, call: Call): Promise<UpdateOutcome> {
    const { now, epoch, ifVersion, accessedAt, expiresAt, renew } = change;
    const head = [id, now, epoch, ifVersion ?? "", SLACK_MS, accessedAt ?? "", expiresAt ?? ""].map(String);
    const fields = changedParts(change);
    if (renew !== undefined) return this.#renew(id, now, { head, fields, renew: { ...renew } }, call);

    const grows = change.set !== undefined || change.remove !== undefined;
    const args = [...head, grows ? "1" : "", ...fields];
    return outcomeOf(await this.#changed(CHANGE, id, args, call));
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
    const outcomes = listOf(await this.#engine.once(DELETE, keys, args, call));
    return outcomes as readonly ("gone" | "conflict" | [string, string])[];
  }

  async #renew(id: SessionId, now: number, change: Renewal, call: Call): Promise<UpdateOutcome> {
    const { renew } = change;
    if (renew.labels === undefined && renew.endsAt === undefined)
      return outcomeOf(await this.#sendRenewal(id, change, NONE, NO_ENTRY, NOBODYS, call));

    const labels = renew.labels === undefined ? undefined : labelsText(renew.labels);
    const key = this.#keys.record(id);
    for (;;) {
      const meta = await this.#engine.command(key, ["HGET", key, META], call).catch(wrongTypeAsNothing);
      const before = labellingOf(meta) ?? NOBODYS;
      const wanted = labels ?? before.labels;
      const endsAt = renew.endsAt ?? before.endsAt;
      const kept = covers(before, wanted, endsAt);
      const entry = kept ? before.entry : entryFor(wanted, endsAt);
      if (!kept) await this.#entries.enter(id, wanted, entry, endsAt - now, call);
      const reply = await this.#sendRenewal(id, change, wanted, entry, before, call);
      // Nothing of the old labelling is removed: a fail-over may bring it back, and its entries end by themselves. Nor of the
      // new one when it was refused: a client may have sent it twice, and then the record bears it.
      if (reply !== "again") return outcomeOf(reply);
    }
  }

  #sendRenewal(
    id: SessionId,
    { head, fields, renew }: Renewal,
    labels: string,
    entry: string,
    before: Labelling,
    call: Call,
  ): Promise<unknown> {
    const secret = [String(renew.nextEpoch), encodeText(renew.secretHash), String(renew.endsAt ?? "")];
    const args = [...head, ...secret, labels, entry, before.labels, before.entry, ...fields];
    return this.#changed(RENEW, id, args, call);
  }

  /**
   * Changes a record. A refusal is answered only where it is surely to the first sending: where the client may have sent the
   * change twice, it may be the change's own doing, and the call rejects as one whose answer was lost.
   */
  async #changed(script: Script, id: SessionId, args: readonly string[], call: Call): Promise<unknown> {
    const { losses } = this.#engine;
    const reply = await this.#engine.once(script, this.#keysOf(id), args, call);
    if (!OVERTAKEN.has(reply) || this.#engine.losses === losses) return reply;
    throw sentTwice();
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

/** A key that holds no hash is no record, and not an outage. */
function wrongTypeAsGarbage(error: unknown): unknown {
  return [META, wrongTypeAsNothing(error)];
}

function wrongTypeAsNothing(error: unknown): null {
  if (error instanceof Error && error.message.startsWith("WRONGTYPE")) return null;
  throw error;
}
