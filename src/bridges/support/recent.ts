/** What was noted last, and no more than so much of it: the oldest note goes first. */
export class Recent<Key, Value> {
  readonly #notes: Map<Key, Value> = new Map();
  readonly #max: number;

  /** @param max how many notes are kept, 1 or more. */
  constructor(max: number) {
    this.#max = max;
  }

  note(key: Key, value: Value): void {
    this.#notes.delete(key);
    this.#notes.set(key, value);
    if (this.#notes.size <= this.#max) return;
    const [oldest] = this.#notes.keys();
    if (oldest !== undefined) this.#notes.delete(oldest);
  }

  get(key: Key): Value | undefined {
    return this.#notes.get(key);
  }

  forget(key: Key): void {
    this.#notes.delete(key);
  }
}
