import { type Answer, upon } from "./answer.ts";
import type { Clock } from "./clock.ts";
import { SessionError } from "./errors.ts";
import type { Events } from "./events.ts";
import type { Gate } from "./gate.ts";
import type { Lifetime } from "./lifetime.ts";
import { activeUntil, hasEnded } from "./lock.ts";
import type { Pepper } from "./pepper.ts";
import type { SessionRecord } from "./record.ts";
import { asRotation, reservedValue, ROTATION, userOf } from "./reserved.ts";
import { Token } from "./token.ts";

/** A record that a cookie opened. */
export interface Opened {
  readonly record: SessionRecord;
  readonly token: Token;
  /** The cookie holds the secret before the current one, which still opens. */
  readonly predecessor: boolean;
}

/** The same without a token where a live connection goes on with it. */
export type Loaded = Omit<Opened, "token"> & { readonly token: Token | null };

/** What older versions of the seed, and revoked cookies, leave behind: not a session, and nothing worth an event. */
function isEmpty(value: string): boolean {
  return value === "" || value === "*del*";
}

const MAX_DISTINCT_VALUES = 3;

/** Finds the tokens among the values of the session cookie. Takes any bytes; calls no store. */
export function tokensOf(
  values: readonly string[],
  events: Events,
  address: string | null,
): readonly Token[] {
  if (values.length === 0) return NO_TOKENS;
  if (values.length === 1) {
    const token = tokenOf(values[0] as string, events, address);
    return token === null ? NO_TOKENS : [token];
  }
  const distinct = [...new Set(values)].filter((value) => !isEmpty(value));
  if (distinct.length > MAX_DISTINCT_VALUES) {
    events.emit("rejected", { reason: "too-many", address });
    return NO_TOKENS;
  }
  return distinct.map((value) => tokenOf(value, events, address)).filter((token) => token !== null);
}

const NO_TOKENS: readonly Token[] = [];

function tokenOf(value: string, events: Events, address: string | null): Token | null {
  if (isEmpty(value)) return null;
  const token = Token.parse(value);
  if (token === null) events.emit("rejected", { reason: "malformed", address });
  return token;
}

/** Opens sessions with tokens. */
export class Loader {
  readonly #gate: Gate;
  readonly #events: Events;
  readonly #clock: Clock;
  readonly #lifetime: Lifetime;
  readonly #pepper: Pepper;

  constructor(gate: Gate, events: Events, clock: Clock, lifetime: Lifetime, pepper: Pepper) {
    this.#gate = gate;
    this.#events = events;
    this.#clock = clock;
    this.#lifetime = lifetime;
    this.#pepper = pepper;
  }

  /**
   * Opens the one session that the tokens of a request belong to. Two cookies that open different sessions open none:
   * one of them was planted, and nothing tells which.
   *
   * @throws `ERR_SESSION_STORE_UNAVAILABLE` or `ERR_SESSION_FORMAT` when the store cannot say.
   */
  open(tokens: readonly Token[], address: string | null): Answer<Opened | null> {
    return tokens.length === 1
      ? this.#openOne(tokens[0] as Token, address)
      : this.#openOneOf(tokens, address);
  }

  async #openOneOf(tokens: readonly Token[], address: string | null): Promise<Opened | null> {
    const found = await Promise.all(tokens.map(async (token) => await this.#openOne(token, address)));
    const opened = found.filter((one) => one !== null);
    if (new Set(opened.map((one) => one.record.id)).size > 1) {
      this.#events.emit("rejected", { reason: "ambiguous", address });
      return null;
    }
    return opened.find((one) => !one.predecessor) ?? opened[0] ?? null;
  }

  #openOne(token: Token, address: string | null): Answer<Opened | null> {
    if (this.#gate.keeps) return this.#openAtBest(token, address);
    return this.#openStored(token, address);
  }

  #openStored(token: Token, address: string | null): Answer<Opened | null> {
    return upon(this.#gate.read(token.id), (record) => this.#opened(record, token, address));
  }

  #openAtBest(token: Token, address: string | null): Answer<Opened | null> {
    return upon(this.#gate.readKept(token.id), (record) => {
      const kept = this.#openedKept(record, token, address);
      return kept === undefined ? this.#openStored(token, address) : kept;
    });
  }

  #opened(record: SessionRecord | null, token: Token, address: string | null): Opened | null {
    if (record === null) return this.#rejected("unknown", token, address);
    const verdict = this.#pepper.judge(token, record.secretHash);
    if (verdict === "match") return this.#live(record, { record, token, predecessor: false }, address);

    const rotation = asRotation(reservedValue(record.fields, ROTATION));
    const before = rotation?.previous === undefined ? "other" : this.#pepper.judge(token, rotation.previous);
    if (rotation === null || before !== "match") {
      if (verdict === "unknown-key" || before === "unknown-key") throw this.#unknownPepper();
      return this.#rejected(verdict === "unpeppered" ? verdict : "secret", token, address);
    }
    const { confirmedAt } = rotation;
    const inGrace =
      confirmedAt === undefined || this.#clock.now() < confirmedAt + this.#lifetime.rotationGraceMs;
    if (inGrace) return this.#live(record, { record, token, predecessor: true }, address);
    this.#events.emit("theft", { id: record.id, user: userOf(record), address });
    return null;
  }

  /**
   * Opens a session by what the store has kept of it, where that is enough. A record from a while ago lets in whom it knows, and
   * refuses nobody: another process may have renewed the secret, or put the expiry off. What is not there at all has ended, and stays
   * so. `undefined` when the store is to be asked.
   */
  #openedKept(record: SessionRecord | null, token: Token, address: string | null): Opened | null | undefined {
    if (record === null) return this.#rejected("unknown", token, address);
    const isKnown = this.#pepper.judge(token, record.secretHash) === "match";
    const isActive = activeUntil(record, this.#lifetime) > this.#clock.now();
    return isKnown && isActive ? { record, token, predecessor: false } : undefined;
  }

  #live(record: SessionRecord, opened: Opened, address: string | null): Opened | null {
    const now = this.#clock.now();
    if (!hasEnded(record, this.#lifetime, now)) return opened;
    this.#events.emit("expired", { id: record.id, user: userOf(record), address });
    return null;
  }

  /** Whether the cookie opens the session cannot be told: that is no reason to log its user out. */
  #unknownPepper(): SessionError {
    const error = new SessionError(
      "ERR_SESSION_FORMAT",
      "The hash of this session's secret is made with a pepper that this process does not have. Give every process all keys by pepper.keys before any of them uses a new one.",
    );
    this.#events.emit("storeFailure", { operation: "read", error });
    return error;
  }

  #rejected(reason: "unknown" | "secret" | "unpeppered", token: Token, address: string | null): null {
    this.#events.emit("rejected", { reason, id: token.id, address });
    return null;
  }
}
