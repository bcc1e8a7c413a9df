import type { Clock } from "./clock.ts";
import { SessionError } from "./errors.ts";
import type { Events } from "./events.ts";
import type { Gate } from "./gate.ts";
import { userLabel } from "./labels.ts";
import { type Lifetime, longestLife } from "./lifetime.ts";
import { hasEnded } from "./lock.ts";
import { changeMark, isMark } from "./mark-record.ts";
import type { SessionId, SessionRecord } from "./record.ts";
import { asTexts, MARK, reservedValue } from "./reserved.ts";
import { markId } from "./token.ts";

/** How many sessions a user may have at a time, and what happens at the login that would be one too many. */
export interface ConcurrencyOptions {
  /** From 1 to 1000. */
  readonly max: number;
  /** `"refuse"` the login, `"end-oldest"` session, the one created first, or `"end-idlest"`, the one used longest ago. */
  readonly onExceed: "refuse" | "end-oldest" | "end-idlest";
}

/**
 * Keeps users to their number of sessions. A mark for each user lists the sessions that have a seat, and logins take theirs one after
 * the other, wherever they run: counting alone would let two parallel logins both find a place. A session has its seat before
 * its client has the token, so that never more can be used than there are seats.
 */
export class Seats {
  readonly #gate: Gate;
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #rule: ConcurrencyOptions;
  readonly #lifetime: Lifetime;

  constructor(gate: Gate, clock: Clock, events: Events, rule: ConcurrencyOptions, lifetime: Lifetime) {
    this.#gate = gate;
    this.#clock = clock;
    this.#events = events;
    this.#rule = rule;
    this.#lifetime = lifetime;
  }

  /**
   * Takes a seat for a session whose login is stored, ending others where the policy says so.
   *
   * @throws `ERR_SESSION_TOO_MANY` where it says to refuse; `ERR_SESSION_STORE_UNAVAILABLE` when the store cannot say.
   */
  async take(user: string, id: SessionId, address: string | null): Promise<void> {
    // A list is kept for as long as any session on it can live.
    const lifeMs = longestLife(this.#lifetime);
    await changeMark(this.#gate, markId(markName(user)), this.#clock.now(), lifeMs, async (stored) => {
      const seated = asTexts(stored) as SessionId[];
      // A user who logs in to the session they have takes no other seat.
      if (seated.includes(id)) return undefined;
      return [...(seated.length < this.#rule.max ? seated : await this.#freed(user, seated, address)), id];
    });
  }

  /**
   * Refuses a login that finds no seat, where the policy is to refuse, before anything of it is written: what the visitor had before
   * is kept. Logins that run in parallel are told by `take`.
   *
   * @throws as `take`.
   */
  async demand(user: string, id: SessionId | null): Promise<void> {
    if (this.#rule.onExceed !== "refuse") return;
    const mark = await this.#gate.read(markId(markName(user)));
    const seated = mark === null ? [] : (asTexts(reservedValue(mark.fields, MARK)) as SessionId[]);
    const hasSeat = id !== null && seated.includes(id);
    if (seated.length >= this.#rule.max && !hasSeat) await this.#freed(user, seated, null);
  }

  /** The sessions that keep their seats when one more has to be found. Ends others before it is given away. */
  async #freed(user: string, seated: readonly SessionId[], address: string | null): Promise<SessionId[]> {
    const records = await Promise.all(seated.map(async (id) => await this.#gate.read(id)));
    const live = records.filter((record) => record !== null).filter((record) => this.#isOf(user, record));
    const surplus = live.length - this.#rule.max + 1;
    if (surplus <= 0) return live.map(({ id }) => id);
    if (this.#rule.onExceed === "refuse") {
      throw new SessionError(
        "ERR_SESSION_TOO_MANY",
        `The user has ${live.length} sessions, and concurrency allows ${this.#rule.max}. End one of them first.`,
      );
    }
    const time = this.#rule.onExceed === "end-oldest" ? "createdAt" : "accessedAt";
    const ordered = live.toSorted((one, other) => one[time] - other[time]);
    for (const { id } of ordered.slice(0, surplus)) await this.#end(user, id, address);
    return ordered.slice(surplus).map(({ id }) => id);
  }

  async #end(user: string, id: SessionId, address: string | null): Promise<void> {
    const outcome = await this.#gate.delete(id, { label: userLabel(user) });
    if (outcome === "done") this.#events.emit("ended", { id, user, reason: "exceeded", address });
  }

  #isOf(user: string, record: SessionRecord): boolean {
    const isLive = !isMark(record) && !hasEnded(record, this.#lifetime, this.#clock.now());
    return isLive && record.labels.includes(userLabel(user));
  }
}

function markName(user: string): string {
  return `seats, ${userLabel(user)}`;
}
