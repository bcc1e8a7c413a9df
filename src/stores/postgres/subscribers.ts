import { SessionError } from "../../core/errors.ts";
import type { SessionId } from "../../core/record.ts";
import type { Call, ChangeListener } from "../../core/store.ts";
import type { Driver, Ear, Listening } from "./driver.ts";
import { CHANGE } from "./statements.ts";
import { inTime, requireTime } from "./waiting.ts";

/** How long a subscriber that came before any setup lets the listening begin. */
const BEGINNING_MS = 10_000;
/** How long to wait before it is tried again, for those who would otherwise never hear. */
const AGAIN_MS = 1000;

/** Who wants to know of deletions, and of changes. One connection listens for all of them, from the first call on until `close`. */
export class Subscribers {
  readonly #driver: Driver;
  readonly #channel: string;
  readonly #listeners = new Set<(id: SessionId) => void>();
  readonly #trackers = new Set<{ readonly tracker: ChangeListener }>();
  #listening: Promise<Listening> | null = null;
  #retry: NodeJS.Timeout | undefined;
  #hears = false;
  #closed = false;

  constructor(driver: Driver, channel: string) {
    this.#driver = driver;
    this.#channel = channel;
  }

  /** Resolves once deletions are heard. After a failure the next call tries again. */
  async start(call: Call): Promise<void> {
    if (this.#closed) throw new SessionError("ERR_SESSION_USE", "This PostgreSQL store was closed.");
    requireTime(call);
    // What another began is waited for no longer than this call may take.
    await inTime((this.#listening ??= this.#begun(call)), call, () => {});
  }

  #begun(call: Call): Promise<Listening> {
    const listening = this.#driver.listen(this.#channel, this.#ear, call);
    listening.catch(() => (this.#listening = null));
    return listening;
  }

  add(listener: (id: SessionId) => void): () => void {
    // Where setup was left out the first subscriber begins. What fails here fails again, and is told, at the next setup.
    this.start(beginning()).catch(() => undefined);
    // A wrapper of its own, so that one function subscribed twice is stopped once at a time.
    const own = (id: SessionId): void => listener(id);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Tells of changes as well, and of when some may have been missed. */
  track(tracker: ChangeListener): () => void {
    // Of its own, for the same reason.
    const seat = { tracker };
    this.#trackers.add(seat);
    if (this.#hears) attempt(() => tracker.hears());
    this.#keepTrying();
    return () => void this.#trackers.delete(seat);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#listeners.clear();
    this.#trackers.clear();
    const listening = await this.#listening?.catch(() => null);
    this.#listening = null;
    await listening?.stop();
  }

  /** Nothing is kept by trackers until they hear, and no setup may ever come to try again. */
  #keepTrying(): void {
    clearTimeout(this.#retry);
    if (this.#closed || this.#trackers.size === 0) return;
    this.start(beginning()).catch(() => {
      this.#retry = setTimeout(() => this.#keepTrying(), AGAIN_MS);
      this.#retry.unref();
    });
  }

  readonly #ear: Ear = {
    heard: (payload) => {
      const isChange = payload.startsWith(CHANGE);
      const id = (isChange ? payload.slice(CHANGE.length) : payload) as SessionId;
      this.#tellTrackers((tracker) => tracker.changed(id));
      // The session is gone already: a listener's failure is not the deletion's, nor the other listeners'.
      if (!isChange) for (const listener of this.#listeners) attempt(() => listener(id));
    },
    begins: () => {
      this.#hears = true;
      this.#tellTrackers((tracker) => tracker.hears());
    },
    lost: () => {
      this.#hears = false;
      this.#tellTrackers((tracker) => tracker.deaf());
    },
  };

  #tellTrackers(word: (tracker: ChangeListener) => void): void {
    for (const { tracker } of this.#trackers) attempt(() => word(tracker));
  }
}

function beginning(): Call {
  return { signal: AbortSignal.timeout(BEGINNING_MS) };
}

function attempt(word: () => void): void {
  try {
    word();
  } catch {
    // A listener's own trouble.
  }
}
