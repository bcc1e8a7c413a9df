import { type Answer, upon } from "./answer.ts";
import type { Clock } from "./clock.ts";
import type { Gate } from "./gate.ts";
import { isProviderSession } from "./labels.ts";
import { changeMark } from "./mark-record.ts";
import { randomText } from "./platform.ts";
import type { LoginNote } from "./plan.ts";
import type { SessionId, SessionRecord } from "./record.ts";
import { asTexts, isRecord, MARK, reservedValue } from "./reserved.ts";
import { markId } from "./token.ts";

/** A login cannot be under way for longer than this. */
const MARK_LIFE_MS = 86_400_000;
const MAX_ENTRIES = 16;
const EVERYONE: SessionId = markId("not before, everyone");

/** One revocation: logins that authenticated before it are void, but for the sessions it spared. */
interface NotBefore {
  readonly at: number;
  /** The manager that wrote it, and its place in the order of that manager's logins and revocations. */
  readonly by: string;
  readonly sequence: number;
  readonly except: readonly string[];
  /** Labels that a login must bear besides. */
  readonly with: readonly string[];
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
  /** What is about to be read of {@link EVERYONE} for all logins that ask in this moment. */
  #everyone: Promise<SessionRecord | null> | null = null;

  constructor(gate: Gate, clock: Clock) {
    this.#gate = gate;
    this.#clock = clock;
  }

  nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  /** Voids the logins with all of the labels, or of everyone without any, that authenticated before now. */
  async raise(labels: readonly string[], except: readonly SessionId[]): Promise<void> {
    const [label, ...others] = labels;
    const entry: NotBefore = {
      at: this.#clock.now(),
      by: this.#self(),
      sequence: this.nextSequence(),
      except,
      with: others,
    };
    await changeMark(
      this.#gate,
      label === undefined ? EVERYONE : markOf(label),
      entry.at,
      MARK_LIFE_MS,
      (stored) => {
        const entries = entriesIn(stored);
        // Written already: a client may have sent it twice.
        if (entries.some(({ by, sequence }) => by === entry.by && sequence === entry.sequence))
          return undefined;
        return [...entries, entry].slice(-MAX_ENTRIES);
      },
    );
  }

  /** Tells whether a session whose login is now stored was revoked while it was on its way. */
  voids(login: LoginNote, id: SessionId): Answer<boolean> {
    const own = login.labels.map((label) => this.#gate.read(markOf(label)));
    if (own.some((mark) => mark instanceof Promise))
      return Promise.all([this.#ofEveryone(), ...own]).then(([everyone, ...marks]) =>
        this.#anyVoids(everyone ?? null, marks, login, id),
      );
    return upon(this.#gate.read(EVERYONE), (everyone) =>
      this.#anyVoids(everyone, own as (SessionRecord | null)[], login, id),
    );
  }

  /** @param own the marks of the login's labels, in their order. */
  #anyVoids(
    everyone: SessionRecord | null,
    own: readonly (SessionRecord | null)[],
    login: LoginNote,
    id: SessionId,
  ): boolean {
    return (
      this.#isVoid(everyone, null, login, id) ||
      own.some((mark, index) => this.#isVoid(mark, login.labels[index] ?? null, login, id))
    );
  }

  /**
   * Each login asks for the same mark, and those that were stored together ask together. The read begins after all that it answers: one
   * that was begun already may have been carried out before the record was there.
   */
  #ofEveryone(): Promise<SessionRecord | null> {
    this.#everyone ??= Promise.resolve().then(() => {
      this.#everyone = null;
      return this.#gate.read(EVERYONE);
    });
    return this.#everyone;
  }

  #isVoid(mark: SessionRecord | null, label: string | null, login: LoginNote, id: SessionId): boolean {
    if (mark === null) return false;
    return entriesIn(reservedValue(mark.fields, MARK)).some(
      (entry) =>
        !entry.except.includes(id) &&
        entry.with.every((other) => login.labels.includes(other)) &&
        // A provider's session that is over never begins again: its logout may come before its login.
        ((label !== null && isProviderSession(label)) || this.#isLater(entry, login)),
    );
  }

  /** Tells this manager's marks from others'. Chosen at first need: workers allow no random values before their first request. */
  #self(): string {
    this.#instance ??= randomText(9);
    return this.#instance;
  }

  #isLater(entry: NotBefore, login: LoginNote): boolean {
    if (login.authenticatedAt !== undefined && entry.at >= login.authenticatedAt) return true;
    // Within one manager the order is known; between two only their clocks can tell, and a tie counts as revoked.
    return entry.by === this.#self() ? entry.sequence > login.sequence : entry.at >= login.at;
  }
}

function markOf(label: string): SessionId {
  return markId(`not before, ${label}`);
}

function entriesIn(stored: unknown): NotBefore[] {
  if (!Array.isArray(stored)) return [];
  return stored.filter(isRecord).map((entry) => ({
    at: Number(entry["at"]),
    by: String(entry["by"]),
    sequence: Number(entry["sequence"]),
    except: asTexts(entry["except"]),
    with: asTexts(entry["with"]),
  }));
}
