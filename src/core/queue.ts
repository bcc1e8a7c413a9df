import type { Clock } from "./clock.ts";
import type { SessionId, SessionRecord } from "./record.ts";

type Work = () => Promise<void>;

/** One that was taken out of the line to be done together with others. Each comes to one of these. */
export interface Companion<Member> {
  readonly member: Member;
  done(): void;
  fail(error: unknown): void;
  /** Has it done by itself after all: it stands first in line again. */
  stepBack(): void;
  /** Has it done by itself at once, beside the line. */
  goAhead(): void;
}

interface Place<Member> {
  readonly alone: Work;
  /** `null` for one that can only be done by itself. */
  readonly member: Member | null;
  readonly until: number;
  resolve(): void;
  reject(error: unknown): void;
  cancel(): void;
}

interface Line<Member> {
  readonly waiting: Place<Member>[];
  /** More than one when somebody lost patience. */
  underWay: number;
  /** The last that began, which is the one that the others wait for; `null` when it is done. */
  current: Work | null;
  latest: SessionRecord | null;
}

/** How many are done together at most: what is in one write fails and starts again together. */
const MOST_TOGETHER = 64;

/**
 * Lines up the conditional commits of one session within the process, so that they do not beat each other to the
 * version. Those that wait are done together, where they can be. Each is told the record that the one before it wrote, and so needs no read
 * of its own. The line saves work and is no lock: whoever waited in it for long goes ahead, so that a slow store holds up no more than its
 * own calls.
 */
export class CommitQueue<Member = never> {
  readonly #lines: Map<SessionId, Line<Member>> = new Map();
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #together: (companions: readonly Companion<Member>[]) => Promise<void>;

  /**
   * @param patienceMs how long one waits in line at most.
   * @param together does the work of several that follow each other in line, two or more, and says of each what it came to.
   */
  constructor(
    clock: Clock,
    patienceMs: number,
    together: (companions: readonly Companion<Member>[]) => Promise<void>,
  ) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
    this.#together = together;
  }

  /** How many sessions have a line. */
  get size(): number {
    return this.#lines.size;
  }

  /** Whether one who comes now would wait. */
  isBusy(id: SessionId): boolean {
    const current = this.#lines.get(id)?.current ?? null;
    return current !== null;
  }

  /** Does the work when those before it are done, and begins at once where there are none. A member may be done with others instead. */
  run(id: SessionId, alone: Work, member: Member | null = null): Promise<void> {
    const line = this.#lines.get(id) ?? this.#opened(id);
    if (line.current === null) return this.#go(id, line, alone);
    return new Promise((resolve, reject) => {
      const until = this.#clock.now() + this.#patienceMs;
      const place = { alone, member, until, resolve, reject, cancel: nothing };
      line.waiting.push(place);
      this.#awaitTurn(id, line, place);
    });
  }

  /** The record as the last one in line left it, as far as this process knows. */
  latest(id: SessionId): SessionRecord | null {
    return this.#lines.get(id)?.latest ?? null;
  }

  note(record: SessionRecord): void {
    const line = this.#lines.get(record.id);
    if (line !== undefined) line.latest = record;
  }

  #opened(id: SessionId): Line<Member> {
    const line: Line<Member> = { waiting: [], underWay: 0, current: null, latest: null };
    this.#lines.set(id, line);
    return line;
  }

  #awaitTurn(id: SessionId, line: Line<Member>, place: Place<Member>): void {
    const left = Math.max(0, place.until - this.#clock.now());
    place.cancel = this.#clock.after(left, () => this.#begin(id, line, place));
  }

  async #go(id: SessionId, line: Line<Member>, work: Work): Promise<void> {
    line.underWay += 1;
    line.current = work;
    try {
      await work();
    } finally {
      line.underWay -= 1;
      if (line.current === work || line.current === null) this.#next(id, line);
    }
  }

  #next(id: SessionId, line: Line<Member>): void {
    line.current = null;
    const [first] = line.waiting;
    if (first !== undefined) this.#begin(id, line, first);
    else if (line.underWay === 0) this.#lines.delete(id);
  }

  /** Begins with one that waits, and with those right behind it that can be done together with it. */
  #begin(id: SessionId, line: Line<Member>, first: Place<Member>): void {
    const index = line.waiting.indexOf(first);
    let end = index + 1;
    while (first.member !== null && end - index < MOST_TOGETHER && canJoin(line.waiting[end])) end += 1;
    const places = line.waiting.splice(index, end - index);
    for (const place of places) place.cancel();
    if (places.length === 1) return void this.#go(id, line, first.alone).then(first.resolve, first.reject);
    let back = 0;
    const stepBack = (place: Place<Member>): void => {
      line.waiting.splice(back, 0, place);
      back += 1;
      this.#awaitTurn(id, line, place);
    };
    const companions = places.map((place) => companion(place, () => stepBack({ ...place, member: null })));
    this.#go(id, line, () => this.#together(companions)).catch((error: unknown) => {
      for (const place of places) place.reject(error);
    });
  }
}

function companion<Member>(place: Place<Member>, stepBack: () => void): Companion<Member> {
  const { member, alone, resolve, reject } = place;
  return {
    member: member as Member,
    done: resolve,
    fail: reject,
    stepBack,
    goAhead: () => void alone().then(resolve, reject),
  };
}

function canJoin(place: Place<unknown> | undefined): boolean {
  return place !== undefined && place.member !== null;
}

function nothing(): void {}
