import type { Call } from "../../core/store.ts";
import { isConnectionLost, isNotSent, notAnswered, notSent } from "./failure.ts";
import { GRACE_MS, type Journey } from "./waiting.ts";

/** How calls of one kind travel. */
export interface Carrier<Ask, Answer> {
  /** Batches under way at most. While there are so many, the calls that come gather for the next. */
  readonly atOnce: number;
  /** Whether a call may wait a little for others, while something is under way. */
  mayWait(ask: Ask): boolean;
  /** Tells of each of those that wait, in their order, whether it travels with the next batch; asked anew for every batch. */
  boarding(): (ask: Ask) => boolean;
  /** Called when a call is not under way any more: it was answered, or waits again. */
  landed(ask: Ask): void;
  /** Sends several in one statement. An answer for each, in their order; `undefined` for one that has to be sent alone. */
  together(asks: readonly Ask[], journey: Journey): Promise<readonly (Answer | undefined)[]>;
  /** Sends one, with deadlines and repetitions of its own. */
  alone(ask: Ask, call: Call): Promise<Answer>;
}

/** Batches of one kind under way at once: more of them would be smaller ones. */
const AT_ONCE = 4;

/** How many batches may be under way over so many connections: one at least, whatever a client tells of itself. */
export function placesOn(connections: number): number {
  return connections >= AT_ONCE ? AT_ONCE : Math.max(1, Math.floor(connections) || 1);
}

/** How long a call that may wait does so at most, in milliseconds. */
const WINDOW_MS = 5;

/**
 * After how long a batch does not count as under way any more, in milliseconds. What waits for somebody's lock, or for an answer that
 * was lost, must not hold the others up.
 */
const SLOW_MS = 100;

/**
 * Sends calls that come at about the same time in one statement. The first of a quiet store goes at the end of the microtasks of
 * its turn, by the statement for one; those that come while enough is under way gather. Each gets an outcome of its own: a batch
 * that the server refused is carried out call by call, and one whose answer was lost is not known for each.
 */
export class Gather<Ask, Answer> {
  readonly #carrier: Carrier<Ask, Answer>;
  #waiting: Passenger<Ask, Answer>[] = [];
  #underWay = 0;
  #unsettled = 0;
  #scheduled = false;
  #windowOver = false;
  /** Whether the last batch carried several: then more are likely to come in the same turn. */
  #crowded = false;
  #window: NodeJS.Timeout | undefined;
  #idle: (() => void)[] = [];

  constructor(carrier: Carrier<Ask, Answer>) {
    this.#carrier = carrier;
  }

  /** Rejects at once, with nothing sent, when the signal aborts before the call was sent; later as the drivers do. */
  ask(ask: Ask, call: Call): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (call.signal.aborted) return reject(notSent(call.signal.reason));
      const settled = (): void => this.#settled();
      const passenger = new Passenger(ask, call, { resolve, reject, settled });
      this.#unsettled += 1;
      this.#waiting.push(passenger);
      this.#schedule();
    });
  }

  /** Resolves when every call is settled. */
  drained(): Promise<void> {
    if (this.#unsettled === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #settled(): void {
    this.#unsettled -= 1;
    if (this.#unsettled === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0 || this.#underWay >= this.#carrier.atOnce) return;
    if (!this.#crowded && this.#underWay < this.#carrier.atOnce / 2) {
      this.#scheduled = true;
      // After the last of this turn's microtasks, so that whoever calls in one of them comes along.
      queueMicrotask(() => process.nextTick(this.#flush));
    } else if (this.#isDue()) {
      this.#scheduled = true;
      setImmediate(this.#flush);
    } else {
      this.#window ??= setTimeout(this.#close, WINDOW_MS);
    }
  }

  /** Whether anything that waits should go with this turn. What may wait does so only while something is under way. */
  #isDue(): boolean {
    return (
      this.#underWay === 0 || this.#windowOver || this.#waiting.some(({ ask }) => !this.#carrier.mayWait(ask))
    );
  }

  readonly #close = (): void => {
    this.#window = undefined;
    this.#windowOver = true;
    this.#schedule();
  };

  readonly #flush = (): void => {
    this.#scheduled = false;
    this.#windowOver = false;
    clearTimeout(this.#window);
    this.#window = undefined;
    while (this.#underWay < this.#carrier.atOnce) {
      const batch = this.#taken();
      if (batch.length === 0) return;
      this.#depart(batch);
    }
  };

  #taken(): Passenger<Ask, Answer>[] {
    const comesAlong = this.#carrier.boarding();
    const batch: Passenger<Ask, Answer>[] = [];
    const waiting: Passenger<Ask, Answer>[] = [];
    for (const passenger of this.#waiting) {
      if (passenger.isSettled) continue;
      (comesAlong(passenger.ask) ? batch : waiting).push(passenger);
    }
    this.#waiting = waiting;
    return batch;
  }

  /** Counts a batch as under way until it has landed, or for as long as that is no use to anybody. */
  #depart(batch: readonly Passenger<Ask, Answer>[]): void {
    let counts = true;
    const over = (): void => {
      if (counts) this.#underWay -= 1;
      counts = false;
      clearTimeout(slow);
      // Also where it did not count any more: others may have waited for what it carried.
      this.#schedule();
    };
    const slow = setTimeout(over, SLOW_MS);
    this.#crowded = batch.length > 1;
    this.#underWay += 1;
    const [first] = batch;
    const travels = batch.length === 1 && first !== undefined ? this.#alone(first) : this.#together(batch);
    void travels.finally(over);
  }

  async #together(batch: readonly Passenger<Ask, Answer>[]): Promise<void> {
    const journey = new Shared(batch.length);
    for (const passenger of batch) passenger.board(journey);
    const asks = batch.map(({ ask }) => ask);
    try {
      const answers = await this.#carrier.together(asks, journey);
      for (const [index, passenger] of batch.entries()) this.#arrived(passenger, answers[index]);
    } catch (error) {
      if (isNotSent(error)) return this.#again(batch);
      if (!isConnectionLost(error)) return this.#oneByOne(batch);
      for (const passenger of batch) this.#lost(passenger, error);
    }
  }

  #arrived(passenger: Passenger<Ask, Answer>, answer: Answer | undefined): void {
    if (answer === undefined) return this.#oneByOne([passenger]);
    this.#carrier.landed(passenger.ask);
    passenger.resolve(answer);
  }

  #lost(passenger: Passenger<Ask, Answer>, error: unknown): void {
    this.#carrier.landed(passenger.ask);
    passenger.reject(error);
  }

  /** Somebody gave up before the batch was sent. The others go on waiting, before those who came later. */
  #again(batch: readonly Passenger<Ask, Answer>[]): void {
    const others: Passenger<Ask, Answer>[] = [];
    for (const passenger of batch) {
      const { ask, call } = passenger;
      if (call.signal.aborted) {
        this.#lost(passenger, notSent(call.signal.reason));
        continue;
      }
      this.#carrier.landed(ask);
      passenger.wait();
      others.push(passenger);
    }
    this.#waiting.unshift(...others);
  }

  /** None of them was carried out, and which of them is to blame is found out by sending each by itself. */
  #oneByOne(batch: readonly Passenger<Ask, Answer>[]): void {
    for (const passenger of batch) void this.#alone(passenger).finally(() => this.#schedule());
  }

  async #alone(passenger: Passenger<Ask, Answer>): Promise<void> {
    passenger.leave();
    try {
      const answer = await this.#carrier.alone(passenger.ask, passenger.call);
      this.#arrived(passenger, answer);
    } catch (error) {
      this.#lost(passenger, error);
    }
  }
}

/** Whom a passenger tells what becomes of it. */
interface Told<Answer> {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
  settled(): void;
}

/** One call, from the moment it was made until it is settled. */
class Passenger<Ask, Answer> {
  readonly ask: Ask;
  readonly call: Call;
  readonly #told: Told<Answer>;
  #journey: Shared | null = null;
  #grace: NodeJS.Timeout | undefined;
  /** Whoever gave up while it waited stays in the queue until the next batch is made. */
  isSettled = false;

  constructor(ask: Ask, call: Call, told: Told<Answer>) {
    this.ask = ask;
    this.call = call;
    this.#told = told;
    call.signal.addEventListener("abort", this.#givenUp, { once: true });
  }

  board(journey: Shared): void {
    this.#journey = journey;
  }

  wait(): void {
    this.#journey = null;
  }

  /** From here on somebody else looks at its deadline. */
  leave(): void {
    clearTimeout(this.#grace);
    this.call.signal.removeEventListener("abort", this.#givenUp);
  }

  resolve(answer: Answer): void {
    this.#settle(() => this.#told.resolve(answer));
  }

  reject(error: unknown): void {
    this.#settle(() => this.#told.reject(error));
  }

  #settle(tell: () => void): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.leave();
    tell();
    this.#told.settled();
  }

  readonly #givenUp = (): void => {
    const { reason } = this.call.signal;
    if (this.#journey === null) return this.reject(notSent(reason));
    this.#grace = setTimeout(() => this.reject(notAnswered(reason)), GRACE_MS);
    this.#grace.unref();
    this.#journey.giveUp(reason);
  };
}

/** The journey of a batch: it is not begun when one of its calls was given up, and is waited for until all are. */
class Shared implements Journey {
  readonly #departure = new AbortController();
  readonly #arrival = new AbortController();
  #left: number;

  constructor(count: number) {
    this.#left = count;
  }

  get signal(): AbortSignal {
    return this.#departure.signal;
  }

  get arrival(): AbortSignal {
    return this.#arrival.signal;
  }

  giveUp(reason: unknown): void {
    this.#left -= 1;
    this.#departure.abort(reason);
    if (this.#left === 0) this.#arrival.abort(reason);
  }
}
