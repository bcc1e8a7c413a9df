import type { Answers, IndexMessage, Listed } from "./messages.ts";
import { erase, ringAt, type SessionObjectState, SLACK_MS } from "./storage.ts";

const PREFIX = "entry:";

interface Line {
  readonly end: number;
  readonly writtenAt: number;
}

/**
 * The part of an object that keeps the index of one label: which records may bear it. It promises that none is missing; which of
 * them do bear it the records themselves say.
 */
export class IndexObject {
  readonly #state: SessionObjectState;

  constructor(state: SessionObjectState) {
    this.#state = state;
  }

  async answer(message: IndexMessage): Promise<Answers[IndexMessage["op"]]> {
    switch (message.op) {
      case "add":
        return await this.#add(message.id, message.birth, message.end);
      case "remove":
        return this.#remove(message.lines);
      case "page":
        return this.#page(message.after, message.limit);
    }
  }

  /** Removes the entries that no record can outlive. Not the others, whatever became of their records: here nobody knows. */
  async alarm(): Promise<void> {
    const { kv } = this.#state.storage;
    const now = Date.now();
    let next = Number.POSITIVE_INFINITY;
    // A copy: the list follows the storage.
    for (const [key, value] of Array.from(kv.list({ prefix: PREFIX }))) {
      const due = (value as Line).end + SLACK_MS;
      if (due <= now) kv.delete(key);
      else next = Math.min(next, due);
    }
    if (next === Number.POSITIVE_INFINITY) await erase(this.#state);
    else await ringAt(this.#state.storage, next);
  }

  async #add(id: string, birth: string, end: number): Promise<null> {
    const { storage } = this.#state;
    storage.kv.put(keyOf(id, birth), { end, writtenAt: Date.now() } satisfies Line);
    // One that rings earlier sets the next.
    if ((await storage.getAlarm()) === null) await ringAt(storage, end + SLACK_MS);
    return null;
  }

  #remove(lines: readonly (readonly [id: string, birth: string])[]): null {
    for (const [id, birth] of lines) this.#state.storage.kv.delete(keyOf(id, birth));
    return null;
  }

  /** The entries of the next so many ids. */
  #page(after: string, limit: number): Answers["page"] {
    const now = Date.now();
    const lines: Listed[] = [];
    const ids = new Set<string>();
    const startAfter = after === "" ? {} : { startAfter: keyOf(after, "~") };
    for (const [key, value] of this.#state.storage.kv.list({ prefix: PREFIX, ...startAfter })) {
      const [id = "", birth = ""] = key.slice(PREFIX.length).split(":");
      if (!ids.has(id) && ids.size === limit) return { lines, more: true };
      ids.add(id);
      lines.push({ id, birth, ageMs: now - (value as Line).writtenAt });
    }
    return { lines, more: false };
  }
}

/** In the order of the ids. Neither an id nor a birth has a colon, and `~` comes after all of their characters. */
function keyOf(id: string, birth: string): string {
  return `${PREFIX}${id}:${birth}`;
}
