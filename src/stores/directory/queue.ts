/**
 * Lets the writes of one process to one session go one after the other. Correctness does not need it, since the
 * pointer decides; but writers that would only make each other read again do not.
 */
export class Queue {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Runs the work after all earlier work of the same key, whatever became of that. */
  run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const turn = (this.#tails.get(key) ?? Promise.resolve()).then(work, work);
    this.#tails.set(key, turn);
    const leave = (): void => {
      if (this.#tails.get(key) === turn) this.#tails.delete(key);
    };
    turn.then(leave, leave);
    return turn;
  }
}
