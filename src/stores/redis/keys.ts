import type { SessionId } from "../../core/record.ts";

const ALPHABET = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/**
 * The first two characters of ids, in the order in which texts are compared. Records whose ids begin alike share a
 * hash tag, hence a slot of a cluster, so that one script may touch them together.
 */
export const PARTITIONS: readonly string[] = Array.from(ALPHABET, (first) =>
  Array.from(ALPHABET, (second) => first + second),
).flat();

/** How many characters an id has. */
const ID_LENGTH = 24;

export function partitionOf(id: string): string {
  return id.slice(0, 2);
}

/** The names of everything that the store keeps. No two of different prefixes are ever equal. */
export class Keys {
  readonly #prefix: string;
  /** Where the ids of deleted records are told. */
  readonly channel: string;

  /** @param prefix holds no brace: a hash tag of its own would gather everything in one slot. */
  constructor(prefix: string) {
    this.#prefix = prefix;
    this.channel = `${prefix}ended`;
  }

  /** What the names of all records begin with, and those of the registries. */
  get records(): string {
    return `${this.#prefix}{`;
  }

  /** The id of the record that has the key; `null` for the key of anything else. */
  idOf(key: string): SessionId | null {
    const start = this.#prefix.length;
    const id = key.slice(start + 1, start + 3) + key.slice(start + 4);
    return id.length === ID_LENGTH && this.record(id as SessionId) === key ? (id as SessionId) : null;
  }

  /** A hash: one session. */
  record(id: SessionId): string {
    return `${this.#prefix}{${id.slice(0, 2)}}${id.slice(2)}`;
  }

  /** A sorted set: the ids of one partition, each with the time at which the engine drops its record. */
  registry(partition: string): string {
    return `${this.#prefix}{${partition}}ids`;
  }

  /** A sorted set: the entries of the records that bear the label, given as {@link encodeText} writes it. */
  label(encoded: string): string {
    return `${this.#prefix}label:{${encoded}}`;
  }
}

const PLAIN = /^[A-Za-z0-9:_.@-]*$/;

/**
 * Writes a text without spaces, semicolons, braces and controls; different texts stay different, lone surrogates included.
 * What labels are usually made of stays readable.
 */
export function encodeText(text: string): string {
  return PLAIN.test(text) ? text : encodeURIComponent(JSON.stringify(text).slice(1, -1));
}

/** Throws when it is nothing that {@link encodeText} wrote. */
export function decodeText(encoded: string): string {
  return encoded.includes("%") ? (JSON.parse(`"${decodeURIComponent(encoded)}"`) as string) : encoded;
}
