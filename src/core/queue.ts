import { type Answer, atOnce } from "./answer.ts";
import type { Clock } from "./clock.ts";
import { contextOfNow } from "./platform.ts";
import type { SessionId, SessionRecord } from "./record.ts";
import { unknownOutcome } from "./refusals.ts";

type Work = () => Answer<void>;

/** One that was taken out of the line to be done together with others. Each comes to one of these. */
export interface Companion<Member> {
  readonly member: Member;
  /** Calls a function as its own request would: what handlers keep in an `AsyncLocalStorage` is that of their request. */
  within<T>(work: () => T): T;
  done(): void;
  fail(error: unknown): void;
  /** Has it done by itself after all: it stands first in line again. */
  stepBack(): void;
  /** Has it done by itself at once, beside the line. */
  goAhead(): void;
}

/** What one in line is told. With its turn it is told whom it takes along, itself the first of them. */
type News<Member> = "done" | "ahead" | readonly Place<Member>[];

class Place<Member> {
  /** `null` for one that can only be done by itself. */
  member: Member | null;
  /** Its patience is over. */
  late: boolean = false;
  news!: Promise<News<Member>>;
  tell!: (news: News<Member>) => void;
  fail!: (error: unknown) => void;
  readonly within: <T>(work: () => T) => T = contextOfNow();

  constructor(member: Member | null) {
    this.member = member;
    this.listen();
  }

  listen(): void {
    this.news = new Promise((resolve, reject) => {
      this.tell = resolve;
      this.fail = reject;
    });
    // Who does the work of several hears of its own when that is over.
    this.news.catch(nothing);
  }
}

interface Line<Member> {
  readonly waiting: Place<Member>[];
  /** More than one when somebody lost patience. */
  underWay: number;
  /** The last that began, which is the one that the others wait for; `null` when it is done. */
  current: object | null;
  latest: SessionRecord | null;
}

export interface QueueRules<Member> {
  /** How long one waits in line at most. */
  readonly patienceMs: number;
  /** How long one that was taken along waits, after that, for what it came to: longer than it can take, unless nobody does it any more. */
  readonly togetherMs: number;
  /** Does the work of several that follow each other in line, two or more, and says of each what it came to. */
  together(companions: readonly Companion<Member>[]): Promise<void>;
  /** Nobody will say what one came to. */
  lost(member: Member): void;
}

/** Rules of a line in which each is done by itself. */
export function eachAlone(patienceMs: number): QueueRules<never> {
  return { patienceMs, togetherMs: patienceMs, together: () => Promise.resolve(), lost: nothing };
}

/** How many are done together at most: what is in one write fails and starts again together. */
const MOST_TOGETHER = 64;

/**
 * Lines up the conditional commits of one session within the process, so that they do not beat each other to the
 * version. Those that wait are done together, where they can be. Each is told the record that the one before it wrote, and so needs no read
 * of its own. The line saves work and is no lock: whoever waited in it for long goes ahead, so that a slow store holds up no more than its
 * own calls. Each goes on by itself when its turn has come: a platform may end the work of a request with it, and others' that it does.
 */
export class CommitQueue<Member = never> {
  readonly #lines: Map<SessionId, Line<Member>> = new Map();
  readonly #clock: Clock;
  readonly #rules: QueueRules<Member>;

  constructor(clock: Clock, rules: QueueRules<Member>) {
    this.#clock = clock;
    this.#rules = rules;
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
  run(id: SessionId, alone: Work, member: Member | null = null): Answer<void> {
    const line = this.#lines.get(id) ?? this.#opened(id);
    if (line.current !== null) return this.#stand(id, line, alone, member);
    begin(line, alone);
    const working = atOnce(alone);
    if (working instanceof Promise) return this.#follow(id, line, alone, working);
    this.#leave(id, line, alone);
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

  async #follow(id: SessionId, line: Line<Member>, turn: object, working: Promise<void>): Promise<void> {
    try {
      await working;
    } finally {
      this.#leave(id, line, turn);
    }
  }

  #leave(id: SessionId, line: Line<Member>, turn: object): void {
    line.underWay -= 1;
    if (line.current === turn || line.current === null) this.#next(id, line);
  }

  #next(id: SessionId, line: Line<Member>): void {
    line.current = null;
    const [first] = line.waiting;
    if (first !== undefined) giveTurn(line, first);
    else if (line.underWay === 0) this.#lines.delete(id);
  }

  async #stand(id: SessionId, line: Line<Member>, alone: Work, member: Member | null): Promise<void> {
    const place = new Place<Member>(member);
    line.waiting.push(place);
    const { patienceMs, togetherMs } = this.#rules;
    let cancel = this.#clock.after(patienceMs, () => {
      place.late = true;
      cancel = this.#clock.after(togetherMs, () => this.#lose(place));
      if (line.waiting.includes(place)) giveTurn(line, place);
    });
    try {
      await this.#wait(id, line, place, alone);
    } finally {
      cancel();
    }
  }

  async #wait(id: SessionId, line: Line<Member>, place: Place<Member>, alone: Work): Promise<void> {
    for (;;) {
      const news = await place.news;
      if (news === "done") return;
      if (news === "ahead") return await alone();
      if (news.length === 1) {
        // Its own work tells it what it came to, however long that takes.
        place.member = null;
        return await this.#follow(id, line, place, Promise.resolve(atOnce(alone)));
      }
      place.listen();
      await this.#follow(id, line, place, this.#together(line, news));
    }
  }

  async #together(line: Line<Member>, places: readonly Place<Member>[]): Promise<void> {
    try {
      await this.#rules.together(companionsOf(line, places));
    } catch (error) {
      for (const place of places) place.fail(error);
    }
  }

  /** A platform that ends the work of a request with it has ended that of the one who took this one along. */
  #lose(place: Place<Member>): void {
    const { member } = place;
    if (member !== null) this.#rules.lost(member);
    place.fail(unknownOutcome(null));
  }
}

/** Lets one begin, and those right behind it with it that can be done together with it. */
function giveTurn<Member>(line: Line<Member>, first: Place<Member>): void {
  const index = line.waiting.indexOf(first);
  let end = index + 1;
  while (first.member !== null && end - index < MOST_TOGETHER && canJoin(line.waiting[end])) end += 1;
  begin(line, first);
  first.tell(line.waiting.splice(index, end - index));
}

function begin<Member>(line: Line<Member>, turn: object): void {
  line.underWay += 1;
  line.current = turn;
}

function canJoin(place: { readonly member: unknown } | undefined): boolean {
  return place !== undefined && place.member !== null;
}

function companionsOf<Member>(line: Line<Member>, places: readonly Place<Member>[]): Companion<Member>[] {
  let back = 0;
  return places.map((place) => ({
    member: place.member as Member,
    within: place.within,
    done: () => place.tell("done"),
    fail: place.fail,
    stepBack: () => {
      place.member = null;
      if (place.late) return place.tell("ahead");
      line.waiting.splice(back, 0, place);
      back += 1;
    },
    goAhead: () => {
      place.member = null;
      place.tell("ahead");
    },
  }));
}

function nothing(): void {}
