import type { SessionId } from "../../core/record.ts";

/** What a key-value engine without conditions can do: a text by a key, put, read and removed. */
export interface KeyValueEngine {
  /** Reads the text of an id; `undefined` when there is none. Whatever is there and is no text of ours is given as it is. */
  get(id: SessionId): Promise<unknown>;
  /** Puts a text, whatever is there. `lifeMs` from now on the engine may forget it. */
  set(id: SessionId, text: string, lifeMs: number): Promise<void>;
  /** Removes what is there. Nothing is no error. */
  remove(id: SessionId): Promise<void>;
  /** What is there, in any order; absent where the engine cannot list. It need not be as of one moment. */
  readonly list?: () => Promise<Listed[]>;
}

/** A record as a listing shows it. */
export interface Listed {
  readonly id: SessionId;
  /** The labels that it bore; `null` where it could not be read, as while it is being written. */
  readonly labels: readonly string[] | null;
}

/** What is there cannot be read, and never will be. */
export class Unreadable extends Error {}
