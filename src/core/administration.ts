import type { Clock } from "./clock.ts";
import type { Events } from "./events.ts";
import { SessionError } from "./errors.ts";
import type { Gate } from "./gate.ts";
import { checkOptionNames } from "./option-names.ts";
import { isMark } from "./mark-record.ts";
import { hasEnded } from "./lock.ts";
import type { Marks } from "./marks.ts";
import type { Lifetime } from "./lifetime.ts";
import type { SessionId, SessionRecord } from "./record.ts";
import { checkUser, labelsOf, type SessionScope, userLabel } from "./labels.ts";
import { type SessionInfo, sessionInfo } from "./session-info.ts";
import type { Page } from "./store.ts";
import { parseSessionId } from "./token.ts";

const SWEEP_BATCH = 1000;
const SCOPE = ["user", "tenant", "device", "identity", "label"] as const;

/** What administration goes by. */
export interface AdministrationRules {
  readonly sweepEveryMs: number | null;
  readonly lifetime: Lifetime;
}

/** Everything that is done to sessions from outside their own requests. */
export class Administration {
  readonly #gate: Gate;
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #marks: Marks;
  readonly #sweepEveryMs: number | null;
  readonly #lifetime: Lifetime;
  #cancelSweep: (() => void) | null = null;
  #sweeping: Promise<void> | null = null;
  #stopped = false;

  constructor(gate: Gate, clock: Clock, events: Events, marks: Marks, rules: AdministrationRules) {
    this.#gate = gate;
    this.#clock = clock;
    this.#events = events;
    this.#marks = marks;
    this.#sweepEveryMs = rules.sweepEveryMs;
    this.#lifetime = rules.lifetime;
  }

  async has(id: SessionId): Promise<boolean> {
    // It may come from a form, as in `revoke`.
    if (parseSessionId(id) === null) return false;
    const record = await this.#gate.read(id);
    return record !== null && this.#isLive(record);
  }

  /** Reads a live session; `null` for whatever names none. */
  async find(id: SessionId): Promise<SessionRecord | null> {
    const record = parseSessionId(id) === null ? null : await this.#gate.read(id);
    return record !== null && this.#isLive(record) ? record : null;
  }

  async sessionsOf(user: string): Promise<SessionInfo[]> {
    checkUser(user);
    const found: SessionInfo[] = [];
    for await (const record of pages((after) => this.#gate.listByLabel(userLabel(user), after))) {
      if (this.#isLive(record)) found.push(this.#info(record));
    }
    return found.toSorted((one, other) => other.accessedAt - one.accessedAt);
  }

  async revoke(id: SessionId, options: { readonly user?: string }): Promise<boolean> {
    const when = options.user === undefined ? {} : { label: userLabel(options.user) };
    // It may come from a form: a store is never asked for what cannot be there.
    if (parseSessionId(id) === null) return false;
    const ended = (await this.#gate.delete(id, when)) === "done";
    if (ended) this.#events.emit("revoked", { count: 1, id });
    return ended;
  }

  async revokeWhere(scope: SessionScope, except: SessionId | readonly SessionId[]): Promise<number> {
    checkOptionNames(scope, SCOPE, "revokeWhere", "ERR_SESSION_USE");
    const labels = labelsOf(scope);
    const [label, ...others] = labels;
    if (label === undefined) {
      throw new SessionError(
        "ERR_SESSION_USE",
        "revokeWhere needs a user, tenant, device, identity or label. Call revokeAll() to end every session.",
      );
    }
    this.#gate.demand("deleteByLabel");
    const spared = typeof except === "string" ? [except] : except;
    if (!Array.isArray(spared) || spared.some((id) => parseSessionId(id) === null)) {
      throw new SessionError(
        "ERR_SESSION_USE",
        "except must be a session id, such as session.id, or a list of them.",
      );
    }
    await this.#marks.raise(labels, spared);
    const count =
      others.length === 0
        ? await this.#deleteAll(label, spared)
        : await this.#deleteEach(label, others, spared);
    const { user } = scope;
    this.#events.emit("revoked", { count, labels, ...(user !== undefined && { user }) });
    return count;
  }

  /** Deletes those that bear other labels besides. */
  async #deleteEach(label: string, others: readonly string[], spared: readonly SessionId[]): Promise<number> {
    let count = 0;
    for await (const record of pages((after) => this.#gate.bareByLabel(label, after))) {
      const isMeant = others.every((other) => record.labels.includes(other)) && !spared.includes(record.id);
      if (isMeant && (await this.#gate.delete(record.id, { label })) === "done") count += 1;
    }
    return count;
  }

  /**
   * Deletes all that bear a label, over several calls where one is not enough: a store that deletes file by file, or is under
   * load, may reach its deadline on the way and has then deleted a part.
   */
  async #deleteAll(label: string, spared: readonly SessionId[]): Promise<number> {
    let left = Number.POSITIVE_INFINITY;
    for (;;) {
      try {
        return await this.#gate.deleteByLabel(label, spared);
      } catch (error) {
        const leftNow = await this.#count(label);
        if (leftNow >= left) throw error;
        left = leftNow;
      }
    }
  }

  async #count(label: string): Promise<number> {
    let count = 0;
    for await (const _record of pages((after) => this.#gate.bareByLabel(label, after))) count += 1;
    return count;
  }

  async revokeAll(): Promise<number> {
    this.#gate.demand("all");
    await this.#marks.raise([], []);
    let count = 0;
    for await (const record of pages((after) => this.#gate.bareAll(after))) {
      // One that began meanwhile goes too: its time says little, for clocks of machines differ.
      if (isMark(record)) continue;
      if ((await this.#gate.delete(record.id, {})) === "done") count += 1;
    }
    this.#events.emit("revoked", { count });
    return count;
  }

  async *all(): AsyncGenerator<SessionInfo, void, void> {
    for await (const record of pages((after) => this.#gate.all(after))) {
      if (this.#isLive(record)) yield this.#info(record);
    }
  }

  async sweep(): Promise<{ readonly deleted: number }> {
    if (this.#sweepEveryMs === null && !this.#gate.canSweep) return { deleted: 0 };
    let deleted = 0;
    for (;;) {
      const batch = await this.#gate.sweep(this.#clock.now(), SWEEP_BATCH);
      deleted += batch.deleted;
      // One that deletes nothing and promises more would be asked for ever.
      if (!batch.more || batch.deleted === 0 || this.#stopped) return { deleted };
    }
  }

  /** Starts sweeping at intervals, from the first request on. Processes that share a store are spread by chance. */
  keepSwept(): void {
    if (this.#sweepEveryMs === null || this.#cancelSweep !== null || this.#stopped) return;
    const wait = this.#sweepEveryMs * (0.75 + Math.random() / 2);
    this.#cancelSweep = this.#clock.after(wait, () => void (this.#sweeping = this.#swept()));
  }

  /** Starts no further sweep, and waits for the batch that is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelSweep?.();
    await this.#sweeping;
  }

  async #swept(): Promise<void> {
    // The gate tells of a failure by an event; the next turn tries again.
    await this.sweep().catch(() => undefined);
    this.#cancelSweep = null;
    this.keepSwept();
  }

  #info(record: SessionRecord): SessionInfo {
    return sessionInfo(record, this.#lifetime, this.#clock.now());
  }

  #isLive(record: SessionRecord): boolean {
    const now = this.#clock.now();
    return !isMark(record) && !hasEnded(record, this.#lifetime, now);
  }
}

/** Walks over the records of all pages of a listing. */
async function* pages(
  page: (after: string | undefined) => Promise<Page>,
): AsyncGenerator<SessionRecord, void, void> {
  let after: string | undefined;
  do {
    const { records, next } = await page(after);
    yield* records;
    after = next;
  } while (after !== undefined);
}
