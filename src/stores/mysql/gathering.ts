import type { Call } from "../../core/store.ts";
import { MOST_TOGETHER } from "./batches.ts";
import { tooLate } from "./failures.ts";
import { Gathered } from "./gathered.ts";

/** How long a call waits for others at most, in milliseconds, also where those under way are stuck. */
const WINDOW_MS = 2;

/** How calls of one kind travel. */
export interface Ways<Item, Outcome> {
  /** So many go at once, each by itself. Only then do others wait for them, and for one another. */
  readonly atOnce: number;
  /** Fewer than that go one by one: a batch of them would cost more. */
  readonly least: number;
  alone(item: Item, call: Call): Promise<Outcome>;
  /** Settles those whose outcome it learns. What it leaves open goes alone, also after a rejection: then nothing was written for it. */
  together(batch: readonly Gathered<Item, Outcome>[]): Promise<void>;
}

/**
 * Calls of one kind, gathered while others are under way. The first ones of a quiet store go at once and by themselves; those that come
 * meanwhile travel together as soon as an answer is there, or after two milliseconds. Each has its own outcome and its own deadline.
 */
export class Gathering<Item, Outcome> {
  readonly #ways: Ways<Item, Outcome>;
  #waiting: Gathered<Item, Outcome>[] = [];
  #underWay = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(ways: Ways<Item, Outcome>) {
    this.#ways = ways;
  }

  /** `item` must be the store's own: it may be sent after the caller's next turn. */
  ask(item: Item, call: Call): Promise<Outcome> {
    if (call.signal.aborted) return Promise.reject(tooLate(call.signal.reason));
    if (this.#underWay < this.#ways.atOnce && this.#waiting.length === 0) return this.#atOnce(item, call);
    const gathered = new Gathered<Item, Outcome>(item, call);
    this.#waiting.push(gathered);
    this.#arm();
    return gathered.outcome;
  }

  async #atOnce(item: Item, call: Call): Promise<Outcome> {
    this.#underWay += 1;
    try {
      return await this.#ways.alone(item, call);
    } finally {
      this.#arrived();
    }
  }

  #arrived(): void {
    this.#underWay -= 1;
    this.#start(this.#ways.atOnce);
  }

  /** Sends off what waits, until so many are under way. */
  #start(most: number): void {
    // Those whose deadline passed are settled already.
    if (this.#waiting.length > 0) this.#waiting = this.#waiting.filter(({ open }) => open);
    while (this.#underWay < most && this.#waiting.length > 0) {
      const count = this.#waiting.length < this.#ways.least ? 1 : MOST_TOGETHER;
      this.#underWay += 1;
      void this.#travel(this.#waiting.splice(0, count)).then(() => this.#arrived());
    }
    if (this.#waiting.length === 0) this.#disarm();
  }

  /** Never rejects: each call is told its own outcome. */
  async #travel(batch: readonly Gathered<Item, Outcome>[]): Promise<void> {
    if (batch.length > 1) await this.#ways.together(batch).catch(() => undefined);
    const left = batch.filter(({ open }) => open);
    await Promise.all(left.map((one) => one.follow((item, call) => this.#ways.alone(item, call))));
  }

  #arm(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#start(Infinity);
    }, WINDOW_MS);
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
