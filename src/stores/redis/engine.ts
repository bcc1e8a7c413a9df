import type { Call } from "../../core/store.ts";
import { isPassing, isRefused, isUnknownScript } from "./failure.ts";
import type { Script } from "./scripts.ts";
import { pause } from "./late.ts";
import type { Transport } from "./transport.ts";

/** How many replicas are to have a write before it is acknowledged, and how long to wait for them. */
export interface ReplicaDemand {
  readonly count: number;
  readonly withinMs: number;
}

/** Sends commands and scripts, and goes on until the deadline where that can do no harm. */
export class Engine {
  readonly #transport: Transport;
  readonly #replicas: ReplicaDemand | null;

  constructor(transport: Transport, replicas: ReplicaDemand | null) {
    this.#transport = transport;
    this.#replicas = replicas;
  }

  /** Sends a command that may be carried out twice. */
  command(key: string, command: readonly string[], call: Call): Promise<unknown> {
    const { signal } = call;
    return persisting(() => this.#transport.send(key, command, signal), isPassing, signal);
  }

  /** Runs a script that may be carried out twice. */
  repeatable(script: Script, keys: readonly string[], args: readonly string[], call: Call): Promise<unknown> {
    const { signal } = call;
    return persisting(() => this.#run(script, keys, args, signal), isPassing, signal);
  }

  /**
   * Runs a script that must not be carried out twice: it is sent again only when the engine says that it did not run it.
   * Rejects when the demanded replicas did not confirm it in time: the primary has it then all the same.
   */
  once(script: Script, keys: readonly string[], args: readonly string[], call: Call): Promise<unknown> {
    const { signal } = call;
    return persisting(() => this.#runConfirmed(script, keys, args, signal), isRefused, signal);
  }

  #run(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    signal: AbortSignal,
  ): Promise<unknown> {
    return this.#called(script, keys, args, (command) =>
      this.#transport.send(keys[0] ?? "", command, signal),
    );
  }

  #runConfirmed(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    signal: AbortSignal,
  ): Promise<unknown> {
    const demand = this.#replicas;
    if (demand === null) return this.#run(script, keys, args, signal);
    const wait = ["WAIT", String(demand.count), String(demand.withinMs)];
    return this.#called(script, keys, args, async (command) => {
      const [reply, confirmed] = await this.#transport.sendBoth(keys[0] ?? "", [command, wait], signal);
      if (Number(confirmed) >= demand.count) return reply;
      throw new Error(
        `The primary has the write, but ${String(confirmed)} of the ${demand.count} replicas demanded confirmed it in time.`,
      );
    });
  }

  /** By its hash, and once more by its text where the engine does not know the hash. */
  async #called(
    { sha, text }: Script,
    keys: readonly string[],
    args: readonly string[],
    send: (command: readonly string[]) => Promise<unknown>,
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await send(["EVALSHA", sha, ...rest]);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return await send(["EVAL", text, ...rest]);
    }
  }
}

const LONGEST_MS = 100;

async function persisting<T>(
  attempt: () => Promise<T>,
  mayRepeat: (error: unknown) => boolean,
  signal: AbortSignal,
): Promise<T> {
  for (let count = 0; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted || !mayRepeat(error)) throw error;
    }
    // Random, so that the calls of all processes do not come back together.
    await pause(5 + Math.random() * Math.min(10 * 2 ** count, LONGEST_MS), signal);
  }
}
