import type { Clock } from "./clock.ts";
import { type Duration, milliseconds } from "./duration.ts";
import { SessionError } from "./errors.ts";
import type { Gate } from "./gate.ts";
import { changeMark, isMark } from "./mark-record.ts";
import { randomText } from "./platform.ts";
import { isRecord, MARK, reservedValue } from "./reserved.ts";
import { markId } from "./token.ts";

/** How long work may be under way before whoever asks next takes its process for dead. */
const WORK_MS = 30_000;

/** A deed that is done, or under way by the call of that name. */
interface Deed {
  readonly by: string;
  readonly done: boolean;
}

/**
 * Deeds that are done once among all processes that share a store, each a mark under its key. Work is announced first and marked done
 * last: a process that dies between the two, or cannot reach the store, leaves an announcement that lapses.
 */
export class Once {
  readonly #gate: Gate;
  readonly #clock: Clock;

  constructor(gate: Gate, clock: Clock) {
    this.#gate = gate;
    this.#clock = clock;
  }

  async run(key: string, ttl: Duration, work: (() => unknown) | undefined): Promise<boolean> {
    if (typeof key !== "string" || key === "")
      throw new SessionError("ERR_SESSION_USE", "once needs a key, a text that is not empty.");
    const lifeMs = milliseconds(ttl, "ttl", "ERR_SESSION_USE");
    const name = `once, ${key}`;
    const by = randomText(9);
    if (work === undefined) return await this.#claimed(name, { by, done: true }, lifeMs);
    try {
      // The announcement may be stored although its answer was lost.
      if (!(await this.#claimed(name, { by, done: false }, WORK_MS))) return false;
      await work();
    } catch (error) {
      // Where this fails too, the announcement lapses by itself.
      await this.#withdraw(name, by).catch(() => undefined);
      throw error;
    }
    await this.#change(name, lifeMs, () => ({ by, done: true }));
    return true;
  }

  /** Tells whether the key was free. @throws `ERR_SESSION_CONFLICT` when another call's work is under way. */
  async #claimed(name: string, deed: Deed, lifeMs: number): Promise<boolean> {
    let free = true;
    await this.#change(name, lifeMs, (stored) => {
      const other = deedIn(stored);
      // Written already: a client may have sent it twice.
      free = other === null || other.by === deed.by;
      if (free) return other === null ? deed : undefined;
      if (other?.done === false) throw underWay();
      return undefined;
    });
    return free;
  }

  #change(name: string, lifeMs: number, change: (stored: unknown) => unknown): Promise<void> {
    return changeMark(this.#gate, markId(name), this.#clock.now(), lifeMs, change);
  }

  async #withdraw(name: string, by: string): Promise<void> {
    const id = markId(name);
    const mark = await this.#gate.read(id);
    if (mark === null || !isMark(mark) || deedIn(reservedValue(mark.fields, MARK))?.by !== by) return;
    await this.#gate.delete(id, { ifVersion: mark.version });
  }
}

function deedIn(stored: unknown): Deed | null {
  return isRecord(stored) ? { by: String(stored["by"]), done: stored["done"] === true } : null;
}

function underWay(): SessionError {
  return new SessionError("ERR_SESSION_CONFLICT", "Another call is doing this at the moment. Try again.");
}
