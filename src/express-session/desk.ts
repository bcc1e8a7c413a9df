/** How many ended sessions are remembered, and so how many may end while one request is under way. */
const REMEMBERED = 10_000;

type Work = (release: () => void) => void;

/**
 * What this process knows of one store's sessions: who writes which, and which have ended. A store that can only overwrite knows neither, and
 * would let a request that began before a logout bring the session back.
 */
export class Desk {
  /** How long a store call may take, in milliseconds. */
  deadlineMs = 5000;
  /** Whether the store itself merges fields and refuses sessions that have ended. */
  merges = false;
  readonly #lines: Map<string, Work[]> = new Map();
  readonly #ended: Map<string, number> = new Map();
  #moment = 0;

  /** A number that is larger at each call: what happened before what. */
  moment(): number {
    this.#moment += 1;
    return this.#moment;
  }

  /** Does work on a session when the work before it on the same session is done: at once, within this call, where there is none. */
  inLine(sid: string, work: Work): void {
    const line = this.#lines.get(sid);
    if (line !== undefined) {
      line.push(work);
      return;
    }
    this.#lines.set(sid, []);
    this.#begin(sid, work);
  }

  /** From now on what was loaded earlier under this id is not to be written. */
  end(sid: string): void {
    this.#ended.delete(sid);
    this.#ended.set(sid, this.moment());
    if (this.#ended.size <= REMEMBERED) return;
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest);
      return;
    }
  }

  /** The session could not be ended: it goes on. */
  endFailed(sid: string): void {
    this.#ended.delete(sid);
  }

  /** Whether the session has ended since that moment. */
  hasEnded(sid: string, since: number): boolean {
    const at = this.#ended.get(sid);
    return at !== undefined && at > since;
  }

  #begin(sid: string, work: Work): void {
    let isReleased = false;
    work(() => {
      if (isReleased) return;
      isReleased = true;
      const next = this.#lines.get(sid)?.shift();
      if (next === undefined) this.#lines.delete(sid);
      else this.#begin(sid, next);
    });
  }
}

const desks = new WeakMap<object, Desk>();

/** The desk of a store, one for all middlewares that use it. */
export function deskOf(store: object): Desk {
  const present = desks.get(store);
  if (present !== undefined) return present;
  const desk = new Desk();
  desks.set(store, desk);
  return desk;
}
