import type { SessionId } from "../../core/record.ts";
import type { Call, SessionChange } from "../../core/store.ts";
import { type Carrier, placesOn } from "./gather.ts";
import { Load, Occupied } from "./occupied.ts";
import type { Row } from "./rows.ts";
import type { Sender } from "./sender.ts";
import type { Statements } from "./statements.ts";
import { changesValue, updateValues, type Value } from "./values.ts";
import type { Journey } from "./waiting.ts";

/** A touch, or a change of fields, on its way. */
export interface Write {
  readonly id: SessionId;
  readonly kind: "touch" | "change";
  /** The parameters of the statement for one. */
  readonly values: readonly Value[];
  /** What it wants, where it is a touch without a condition: such can become one with others. */
  readonly touch: Touch | null;
}

type Touch = Pick<SessionChange, "now" | "epoch" | "accessedAt" | "expiresAt">;

/** A copy, since the caller's own may change while this waits. */
export function touchOf({ now, epoch, ifVersion, accessedAt, expiresAt }: SessionChange): Touch | null {
  if (ifVersion !== undefined) return null;
  return {
    now,
    epoch,
    ...(accessedAt !== undefined && { accessedAt }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}

/**
 * Carries touches and changes of fields. What is asked of one id is under way once at a time, and so is done in the order of asking;
 * touches of one id that follow one another are one. An answer is the verdict and the version.
 */
export class Writes implements Carrier<Write, Row> {
  readonly atOnce: number;
  readonly #sender: Sender;
  readonly #statements: Statements;
  readonly #occupied = new Occupied();

  constructor(sender: Sender, statements: Statements) {
    this.atOnce = placesOn(sender.connections);
    this.#sender = sender;
    this.#statements = statements;
  }

  mayWait(write: Write): boolean {
    return write.touch !== null;
  }

  boarding(): (write: Write) => boolean {
    const aboard = new Map<SessionId, Last>();
    const load = new Load();
    const isFirst = (write: Write): boolean => {
      if (this.#occupied.has(write.id) || !load.takes(write.values)) return false;
      aboard.set(write.id, lastOf(write));
      return true;
    };
    return (write) => {
      if (!(aboard.has(write.id) ? follows(aboard, write) : isFirst(write))) return false;
      this.#occupied.enter(write.id);
      return true;
    };
  }

  landed({ id }: Write): void {
    this.#occupied.leave(id);
  }

  async together(writes: readonly Write[], journey: Journey): Promise<readonly (Row | undefined)[]> {
    const byId = new Map<SessionId, Write>();
    for (const write of writes) {
      const before = byId.get(write.id);
      byId.set(write.id, before === undefined ? write : merged(before, write));
    }
    const verdicts = await this.#sent([...byId.values()], journey);
    return writes.map(({ id }) => {
      const verdict = verdicts.get(id);
      return verdict?.[0] === "done" ? undefined : verdict;
    });
  }

  alone({ kind, values }: Write, call: Call): Promise<Row> {
    return this.#sender.judged(this.#statements[kind], values, call);
  }

  async #sent(writes: readonly Write[], journey: Journey): Promise<ReadonlyMap<Value, Row>> {
    const [only] = writes;
    if (writes.length === 1 && only !== undefined) {
      const [row = []] = await this.#sender.sendTogether(this.#statements[only.kind], only.values, journey);
      return new Map([[only.id, row]]);
    }
    const value = changesValue(writes.map(({ values }) => values));
    const rows = await this.#sender.sendTogether(this.#statements.changes, [value], journey);
    return new Map(rows.map(([id = null, ...verdict]) => [id, verdict]));
  }
}

/** What is known of the touches of one id that are in a batch. `null` where nothing can follow. */
type Last = { readonly epoch: number; readonly now: number; readonly expiresAt: number } | null;

const CLOSED = null;

function lastOf({ touch }: Write): Last {
  if (touch === null) return CLOSED;
  const { epoch, now, expiresAt = now } = touch;
  return { epoch, now, expiresAt };
}

/**
 * Tells whether a touch may come along with those of its id that are aboard: when what becomes of it is what becomes of them.
 * Where they find a record alive it is so by their leave until later than this one's clock, and where they find none neither would
 * this. Once one has to stay, whoever comes after it stays too.
 */
function follows(aboard: Map<SessionId, Last>, { id, touch }: Write): boolean {
  const last = aboard.get(id) ?? CLOSED;
  aboard.set(id, CLOSED);
  if (last === CLOSED || touch === null) return false;
  const { epoch, now, expiresAt = now } = touch;
  if (epoch !== last.epoch || now < last.now || now >= last.expiresAt) return false;
  aboard.set(id, { epoch, now, expiresAt: Math.max(expiresAt, last.expiresAt) });
  return true;
}

function merged(first: Write, second: Write): Write {
  if (first.touch === null || second.touch === null) return second;
  const touch: Touch = {
    now: first.touch.now,
    epoch: first.touch.epoch,
    ...latest("accessedAt", first.touch, second.touch),
    ...latest("expiresAt", first.touch, second.touch),
  };
  return { id: first.id, kind: "touch", values: updateValues(first.id, touch).values, touch };
}

function latest(name: "accessedAt" | "expiresAt", one: Touch, other: Touch): Partial<Touch> {
  const times = [one[name], other[name]].filter((time) => time !== undefined);
  return times.length === 0 ? {} : { [name]: Math.max(...times) };
}
