import type { SessionId } from "../../core/record.ts";
import type { Value } from "./values.ts";

/** Ids in a batch of writes at most: it bounds for how long rows are held. */
const MOST_IDS = 64;
/** Characters in a batch at most, unless there is one call in it: who writes little must not wait for who writes much. */
const MOST_CHARACTERS = 65_536;

/** Ids that are being written, each by so many calls. */
export class Occupied {
  readonly #calls = new Map<SessionId, number>();

  has(id: SessionId): boolean {
    return this.#calls.has(id);
  }

  enter(id: SessionId): void {
    this.#calls.set(id, (this.#calls.get(id) ?? 0) + 1);
  }

  leave(id: SessionId): void {
    const others = (this.#calls.get(id) ?? 0) - 1;
    if (others > 0) this.#calls.set(id, others);
    else this.#calls.delete(id);
  }
}

/** How much a batch of writes has taken in. */
export class Load {
  #ids = 0;
  #characters = 0;
  #isFull = false;

  /** Takes one more in, if there is room. After the first for which there is none nothing is taken: nobody overtakes it. */
  takes(values: readonly Value[]): boolean {
    const characters = values.reduce((sum, value) => sum + (value?.length ?? 0), this.#characters);
    this.#isFull ||= this.#ids >= MOST_IDS || (this.#ids > 0 && characters > MOST_CHARACTERS);
    if (this.#isFull) return false;
    this.#ids += 1;
    this.#characters = characters;
    return true;
  }
}
