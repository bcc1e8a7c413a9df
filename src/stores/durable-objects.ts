import { randomBytes } from "node:crypto";
import { SessionError } from "../core/errors.ts";
import { checkedLimit } from "../core/limit.ts";
import { checkOptionNames } from "../core/option-names.ts";
import type { SessionId, SessionRecord } from "../core/record.ts";
import type {
  Call,
  DeleteCondition,
  DeleteOutcome,
  LabelIndex,
  Page,
  PageRequest,
  SessionChange,
  SessionStore,
  StoreTraits,
  UpdateOutcome,
} from "../core/store.ts";
import type { Entry, Listed } from "./durable-objects/messages.ts";
import { Objects, type SessionObjectNamespace } from "./durable-objects/objects.ts";

export { SessionObject } from "./durable-objects/object.ts";
export type { SessionObjectNamespace } from "./durable-objects/objects.ts";
export type { SessionObjectState, SessionObjectStorage, SyncStorage } from "./durable-objects/storage.ts";

export interface DurableObjectStoreOptions {
  /** What the names of all objects begin with, for several stores in one namespace; nothing unless said otherwise. */
  readonly prefix?: string;
}

/** All that a store of Durable Objects can do. */
export type DurableObjectStore = SessionStore & LabelIndex;

/** An answer leaves an object when its writes are on several machines. */
const TRAITS: StoreTraits = Object.freeze({
  durability: "power",
  shared: true,
  expires: true,
  resends: false,
});

/** How many objects are asked at once by one listing or revocation: a request may ask a limited number of them. */
const AT_ONCE = 50;

/** An entry without a record that is younger may be that of a creation under way. */
const UNDER_WAY_MS = 3_600_000;

/** How often the labels of one record may change while one change of it is under way. */
const MOST_ROUNDS = 10;

/**
 * A store in Cloudflare's Durable Objects, for workers: one object a session, and one a label. An object does one thing at a time,
 * and answers only when what it wrote is safe. Expired sessions remove themselves.
 *
 * @param namespace The binding of the namespace, whose class is this module's `SessionObject`, with SQLite storage.
 * @throws {SessionError} `ERR_SESSION_CONFIG` for what is no such binding, and for unknown options.
 */
export function durableObjectStore(
  namespace: SessionObjectNamespace,
  options: DurableObjectStoreOptions = {},
): DurableObjectStore {
  checkOptionNames(options, ["prefix"], "durableObjectStore");
  const { prefix = "" } = options;
  if (typeof prefix !== "string") throw new SessionError("ERR_SESSION_CONFIG", "prefix is a text.");
  if (typeof namespace?.idFromName !== "function" || typeof namespace.get !== "function") {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      "durableObjectStore needs the binding of a Durable Object namespace, such as env.SESSIONS.",
    );
  }
  return new DurableObjects(new Objects(namespace, prefix));
}

class DurableObjects implements DurableObjectStore {
  readonly traits: StoreTraits = TRAITS;
  readonly #objects: Objects;

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  async create(given: SessionRecord, call: Call): Promise<boolean> {
    // What is given may be changed by its owner before the last of it is sent.
    const record = structuredClone(given);
    const entries = await this.#addEntries(record.id, record.labels, record.endsAt, call);
    const created = await this.#objects.record(record.id, { op: "create", record, entries }, call);
    if (!created) await this.#removeEntries(record.id, entries, call);
    return created;
  }

  async read(id: SessionId, call: Call): Promise<SessionRecord | null> {
    return await this.#objects.record(id, { op: "read", reservedOnly: false }, call);
  }

  async update(id: SessionId, wanted: SessionChange, call: Call): Promise<UpdateOutcome> {
    const change = structuredClone(wanted);
    const given: Entry[] = [];
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const answer = await this.#objects.record(id, { op: "update", change, entries: given }, call);
      if ("outcome" in answer) {
        const unused = answer.outcome.kind === "done" ? answer.dropped : given;
        await this.#removeEntries(id, unused, call);
        return answer.outcome;
      }
      given.push(...(await this.#addEntries(id, answer.needs, answer.until, call)));
    }
    throw new Error("The labels of this session kept changing; nothing was written.");
  }

  async delete(id: SessionId, when: DeleteCondition, call: Call): Promise<DeleteOutcome> {
    const { outcome, dropped } = await this.#objects.record(id, { op: "delete", when }, call);
    await this.#removeEntries(id, dropped, call);
    return outcome;
  }

  async listByLabel(label: string, page: PageRequest, call: Call): Promise<Page> {
    const limit = Math.min(checkedLimit(page.limit), AT_ONCE);
    const { lines, more } = await this.#objects.index(
      label,
      { op: "page", after: page.after ?? "", limit },
      call,
    );
    const ids = idsOf(lines);
    const found = await Promise.all(ids.map((id) => this.#bearer(id, label, call)));
    const records = found.filter((record) => record !== null);
    await this.#forget(label, lines, new Set(records.map((record) => record.id)), call);
    return more ? { records, next: String(ids.at(-1)) } : { records };
  }

  async deleteByLabel(label: string, except: readonly SessionId[], call: Call): Promise<number> {
    const kept = new Set(except);
    let deleted = 0;
    for (let after = ""; ;) {
      const { lines, more } = await this.#objects.index(label, { op: "page", after, limit: AT_ONCE }, call);
      const ids = idsOf(lines);
      const outcomes = await Promise.all(
        ids.filter((id) => !kept.has(id)).map((id) => this.delete(id, { label }, call)),
      );
      deleted += outcomes.filter((outcome) => outcome === "done").length;
      if (!more) return deleted;
      after = String(ids.at(-1));
    }
  }

  /** The record, if it bears the label. What cannot be read is passed over. */
  async #bearer(id: SessionId, label: string, call: Call): Promise<SessionRecord | null> {
    try {
      const record = await this.#objects.record(id, { op: "read", reservedOnly: true }, call);
      return record?.labels.includes(label) === true ? record : null;
    } catch (error) {
      if (SessionError.is(error)) return null;
      throw error;
    }
  }

  /** Before the record: from then on whoever looks for bearers of the labels looks at this one too. */
  async #addEntries(id: SessionId, labels: readonly string[], end: number, call: Call): Promise<Entry[]> {
    const entries = [...new Set(labels)].map((label) => ({ label, birth: newBirth(), end }));
    await Promise.all(
      entries.map(({ label, birth }) => this.#objects.index(label, { op: "add", id, birth, end }, call)),
    );
    return entries;
  }

  /** After the record. It takes nothing back when this fails: an entry without a record is found out by listings, and has an end. */
  async #removeEntries(id: SessionId, entries: readonly Entry[], call: Call): Promise<void> {
    await Promise.allSettled(
      entries.map(({ label, birth }) =>
        this.#objects.index(label, { op: "remove", lines: [[id, birth]] }, call),
      ),
    );
  }

  /** Removes the old entries of records that do not bear the label. */
  async #forget(
    label: string,
    lines: readonly Listed[],
    bearers: ReadonlySet<string>,
    call: Call,
  ): Promise<void> {
    const dead = lines.filter(({ id, ageMs }) => !bearers.has(id) && ageMs > UNDER_WAY_MS);
    if (dead.length === 0) return;
    const message = { op: "remove", lines: dead.map(({ id, birth }) => [id, birth] as const) } as const;
    await Promise.allSettled([this.#objects.index(label, message, call)]);
  }
}

/** Each id once, in order. */
function idsOf(lines: readonly Listed[]): SessionId[] {
  return [...new Set(lines.map(({ id }) => id as SessionId))];
}

function newBirth(): string {
  return randomBytes(9).toString("base64url");
}
