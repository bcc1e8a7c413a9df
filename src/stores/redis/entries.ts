import type { SessionId } from "../../core/record.ts";
import type { Call } from "../../core/store.ts";
import type { Background } from "./background.ts";
import type { Engine } from "./engine.ts";
import type { Keys } from "./keys.ts";
import { encodedLabels } from "./meta.ts";
import { ENTER } from "./scripts.ts";
import { listOf } from "./replies.ts";

/**
 * How long an entry outlives its session's absolute limit, in seconds: more than any two clocks differ, for an entry that
 * went too early would hide a session from a revocation.
 */
const LAG_S = 86_400;

/** How old an entry must be before the absence of its record means more than that the record is on its way, in seconds. */
const SETTLED_S = 3600;

/** One in so many writes looks for what is over, and at so many names or entries: four for each that is written, which is more than can be over. */
const LOOKS_EVERY = 8;
const LOOKS_AT = 32;

/**
 * What stands after the id in every entry of one labelling of a record; never the same twice for one id. It is no secret, so that it need
 * not be drawn as one, which costs a login more than its entry does.
 */
export function newEntry(endsAt: number): string {
  const ends = Math.ceil(endsAt / 1000);
  return `.${Math.floor(Date.now() / 1000)}.${Math.random().toString(36).slice(2)}.${ends}`;
}

/** Tells whether an entry lives as long as a session with this absolute limit. */
export function coversLimit(entry: string, endsAt: number): boolean {
  const ends = /\.(-?\d+)$/.exec(entry)?.[1];
  return ends !== undefined && Number(ends) * 1000 >= endsAt;
}

/** Tells whether an entry is old enough to go when its record does not bear the label. */
export function isSettled(entry: string): boolean {
  const written = Number(/^[^.]*\.(\d+)\./.exec(entry)?.[1]);
  return written + SETTLED_S < Date.now() / 1000;
}

export function idOfEntry(entry: string): SessionId {
  return entry.slice(0, entry.indexOf(".")) as SessionId;
}

/**
 * The entries of the label index. They are written before the record that they belong to and removed after it, so that
 * whoever looks a label up never misses a record. One that has no record says nothing.
 */
export class Entries {
  readonly #engine: Engine;
  readonly #keys: Keys;
  readonly #background: Background;
  #written = 0;

  constructor(engine: Engine, keys: Keys, background: Background) {
    this.#engine = engine;
    this.#keys = keys;
    this.#background = background;
  }

  /** Enters a record under its labels, given as the meta text has them. Resolves when all are there. */
  async enter(id: SessionId, labels: string, entry: string, lifeMs: number, call: Call): Promise<void> {
    await Promise.all(
      this.keysOf(labels).map((key) =>
        this.#engine.repeatable(ENTER, [key], [id + entry, ...this.terms(lifeMs), this.looks()], call),
      ),
    );
  }

  /** Where {@link enter} enters a record. */
  keysOf(labels: string): string[] {
    return encodedLabels(labels).map((label) => this.#keys.label(label));
  }

  /** For how long an entry is kept whose session lives for so long, in ms, and by how much longer that is, in s: for a script. */
  terms(lifeMs: number): [string, string] {
    return [String(Math.max(lifeMs, 0) + LAG_S * 1000), String(LAG_S)];
  }

  /** At how many neighbours a script that writes looks for what is over. A look costs as much as the writing, so that a few look for all. */
  looks(): string {
    const looks = this.#written % LOOKS_EVERY === 0;
    this.#written += 1;
    return looks ? String(LOOKS_AT) : "0";
  }

  /** Removes what {@link enter} entered, some time soon. */
  leave(id: SessionId, labels: string, entry: string): void {
    for (const label of encodedLabels(labels)) this.remove(label, [id + entry]);
  }

  /** Removes entries of one label, some time soon. */
  remove(label: string, entries: readonly string[]): void {
    if (entries.length === 0) return;
    const key = this.#keys.label(label);
    this.#background.run((call) => this.#engine.command(key, ["ZREM", key, ...entries], call));
  }

  /** The entries of a label in the order of their ids, from behind an id on. */
  async page(
    label: string,
    after: string | undefined,
    limit: number,
    call: Call,
  ): Promise<readonly string[]> {
    const key = this.#keys.label(label);
    // All entries of an id begin with it and a point; a slash is the next character.
    const from = after === undefined ? "-" : `[${after}/`;
    const command = ["ZRANGEBYLEX", key, from, "+", "LIMIT", "0", String(limit)];
    return listOf(await this.#engine.command(key, command, call)) as readonly string[];
  }
}
