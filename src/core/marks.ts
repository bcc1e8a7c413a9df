import type { Clock } from "./clock.ts";
import { SessionError } from "./errors.ts";
import type { Gate } from "./gate.ts";
import { randomText } from "./platform.ts";
import type { Renewal } from "./plan.ts";
import type { SessionId, SessionRecord } from "./record.ts";
import { asTexts, isRecord, MARK, reservedValue } from "./reserved.ts";
import { markId } from "./token.ts";

/** A login cannot be under way for longer than this. */
const MARK_LIFE_MS = 86_400_000;
const MAX_ENTRIES = 16;
const EVERYONE = "not before, everyone";

/** One revocation: logins that authenticated before it are void, but for the sessions it spared. */
interface NotBefore {
  readonly at: number;
  /** The manager that wrote it, and its place in the order of that manager's logins and revocations. */
  readonly by: string;
  readonly sequence: number;
  readonly except: readonly string[];
}

/**
 * Marks of the store: records that open for nobody and outlive what they speak of. Here, "not before": whoever
 * revokes writes the mark first and deletes second; whoever logs in writes the record first and reads the mark second.
 * So either the deletion sees the record, or the login sees the mark.
 */
export class Marks {
  readonly #gate: Gate;
  readonly #clock: Clock;
  #instance: string | null = null;
  #sequence = 0;

  constructor(gate: Gate, clock: Clock) {
    this.#gate = gate;
    this.#clock = clock;
  }

  nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  /** Voids the logins of a user, or of everyone with `null`, that authenticated before now. */
  async raise(user: string | null, except: readonly SessionId[]): Promise<void> {
    const entry: NotBefore = {
      at: this.#clock.now(),
      by: this.#self(),
      sequence: this.nextSequence(),
      except,
    };
    const id = markId(markName(user));
    for (let attempt = 0; attempt < 32; attempt += 1) {
      if (await this.#written(id, entry)) return;
      // Taken again and again, and never there to be read: what holds the place is no mark.
      if (attempt > 2 && (await this.#gate.read(id)) === null) await this.#gate.delete(id, {});
    }
    throw new SessionError("ERR_SESSION_CONFLICT", "Too many revocations at once. Revoke again.");
  }

  /** Tells whether a session whose login is now stored was revoked while it was on its way. */
  async voids(login: NonNullable<Renewal["login"]>, id: SessionId): Promise<boolean> {
    const names = [markName(login.user), markName(null)];
    const marks = await Promise.all(names.map((name) => this.#gate.read(markId(name))));
    return marks
      .flatMap(entriesOf)
      .some((entry) => !entry.except.includes(id) && this.#isLater(entry, login));
  }

  /** Tells this manager's marks from others'. Chosen at first need: workers allow no random values before their first request. */
  #self(): string {
    this.#instance ??= randomText(9);
    return this.#instance;
  }

  #isLater(entry: NotBefore, login: NonNullable<Renewal["login"]>): boolean {
    // Within one manager the order is known; between two only their clocks can tell, and a tie counts as revoked.
    return entry.by === this.#self() ? entry.sequence > login.sequence : entry.at >= login.at;
  }

  async #written(id: SessionId, entry: NotBefore): Promise<boolean> {
    const now = entry.at;
    if (await this.#gate.create(markRecord(id, [entry], now))) return true;
    const current = await this.#gate.read(id);
    // Swept since, or unreadable. Not to be deleted at once: another revocation may be taking the place.
    if (current === null) return false;
    // Written already: a client may have sent it twice.
    if (entriesOf(current).some(({ by, sequence }) => by === entry.by && sequence === entry.sequence))
      return true;
    if (current.expiresAt <= now) {
      await this.#gate.delete(id, { ifVersion: current.version });
      return false;
    }
    const entries = [...entriesOf(current), entry].slice(-MAX_ENTRIES);
    const outcome = await this.#gate.update(id, {
      now,
      epoch: current.epoch,
      ifVersion: current.version,
      set: { [MARK]: JSON.stringify(entries) },
      // A mark is never loaded, so its end moves with its last entry by a new, still unusable, secret.
      renew: { secretHash: "", nextEpoch: current.epoch, endsAt: now + MARK_LIFE_MS },
      accessedAt: now,
      expiresAt: now + MARK_LIFE_MS,
    });
    return outcome.kind === "done";
  }
}

/** Tells whether a record is a mark and not a session. */
export function isMark(record: SessionRecord): boolean {
  return record.secretHash === "";
}

function markName(user: string | null): string {
  return user === null ? EVERYONE : `not before, user ${user}`;
}

function markRecord(id: SessionId, entries: readonly NotBefore[], now: number): SessionRecord {
  const times = {
    createdAt: now,
    accessedAt: now,
    expiresAt: now + MARK_LIFE_MS,
    endsAt: now + MARK_LIFE_MS,
  };
  return {
    id,
    epoch: 1,
    version: 1,
    secretHash: "",
    labels: [],
    ...times,
    fields: { [MARK]: JSON.stringify(entries) },
  };
}

function entriesOf(mark: SessionRecord | null): NotBefore[] {
  const stored = mark === null ? null : reservedValue(mark.fields, MARK);
  if (!Array.isArray(stored)) return [];
  return stored.filter(isRecord).map((entry) => ({
    at: Number(entry["at"]),
    by: String(entry["by"]),
    sequence: Number(entry["sequence"]),
    except: asTexts(entry["except"]),
  }));
}
