import { SessionError } from "../../core/errors.ts";
import type { SessionId } from "../../core/record.ts";
import type { Call } from "../../core/store.ts";
import type { Driver, Listening } from "./driver.ts";
import { inTime, requireTime } from "./waiting.ts";

/** How long a subscriber that came before any setup lets the listening begin. */
const BEGINNING_MS = 10_000;

/** Who wants to know of deletions. One connection listens for all of them, from the first call on until `close`. */
export class Subscribers {
  readonly #driver: Driver;
  readonly #channel: string;
  readonly #listeners = new Set<(id: SessionId) => void>();
  #listening: Promise<Listening> | null = null;
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
    const listening = this.#driver.listen(this.#channel, this.#tell, call);
    listening.catch(() => (this.#listening = null));
    return listening;
  }

  add(listener: (id: SessionId) => void): () => void {
    // Where setup was left out the first subscriber begins. What fails here fails again, and is told, at the next setup.
    this.start({ signal: AbortSignal.timeout(BEGINNING_MS) }).catch(() => undefined);
    // A wrapper of its own, so that one function subscribed twice is stopped once at a time.
    const own = (id: SessionId): void => listener(id);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    const listening = await this.#listening?.catch(() => null);
    this.#listening = null;
    await listening?.stop();
  }

  readonly #tell = (id: string): void => {
    for (const listener of this.#listeners) {
      try {
        listener(id as SessionId);
      } catch {
        // The session is gone already: a listener's failure is not the deletion's, nor the other listeners'.
      }
    }
  };
}
