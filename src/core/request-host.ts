import type { Clock } from "./clock.ts";
import { tooLateForCookie } from "./refusals.ts";
import type { Codec } from "./codec.ts";
import type { DraftRules } from "./draft.ts";
import { SessionError } from "./errors.ts";
import type { HttpExchange } from "./exchange.ts";
import type { Lifetime } from "./lifetime.ts";
import type { SessionId } from "./record.ts";
import type { RequestState } from "./request-state.ts";
import type { Device } from "./reserved.ts";
import type { FieldSchemas } from "./schema.ts";
import type { AnySession } from "./session.ts";
import type { SessionHost } from "./session-host.ts";

/** What the sessions of a manager share. */
export interface HostShared {
  readonly clock: Clock;
  readonly lifetime: Lifetime;
  readonly codec: Codec;
  readonly fields: FieldSchemas;
  invalid(id: SessionId | null, field: string): void;
  nextSequence(): number;
  commit(state: RequestState): Promise<void>;
  claim(state: RequestState, name: string): Promise<unknown>;
  use(state: RequestState): void;
  login(session: AnySession): void;
}

const MAX_USER_AGENT_LENGTH = 512;
/** What an application takes from a header may be of any length. */
const MAX_ADDRESS_LENGTH = 100;

/** Ties a session to the request that it was loaded for. */
export class RequestHost implements SessionHost, DraftRules {
  readonly exchange: HttpExchange;
  readonly #shared: HostShared;
  /** Why the session is read-only: the store could not be read. */
  readonly #outage: unknown;
  #state: RequestState | null = null;
  /** A session looked at itself while it was made. */
  #lookedEarly = false;

  /** Of the session that was loaded; `null` for one that is not stored. */
  readonly #id: SessionId | null;

  constructor(shared: HostShared, exchange: HttpExchange, id: SessionId | null, outage: unknown) {
    this.#shared = shared;
    this.exchange = exchange;
    this.#id = id;
    this.#outage = outage;
  }

  /** One object a request for both: a draft asks its host. */
  get rules(): DraftRules {
    return this;
  }

  get codec(): Codec {
    return this.#shared.codec;
  }

  get schemas(): FieldSchemas {
    return this.#shared.fields;
  }

  get frozen(): boolean {
    return this.exchange.readOnly !== undefined;
  }

  onInvalid(field: string): void {
    this.#shared.invalid(this.#id, field);
  }

  get clock(): Clock {
    return this.#shared.clock;
  }

  get lifetime(): Lifetime {
    return this.#shared.lifetime;
  }

  get device(): Device {
    const address = this.exchange.remoteAddress?.slice(0, MAX_ADDRESS_LENGTH);
    const userAgent = this.exchange.header("user-agent")?.slice(0, MAX_USER_AGENT_LENGTH);
    if (userAgent === undefined) return address === undefined ? {} : { address };
    return address === undefined ? { userAgent } : { address, userAgent };
  }

  /** Whether the session is one of the manager that shares this. */
  isOf(shared: HostShared): boolean {
    return this.#shared === shared;
  }

  /** The session is made before its state, which holds it. */
  bind(state: RequestState): void {
    this.#state = state;
    if (this.#lookedEarly) this.#shared.use(state);
  }

  onLook(): void {
    if (this.#state === null) this.#lookedEarly = true;
    else this.#shared.use(this.#state);
  }

  onUse(): void {
    if (this.#state !== null) this.#state.used = true;
  }

  onLogin(session: AnySession): void {
    this.#shared.login(session);
  }

  beforeTaking(): void {
    const { readOnly } = this.exchange;
    if (readOnly !== undefined)
      throw new SessionError("ERR_SESSION_READ_ONLY", `The session can only be read here: ${readOnly}.`);
  }

  beforeStaging(): void {
    this.beforeTaking();
    if (this.#outage !== null) {
      throw new SessionError(
        "ERR_SESSION_STORE_UNAVAILABLE",
        "The session could not be read, so it cannot be changed.",
        {
          cause: this.#outage,
        },
      );
    }
    if (this.#isClosed() && !this.exchange.commitsLate) throw tooLateForCookie(this.#state);
  }

  beforeNewSecret(verb: string): void {
    this.beforeStaging();
    if (this.#isClosed() || !this.exchange.canSetCookie)
      throw tooLateForCookie(this.#state, `session.${verb}()`);
  }

  /** The commit that decides about the cookie has begun. */
  #isClosed(): boolean {
    return this.#state !== null && this.#state.phase !== "open";
  }

  nextSequence(): number {
    return this.#shared.nextSequence();
  }

  async commit(): Promise<void> {
    this.beforeStaging();
    if (this.#state !== null) await this.#shared.commit(this.#state);
  }

  async claim(name: string): Promise<unknown> {
    return this.#state === null ? undefined : await this.#shared.claim(this.#state, name);
  }
}
