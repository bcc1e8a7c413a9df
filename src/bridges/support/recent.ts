/** What was noted last, and no more than so much of it: the oldest note goes first. */
export class Recent<Key, Value> {
  readonly #notes: Map<Key, Value> = new Map();
  readonly #most: number;
  readonly #weigh: (value: Value) => number;
  #weight = 0;

  /** @param most how much is kept, by `weigh`, which counts each as one unless given. */
  constructor(most: number, weigh: (value: Value) => number = () => 1) {
    this.#most = most;
    this.#weigh = weigh;
  }

  note(key: Key, value: Value): void {
    this.forget(key);
    this.#notes.set(key, value);
    this.#weight += this.#weigh(value);
    for (const oldest of this.#notes.keys()) {
      if (this.#weight <= this.#most) return;
      this.forget(oldest);
    }
  }

  get(key: Key): Value | undefined {
    return this.#notes.get(key);
  }

  forget(key: Key): void {
    const value = this.#notes.get(key);
    if (value === undefined) return;
    this.#notes.delete(key);
    this.#weight -= this.#weigh(value);
  }
}
