import type { SessionId } from "../../core/record.ts";
import type { Listening } from "./router.ts";
import type { Transport } from "./transport.ts";

type Listener = (id: SessionId) => void;

/** The listeners of one store, all on one connection, which is there while there is a listener. */
export class Subscription {
  readonly #transport: Transport;
  readonly #channel: string;
  readonly #listeners = new Set<{ readonly listener: Listener }>();
  #listening: Listening | null = null;

  constructor(transport: Transport, channel: string) {
    this.#transport = transport;
    this.#channel = channel;
  }

  add(listener: Listener): () => void {
    // Of its own, so that a listener that was given twice is called twice and stopped once at a time.
    const seat = { listener };
    this.#listeners.add(seat);
    this.#listening ??= this.#transport.listen(this.#channel, (message) => this.#tell(message as SessionId));
    return () => {
      this.#listeners.delete(seat);
      if (this.#listeners.size === 0) void this.close();
    };
  }

  async close(): Promise<void> {
    const listening = this.#listening;
    this.#listening = null;
    this.#listeners.clear();
    await listening?.close();
  }

  #tell(id: SessionId): void {
    for (const { listener } of this.#listeners) {
      try {
        listener(id);
      } catch {
        // A listener's own trouble, which must not be the others' nor end the connection.
      }
    }
  }
}
