import type { Call } from "../../core/store.ts";
import {
  isPassing,
  isRefused,
  isUnknownScript,
  joinedMulti,
  Unconfirmed,
  wrongTypeAsNothing,
} from "./failure.ts";
import { itself } from "./replies.ts";
import type { Script } from "./scripts.ts";
import { isLate, pause } from "./late.ts";
import type { Transport } from "./transport.ts";

/** How many replicas are to have a write before it is acknowledged, and how long to wait for them. */
export interface ReplicaDemand {
  readonly count: number;
  readonly withinMs: number;
}

type Send = (command: readonly string[]) => Promise<unknown>;

/** The most keys of which it is remembered that replicas did not confirm a write. */
const MOST_DOUBTS = 10_000;

/** Sends commands and scripts, and goes on until the deadline where that can do no harm. */
export class Engine {
  readonly #transport: Transport;
  readonly #replicas: ReplicaDemand | null;
  /** Keys with a write that the replicas did not confirm: what is read of them could be lost. */
  readonly #doubtful = new Set<string>();

  constructor(transport: Transport, replicas: ReplicaDemand | null) {
    this.#transport = transport;
    this.#replicas = replicas;
  }

  /** Whether the client may send a command again by itself without {@link losses} telling. */
  get resends(): boolean {
    return this.#transport.resends;
  }

  /** Whether what is not of one partition can be written in one step. */
  get joins(): boolean {
    return !this.#transport.cluster;
  }

  /** Grows whenever the client may have sent again by itself what was under way. */
  get losses(): number {
    return this.#transport.losses;
  }

  /** Sends a command that may be carried out twice. */
  command(key: string, command: readonly string[], call: Call): Promise<unknown> {
    const send = this.#reading(key, call);
    return persisting(() => send(command), isPassing, call, itself);
  }

  /** Sends a command that reads one hash, and makes of its reply what `read` does; of `null` where the key holds something else. */
  hash<T>(key: string, command: readonly string[], call: Call, read: (reply: unknown) => T): Promise<T> {
    const send = this.#reading(key, call);
    return persisting(
      () => send(command),
      isPassing,
      call,
      read,
      (error) => read(wrongTypeAsNothing(error)),
    );
  }

  /** Runs a script that changes nothing. */
  look(script: Script, keys: readonly string[], call: Call): Promise<unknown> {
    const send = this.#plain(keys[0] ?? "", call);
    return persisting(calling(script, keys, [], send), isPassing, call, itself);
  }

  /** Runs a script that may be carried out twice. */
  repeatable(script: Script, keys: readonly string[], args: readonly string[], call: Call): Promise<unknown> {
    const send = this.#writing(keys, call);
    return persisting(calling(script, keys, args, send), isPassing, call, itself);
  }

  /**
   * Runs a script that must not be carried out twice: it is sent again only when the engine says that it did not run it.
   * Rejects when the demanded replicas did not confirm it in time: the primary has it then all the same, and until they do,
   * commands on these keys reject too, so that nobody takes what is read there for acknowledged. `read` makes what it resolves with.
   */
  once<T>(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    call: Call,
    read: (reply: unknown) => T,
  ): Promise<T> {
    const send = this.#writing(keys, call);
    return persisting(calling(script, keys, args, send), isRefused, call, read);
  }

  #reading(key: string, call: Call): Send {
    const doubts = this.#doubtful.size > 0 && this.#doubtful.has(key);
    return doubts ? this.#confirmed([key], call) : this.#plain(key, call);
  }

  #writing(keys: readonly string[], call: Call): Send {
    return this.#replicas === null ? this.#plain(keys[0] ?? "", call) : this.#confirmed(keys, call);
  }

  #plain(key: string, call: Call): Send {
    return (command) => this.#transport.send(key, command, call);
  }

  /** `WAIT` behind a command on its connection waits for all that the primary had written by then. */
  #confirmed(keys: readonly string[], call: Call): Send {
    const { count, withinMs } = this.#replicas ?? { count: 0, withinMs: 0 };
    const wait = ["WAIT", String(count), String(withinMs)];
    return async (command) => {
      const both = this.#transport.sendBoth(keys[0] ?? "", [command, wait], call);
      const [reply, confirmed] = await both.catch((error: unknown) => {
        // The primary may have it, and nobody confirmed it.
        if (!isRefused(error) && !isUnknownScript(error)) for (const key of keys) this.#doubt(key);
        throw error;
      });
      if (Number(confirmed) >= count) {
        for (const key of keys) this.#doubtful.delete(key);
        return reply;
      }
      for (const key of keys) this.#doubt(key);
      throw new Unconfirmed(
        `The primary has it, but ${String(confirmed)} of the ${count} replicas demanded confirmed it in time.`,
      );
    };
  }

  #doubt(key: string): void {
    this.#doubtful.add(key);
    const [oldest] = this.#doubtful;
    if (this.#doubtful.size > MOST_DOUBTS && oldest !== undefined) this.#doubtful.delete(oldest);
  }
}

/** Calls a script by its hash, and by its text once the engine has said that it does not know the hash. */
function calling(
  { sha, text }: Script,
  keys: readonly string[],
  args: readonly string[],
  send: Send,
): Attempt {
  const count = String(keys.length);
  return (before) =>
    isUnknownScript(before)
      ? send(["EVAL", text, count, ...keys, ...args])
      : send(["EVALSHA", sha, count, ...keys, ...args]);
}

/** One sending. It is told why the one before it failed; `null` the first time. */
type Attempt = (before: unknown) => Promise<unknown>;

const LONGEST_MS = 100;

/** Not an async function, and what it reads of the reply is read here, for nearly all succeed at once, and each step more is a promise. */
function persisting<T>(
  attempt: Attempt,
  mayRepeat: (error: unknown) => boolean,
  call: Call,
  read: (reply: unknown) => T,
  failed: (error: unknown) => T = thrown,
  count = 0,
  before: unknown = null,
): Promise<T> {
  return attempt(before).then(
    (reply) => read(reply === "QUEUED" ? throwJoined() : reply),
    async (error: unknown) => {
      if (before === null && isUnknownScript(error))
        return await persisting(attempt, mayRepeat, call, read, failed, count, error);
      if (isLate(call) || !mayRepeat(error)) return failed(error);
      // Random, so that the calls of all processes do not come back together.
      await pause(5 + Math.random() * Math.min(10 * 2 ** count, LONGEST_MS), call);
      return await persisting(attempt, mayRepeat, call, read, failed, count + 1);
    },
  );
}

function thrown(error: unknown): never {
  throw error;
}

function throwJoined(): never {
  throw joinedMulti();
}
