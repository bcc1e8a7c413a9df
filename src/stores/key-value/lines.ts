import type { SessionId } from "../../core/record.ts";

/** A call that never comes back must not hold up its session for ever. */
const LONGEST_TURN_MS = 10_000;
/** How many ended sessions are remembered: as many as other processes may be writing at that moment. */
const REMEMBERED = 10_000;

interface Line {
  tail: Promise<unknown>;
  /** When the call at the head began; none is under way before that. */
  since: number;
}

/**
 * What the handles of one engine in this process share: a line for each session, in which its calls stand one after another, and which sessions
 * they ended.
 */
export class Lines {
  readonly #lines: Map<SessionId, Line> = new Map();
  readonly #ended: Map<SessionId, number> = new Map();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** How many sessions have calls under way. */
  get size(): number {
    return this.#lines.size;
  }

  /** Runs the work when the calls before it are done, or when one of them has been going on for too long. */
  async run<T>(id: SessionId, work: () => Promise<T>): Promise<T> {
    return await this.runAll([id], work);
  }

  /** Runs work on several sessions when it stands at the head of all their lines. It joins them in one go, so that no two wait for each other. */
  async runAll<T>(ids: readonly SessionId[], work: () => Promise<T>): Promise<T> {
    const lines = ids.map((id) => this.#lineOf(id));
    const turn = Promise.all(lines.map(({ tail }) => tail)).then(() => {
      for (const line of lines) line.since = this.#now();
      return work();
    });
    const tail = turn.then(nothing, nothing);
    for (const line of lines) line.tail = tail;
    try {
      return await turn;
    } finally {
      for (const [index, id] of ids.entries()) this.#leave(id, lines[index], tail);
    }
  }

  /** Remembers that a session was ended, and when that session was made: another may bear its id later. */
  noteEnd(id: SessionId, createdAt: number): void {
    this.#ended.delete(id);
    this.#ended.set(id, createdAt);
    if (this.#ended.size <= REMEMBERED) return;
    const [oldest] = this.#ended.keys();
    if (oldest !== undefined) this.#ended.delete(oldest);
  }

  noteBeginning(id: SessionId): void {
    this.#ended.delete(id);
  }

  /** Whether this very session was ended here: another process wrote it once more, not knowing. */
  isEnded(id: SessionId, createdAt: number): boolean {
    return this.#ended.get(id) === createdAt;
  }

  #leave(id: SessionId, line: Line | undefined, tail: Promise<unknown>): void {
    if (line?.tail === tail && this.#lines.get(id) === line) this.#lines.delete(id);
  }

  #lineOf(id: SessionId): Line {
    const now = this.#now();
    const present = this.#lines.get(id);
    if (present !== undefined && now - present.since <= LONGEST_TURN_MS) return present;
    const line: Line = { tail: Promise.resolve(), since: now };
    this.#lines.set(id, line);
    return line;
  }
}

const LINES = new WeakMap<object, Lines>();

/** The lines of one engine: whoever opens a store on the same object stands in the same. */
export function linesOf(engine: object): Lines {
  const known = LINES.get(engine) ?? new Lines();
  LINES.set(engine, known);
  return known;
}

function nothing(): void {}
