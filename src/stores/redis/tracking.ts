import type { ChangeListener } from "../../core/store.ts";
import type { Keys } from "./keys.ts";
import type { Ear, Tracked } from "./router.ts";

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5000;
/** How long a connection may take until it hears: one that nobody answers on must not be the last. */
const ATTEMPT_MS = 10_000;

/** How often the connection is asked whether it is still there, and how long it may take to answer. */
const PROBE_MS = 2000;

/** Opens a connection that hears which keys are changed. */
type Begin = (beginning: string, ear: Ear) => Tracked;

/**
 * Who wants to know of changes to the records of one store. One connection hears for all of them, and is there while there is a listener;
 * when it is lost another is made, and what happened meanwhile was missed.
 */
export class Tracking {
  readonly #begin: Begin;
  readonly #keys: Keys;
  readonly #listeners = new Set<{ readonly listener: ChangeListener }>();
  #listening: Tracked | null = null;
  #hears = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(begin: Begin, keys: Keys) {
    this.#begin = begin;
    this.#keys = keys;
  }

  add(listener: ChangeListener): () => void {
    // Of its own, so that a listener that was given twice is told twice and stopped once at a time.
    const seat = { listener };
    this.#listeners.add(seat);
    if (this.#hears) tell(listener, (one) => one.hears());
    if (this.#listeners.size === 1) this.#connect();
    return () => {
      this.#listeners.delete(seat);
      if (this.#listeners.size === 0) void this.close();
    };
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const listening = this.#listening;
    this.#listening = null;
    this.#hears = false;
    this.#listeners.clear();
    await listening?.close();
  }

  #connect(): void {
    // What a connection tells that was given up by then is of no interest.
    const isCurrent = (): boolean => this.#listening === listening;
    const listening: Tracked = this.#begin(this.#keys.records, {
      hears: () => void (isCurrent() && this.#heard()),
      keys: (changed) => void (isCurrent() && this.#changed(changed)),
      lost: () => void (isCurrent() && this.#lost()),
    });
    this.#listening = listening;
    this.#after(ATTEMPT_MS, () => this.#lost());
  }

  #heard(): void {
    clearTimeout(this.#timer);
    this.#failures = 0;
    this.#hears = true;
    this.#tellAll((listener) => listener.hears());
    this.#probe();
  }

  /** A network that forgets a connection tells nobody, and one that only hears would be silent for ever. */
  #probe(): void {
    const probed = this.#listening;
    let isAnswered = false;
    const judged = (): void => {
      if (this.#listening !== probed) return;
      if (isAnswered) this.#probe();
      else this.#lost();
    };
    // After what came meanwhile was read: this process may have been busy itself.
    this.#after(PROBE_MS, () => setImmediate(judged));
    // A rejection is told as a loss, too.
    probed?.answers().then(
      () => (isAnswered = true),
      () => undefined,
    );
  }

  #lost(): void {
    void this.#listening?.close();
    this.#listening = null;
    if (this.#hears) this.#tellAll((listener) => listener.deaf());
    this.#hears = false;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures += 1;
    this.#after(pause, () => this.#connect());
  }

  #changed(keys: readonly string[] | null): void {
    // Flushed: nothing that was read is there any more.
    if (keys === null) return this.#tellAll((listener) => listener.hears());
    for (const key of keys) {
      const id = this.#keys.idOf(key);
      if (id !== null) this.#tellAll((listener) => listener.changed(id));
    }
  }

  #after(ms: number, action: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, ms);
    this.#timer.unref();
  }

  #tellAll(word: (listener: ChangeListener) => void): void {
    for (const { listener } of this.#listeners) tell(listener, word);
  }
}

function tell(listener: ChangeListener, word: (listener: ChangeListener) => void): void {
  try {
    word(listener);
  } catch {
    // A listener's own trouble, which must not be the others' nor end the connection.
  }
}
