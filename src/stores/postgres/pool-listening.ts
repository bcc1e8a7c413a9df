import type { Call } from "../../core/store.ts";
import type { PgPool, PgPoolClient } from "./clients.ts";
import type { Ear, Listening } from "./driver.ts";
import { quoted } from "./names.ts";
import { payloadFor } from "./pg-query.ts";
import { answered, inTime, requireTime } from "./waiting.ts";

const LONGEST_PAUSE_MS = 5000;
/** How long one attempt to listen again may take: a connection that nobody answers on must not be the last. */
const ATTEMPT_MS = 10_000;

/** Holds one connection of a pool and listens on it; after it is lost, on another. */
export class PoolListening implements Listening {
  readonly #pool: PgPool;
  readonly #channel: string;
  readonly #ear: Ear;
  #client: PgPoolClient | null = null;
  #stopped = false;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;

  constructor(pool: PgPool, channel: string, ear: Ear) {
    this.#pool = pool;
    this.#channel = channel;
    this.#ear = ear;
  }

  async start(call: Call): Promise<void> {
    try {
      await this.#listen(call);
    } catch (error) {
      // A connection lost meanwhile has begun to be made anew, for a listener that nobody knows of.
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#drop();
  }

  async #listen(call: Call): Promise<void> {
    requireTime(call);
    const client = await inTime(this.#pool.connect(), call, (late) => late.release());
    if (this.#stopped) return client.release();
    this.#client = client;
    client.on("error", this.#lost);
    client.on("end", this.#lost);
    client.on("notification", this.#notified);
    try {
      await answered(client.query({ text: `LISTEN ${quoted(this.#channel)}` }), call, () => {});
      this.#failures = 0;
    } catch (error) {
      this.#drop();
      throw error;
    }
    if (this.#stopped) this.#drop();
    // Unless it was lost in the same turn.
    else if (this.#client === client) this.#ear.begins();
  }

  readonly #notified = (message: unknown): void =>
    payloadFor(this.#channel, message, (payload) => this.#ear.heard(payload));

  readonly #lost = (): void => {
    this.#drop();
    this.#ear.lost();
    this.#again();
  };

  #again(): void {
    if (this.#stopped) return;
    clearTimeout(this.#retry);
    const pause = Math.min(50 * 2 ** this.#failures++, LONGEST_PAUSE_MS);
    this.#retry = setTimeout(() => {
      this.#listen({ signal: AbortSignal.timeout(ATTEMPT_MS) }).catch(() => this.#again());
    }, pause);
    this.#retry.unref();
  }

  /** Closes the connection: one that listens must not come to somebody else. */
  #drop(): void {
    const client = this.#client;
    if (client === null) return;
    this.#client = null;
    client.removeListener("end", this.#lost);
    client.removeListener("notification", this.#notified);
    client.removeListener("error", this.#lost);
    client.release(true);
  }
}
