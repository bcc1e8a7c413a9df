import { throwIfAborted } from "../../core/call.ts";
import { SessionError } from "../../core/errors.ts";
import { checkedLimit } from "../../core/limit.ts";
import { randomText } from "../../core/platform.ts";
import type { SessionId, SessionRecord } from "../../core/record.ts";
import type {
  Call,
  DeleteCondition,
  DeleteOutcome,
  IterableStore,
  LabelIndex,
  Page,
  PageRequest,
  SessionChange,
  SessionStore,
  StoreTraits,
  SweepOutcome,
  UpdateOutcome,
} from "../../core/store.ts";
import { changed, refusal, withReservedOnly } from "../support/change.ts";
import { type KeyValueEngine, type Listed, Unreadable } from "./engine.ts";
import { corrupt, openEnvelope, sealEnvelope } from "./envelope.ts";
import { type Lines, linesOf } from "./lines.ts";

type List = () => Promise<Listed[]>;

/** The engine's clock may be ahead: what has expired is the core's to judge, and not gone before. */
const SLACK_MS = 60_000;
/** A hundred years: further than that some engines' calendars do not go. */
const LONGEST_MS = 36_500 * 86_400_000;
const STAMP_BYTES = 9;

/**
 * A store upon an engine that knows no conditions. Within this process it keeps the contract whole: the calls of one session stand in
 * line, each reads again before it writes, and what is judged is what was read. Between processes it cannot: two that write one session at one
 * moment may lose an update, or bring back what the other has just ended. Where this process did end it, it does so again when
 * it comes across it.
 */
export class UnconditionalStore implements SessionStore {
  readonly traits: StoreTraits;
  readonly #engine: KeyValueEngine;
  readonly #lines: Lines;
  readonly all?: IterableStore["all"];
  readonly listByLabel?: LabelIndex["listByLabel"];
  readonly deleteByLabel?: LabelIndex["deleteByLabel"];

  /** @param shared the object that all handles of one engine in this process have in common. */
  constructor(engine: KeyValueEngine, shared: object, traits: StoreTraits) {
    this.traits = traits;
    this.#engine = engine;
    this.#lines = linesOf(shared);
    const { list } = engine;
    if (list === undefined) return;
    this.all = async (page, call) => await this.#page(list, page, call);
    // There is no index that could lag behind: each call looks through everything.
    this.listByLabel = async (label, page, call) => await this.#labelled(list, label, page, call);
    this.deleteByLabel = async (label, except, call) => await this.#deleteAll(list, label, except, call);
  }

  async create(given: SessionRecord, call: Call): Promise<boolean> {
    const record = structuredClone(given);
    return await this.#inLine(record.id, call, async () => {
      if (await this.#isTaken(record.id)) return false;
      const stamp = await this.#put(record, call);
      this.#lines.noteBeginning(record.id);
      return await this.#isMine(record.id, stamp);
    });
  }

  async read(id: SessionId, call: Call): Promise<SessionRecord | null> {
    // In line as well, for an engine that writes in place would show half of what is being written.
    return await this.#inLine(id, call, () => this.#current(id));
  }

  async update(id: SessionId, given: SessionChange, call: Call): Promise<UpdateOutcome> {
    // The caller's own may change while this one waits in line.
    const change = structuredClone(given);
    return await this.#inLine(id, call, async () => {
      const record = await this.#readable(id);
      if (record === null) return { kind: "gone" };
      const refused = refusal(record, change);
      if (refused !== undefined) return refused;
      const next = changed(record, change);
      await this.#put(next, call);
      return { kind: "done", version: next.version };
    });
  }

  async delete(id: SessionId, when: DeleteCondition, call: Call): Promise<DeleteOutcome> {
    return await this.#inLine(id, call, async () => {
      const found = await this.#foundToDelete(id, when);
      if (found === "none") return "gone";
      if (!meets(found, when)) return "conflict";
      throwIfAborted(call);
      if (found === "unreadable") await this.#engine.remove(id);
      else await this.#end(found);
      return "done";
    });
  }

  /** Deletes expired records, each as found in its turn. For engines that do not forget by themselves. */
  async sweepBy(list: List, now: number, limit: number, call: Call): Promise<SweepOutcome> {
    throwIfAborted(call);
    const most = checkedLimit(limit);
    let deleted = 0;
    for (const { id } of await list()) {
      try {
        deleted += Number(await this.#removeIf(id, call, ({ expiresAt }) => expiresAt <= now));
      } catch (error) {
        if (call.signal.aborted) return { deleted, more: true };
        // What a newer version wrote is for that to sweep.
        if (!isFormat(error)) throw error;
      }
      if (deleted === most) return { deleted, more: true };
    }
    return { deleted, more: false };
  }

  async #labelled(list: List, label: string, { limit, after = "" }: PageRequest, call: Call): Promise<Page> {
    const most = checkedLimit(limit);
    return await this.#together(list, label, call, async (ids) => {
      const records: SessionRecord[] = [];
      for (const id of ids.filter((one) => one > after)) {
        const record = await this.#readable(id);
        if (record?.labels.includes(label) !== true) continue;
        if (records.length === most) return { records, next: records.at(-1)?.id ?? after };
        records.push(withReservedOnly(record));
      }
      return { records };
    });
  }

  async #deleteAll(list: List, label: string, except: readonly SessionId[], call: Call): Promise<number> {
    return await this.#together(list, label, call, async (ids) => {
      let deleted = 0;
      for (const id of ids) {
        const record = except.includes(id) ? null : await this.#readable(id);
        if (record?.labels.includes(label) !== true) continue;
        throwIfAborted(call);
        await this.#end(record);
        deleted += 1;
      }
      return deleted;
    });
  }

  /**
   * Does something with all that bear a label as if in one moment: at the head of all their lines, and when there were none besides
   * once it stood there. One that comes after that is another moment's.
   */
  async #together<T>(
    list: List,
    label: string,
    call: Call,
    work: (ids: readonly SessionId[]) => Promise<T>,
  ): Promise<T> {
    throwIfAborted(call);
    let ids = bearing(label, await list());
    for (;;) {
      const known: readonly SessionId[] = ids;
      const outcome = await this.#lines.runAll(known, async () => {
        throwIfAborted(call);
        const now = bearing(label, await list());
        if (now.every((id) => known.includes(id))) return { value: await work(known) };
        return { more: [...new Set([...known, ...now])].sort() };
      });
      if ("value" in outcome) return outcome.value;
      ids = outcome.more;
    }
  }

  async #removeIf(id: SessionId, call: Call, is: (record: SessionRecord) => boolean): Promise<boolean> {
    return await this.#inLine(id, call, async () => {
      const record = await this.#readable(id);
      if (record === null || !is(record)) return false;
      throwIfAborted(call);
      await this.#end(record);
      return true;
    });
  }

  async #end({ id, createdAt }: SessionRecord): Promise<void> {
    // Before it is sent: a writer elsewhere may be faster than the answer.
    this.#lines.noteEnd(id, createdAt);
    await this.#engine.remove(id);
  }

  async #page(list: List, { limit, after = "" }: PageRequest, call: Call): Promise<Page> {
    throwIfAborted(call);
    const most = checkedLimit(limit);
    const ids = (await list()).map(({ id }) => id).filter((id) => id > after);
    const records: SessionRecord[] = [];
    let last = after;
    for (const id of ids.sort()) {
      if (records.length === most) return { records, next: last };
      const record = await this.#inLine(id, call, () => this.#readable(id));
      if (record !== null) records.push(record);
      last = id;
    }
    return { records };
  }

  async #inLine<T>(id: SessionId, call: Call, work: () => Promise<T>): Promise<T> {
    throwIfAborted(call);
    return await this.#lines.run(id, async () => {
      throwIfAborted(call);
      return await work();
    });
  }

  /** @throws `ERR_SESSION_CORRUPT` and `ERR_SESSION_FORMAT` as a read has to. */
  async #current(id: SessionId): Promise<SessionRecord | null> {
    const text = await this.#text(id);
    if (text === undefined) return null;
    const { record } = openEnvelope(text);
    if (record.id !== id) throw corrupt();
    if (!this.#lines.isEnded(id, record.createdAt)) return record;
    await this.#engine.remove(id);
    return null;
  }

  async #text(id: SessionId): Promise<unknown> {
    try {
      return await this.#engine.get(id);
    } catch (error) {
      throw error instanceof Unreadable ? corrupt(error.cause) : error;
    }
  }

  async #found(id: SessionId): Promise<SessionRecord | "none" | "unreadable"> {
    try {
      return (await this.#current(id)) ?? "none";
    } catch (error) {
      if (isCorrupt(error)) return "unreadable";
      throw error;
    }
  }

  /** What a newer version wrote can be ended, as it can be by a store that looks at no more than it has to. */
  async #foundToDelete(id: SessionId, when: DeleteCondition): Promise<SessionRecord | "none" | "unreadable"> {
    try {
      return await this.#found(id);
    } catch (error) {
      if (isFormat(error) && meets("unreadable", when)) return "unreadable";
      throw error;
    }
  }

  async #readable(id: SessionId): Promise<SessionRecord | null> {
    const found = await this.#found(id);
    return typeof found === "string" ? null : found;
  }

  async #isTaken(id: SessionId): Promise<boolean> {
    try {
      return (await this.#found(id)) !== "none";
    } catch (error) {
      if (isFormat(error)) return true;
      throw error;
    }
  }

  async #put(record: SessionRecord, call: Call): Promise<string> {
    throwIfAborted(call);
    const stamp = randomText(STAMP_BYTES);
    const leftMs = Math.max(0, record.expiresAt - Date.now());
    const lifeMs = Math.min(leftMs, LONGEST_MS) + SLACK_MS;
    await this.#engine.set(record.id, sealEnvelope({ record, stamp }), lifeMs);
    return stamp;
  }

  /** Whether it was this process that another's create did not come after. Nothing at all is no other's. */
  async #isMine(id: SessionId, stamp: string): Promise<boolean> {
    const text = await this.#text(id);
    return text === undefined || openEnvelope(text).stamp === stamp;
  }
}

function meets(found: SessionRecord | "unreadable", { ifVersion, label }: DeleteCondition): boolean {
  if (found === "unreadable") return ifVersion === undefined && label === undefined;
  if (ifVersion !== undefined && found.version !== ifVersion) return false;
  return label === undefined || found.labels.includes(label);
}

function isCorrupt(error: unknown): boolean {
  return SessionError.is(error) && error.code === "ERR_SESSION_CORRUPT";
}

function isFormat(error: unknown): boolean {
  return SessionError.is(error) && error.code === "ERR_SESSION_FORMAT";
}

function bearing(label: string, listed: readonly Listed[]): SessionId[] {
  return listed.flatMap(({ id, labels }) => (labels?.includes(label) === false ? [] : [id])).sort();
}
