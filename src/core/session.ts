import { jsonCodec } from "./codec.ts";
import { type DataSource, dataView, type SessionData } from "./data.ts";
import { Draft } from "./draft.ts";
import { type Duration, milliseconds } from "./duration.ts";
import { SessionError } from "./errors.ts";
import { checkFieldName } from "./fields.ts";
import { flashes, unseen, withFlashes } from "./flash.ts";
import { addFormToken, isOutstanding, newFormToken, spendFormToken } from "./form-tokens.ts";
import { checkLabels, checkMethods, checkUser, userLabel } from "./labels.ts";
import { idleLimit } from "./lifetime.ts";
import { checkOptionNames } from "./option-names.ts";
import { equalInConstantTime, printsAs } from "./platform.ts";
import type { CommitInput, Renewal } from "./plan.ts";
import { isReserved, type SessionId, type SessionRecord } from "./record.ts";
import {
  asAuthentication,
  asDevice,
  asLife,
  asTexts,
  AUTH,
  type Authentication,
  CSRF,
  DEVICE,
  FLASH,
  FORM_TOKENS,
  LIFE,
} from "./reserved.ts";
import type { SessionAccess } from "./session-access.ts";
import type { SessionHost, SessionInit } from "./session-host.ts";

export interface LoginOptions {
  /** How the user authenticated, such as `["pwd", "otp"]` (RFC 8176 has names). */
  readonly methods?: readonly string[];
  /**
   * Keeps the session for this long over restarts of the browser: the cookie gets a Max-Age, and there is no idle limit but
   * with the presets aal2 and aal3. Default: not at all.
   */
  readonly remember?: Duration;
  /** More labels to find the session by, such as `"tenant:7"`. */
  readonly labels?: readonly string[];
}

const INFORMATIVE: ReadonlySet<string> = new Set([AUTH, FLASH, FORM_TOKENS, CSRF]);

/**
 * What a handler sees of a session. Handlers record intent; nothing is stored before the response starts, and nothing
 * but `commit` and `claim` does I/O. A session of a visitor who has none is a session too: it becomes a stored one
 * when it first has information.
 *
 * Subclass it to add methods, or to decide anew in `hasInfo` what is worth keeping; give the class to the manager as
 * `sessionClass`.
 */
export class Session<Data extends object = Record<string, unknown>, Certain extends keyof Data = never> {
  readonly #host: SessionHost;
  #record: SessionRecord | null;
  #ended: SessionRecord | null = null;
  #draft: Draft;
  #renewal: Renewal | null = null;
  #view: object | null = null;
  #looked = false;

  constructor(init: SessionInit) {
    this.#host = init.host;
    this.#record = init.record;
    this.#draft = new Draft(init.record?.fields ?? {}, init.host.rules);
  }

  /**
   * The fields as plain properties: lazy, typed, and changed by assignment, `delete`, or changing a value in place. A
   * field that is absent, or whose stored value its schema refuses, is `undefined`, or what its schema has for a default.
   */
  get data(): SessionData<Data, Certain> {
    this.#view ??= dataView(this.#source());
    return this.#view as SessionData<Data, Certain>;
  }

  /** Reads one field. The same object every time; changing it in place is seen at commit. */
  get<Name extends keyof Data & string>(
    name: Name,
  ): Name extends Certain ? Data[Name] : Data[Name] | undefined {
    this.#look();
    checkFieldName(name);
    return this.#draft.get(name) as never;
  }

  /**
   * Assigns one field; `undefined` deletes it. If another request assigns it too, the last commit wins.
   *
   * @throws `ERR_SESSION_USE` for a name that is not allowed; at commit `ERR_SESSION_VALUE` or `ERR_SESSION_LIMIT`.
   */
  set<Name extends keyof Data & string>(name: Name, value: Data[Name] | undefined): this {
    this.#stageable(name);
    this.#draft.set(name, value);
    return this;
  }

  /** Deletes one field. An absent one is no error. */
  delete(name: keyof Data & string): this {
    this.#stageable(name);
    this.#draft.set(name, undefined);
    return this;
  }

  /** Tells whether a field has a value. */
  has(name: keyof Data & string): boolean {
    this.#look();
    checkFieldName(name);
    return this.#draft.has(name);
  }

  /** Names of the fields that have a value. */
  keys(): (keyof Data & string)[] {
    this.#look();
    return this.#draft.keys() as (keyof Data & string)[];
  }

  /**
   * Changes one field by a function of its value, exactly once however many requests do so at the same time: when
   * another request was first, the function is applied again to what that one wrote. It must be synchronous and have
   * no other effect. Returning `undefined` deletes the field.
   *
   * @returns the new value, as far as is known before the commit.
   * @throws at commit `ERR_SESSION_CONFLICT` when others were first every time, `ERR_SESSION_GONE` when the session
   * ended meanwhile, `ERR_SESSION_UNKNOWN` when the store's answer was lost.
   */
  update<Name extends keyof Data & string>(
    name: Name,
    change: (value: Data[Name] | undefined) => Data[Name] | undefined,
  ): Data[Name] | undefined {
    this.#stageable(name);
    if (typeof change !== "function")
      throw new SessionError(
        "ERR_SESSION_USE",
        `update takes a function that makes the new value of "${name}" from the old one.`,
      );
    return this.#draft.update(name, change as (value: unknown) => unknown) as Data[Name] | undefined;
  }

  /**
   * Adds to a number, exactly, as {@link update} does; an absent field counts as 0.
   *
   * @returns the new value, as far as is known before the commit.
   * @throws `ERR_SESSION_USE` when the field holds something else.
   */
  increment(name: keyof Data & string, by = 1): number {
    this.#stageable(name);
    return this.#draft.update(name, (value) => added(name, value, by)) as number;
  }

  /**
   * Reads and removes one field. If another request took or changed it first, this request's commit fails with
   * `ERR_SESSION_CONFLICT` and nothing of it is kept.
   */
  take<Name extends keyof Data & string>(name: Name): Data[Name] | undefined {
    this.#look();
    this.#stageable(name);
    return this.#draft.take(name) as Data[Name] | undefined;
  }

  /**
   * Reads and removes one field at once, for values whose use has effects outside the session (an OAuth state, a one-time
   * code). Of all requests that claim a value one gets it, the others `undefined`. It stays claimed if the request fails.
   *
   * @throws `ERR_SESSION_UNKNOWN` when the store's answer was lost, `ERR_SESSION_STORE_UNAVAILABLE` when it failed.
   */
  async claim<Name extends keyof Data & string>(name: Name): Promise<Data[Name] | undefined> {
    this.#look();
    this.#stageable(name);
    // What is not stored yet is nobody else's to take.
    if (this.#record === null) return this.#draft.take(name) as Data[Name] | undefined;
    return (await this.#host.claim(name)) as Data[Name] | undefined;
  }

  /** Adds a message that is shown once: the next `flash(kind)`, in this request or a later one, gets it. */
  flash(kind: string, message: unknown): void;
  /** Gets and removes the messages of one kind, in the order they were added. */
  flash(kind: string): unknown[];
  flash(kind: string, ...messages: unknown[]): unknown[] | void {
    this.#look();
    if (messages.length === 0) return this.#takeFlashes(kind);
    this.#stageable(kind);
    this.#draft.update(
      FLASH,
      (value) => withFlashes(value, kind, [...flashes(value, kind), messages[0]]),
      "plain",
    );
  }

  /** The user who is logged in, or `null`. */
  get user(): string | null {
    return this.#authentication()?.user ?? null;
  }

  /** How the user authenticated, as given to `login` and `reauthenticate`. */
  get methods(): readonly string[] {
    return this.#authentication()?.methods ?? [];
  }

  /** When the user last authenticated, in milliseconds since the epoch, or `null`. */
  get authenticatedAt(): number | null {
    return this.#authentication()?.at ?? null;
  }

  /** The public handle, stable over rotation, safe to log and list. `null` until the session is stored. */
  get id(): SessionId | null {
    this.#look();
    return this.#record?.id ?? null;
  }

  /** Whether the session is not stored. */
  get isNew(): boolean {
    this.#look();
    return this.#record === null;
  }

  /** Milliseconds since the epoch; for a session that is not stored, now. */
  get createdAt(): number {
    this.#look();
    return this.#record?.createdAt ?? this.#host.clock.now();
  }

  /** When the last request before this one came, as exact as the access time resolution; for a session that is not stored, now. */
  get accessedAt(): number {
    this.#look();
    return this.#record?.accessedAt ?? this.#host.clock.now();
  }

  /** When the session ends if no further request comes. `null` until the session is stored. */
  get expiresAt(): number | null {
    this.#look();
    return this.#record?.expiresAt ?? null;
  }

  /** When the session ends at the latest. `null` until the session is stored. */
  get endsAt(): number | null {
    this.#look();
    return this.#record?.endsAt ?? null;
  }

  /** Milliseconds since the creation. */
  age(now: number = this.#host.clock.now()): number {
    return now - this.createdAt;
  }

  /** Milliseconds since the request before this one. */
  idleFor(now: number = this.#host.clock.now()): number {
    return now - this.accessedAt;
  }

  /** The address that the session was created from, or logged in from, where it was known. */
  get remoteAddress(): string | null {
    this.#look();
    return asDevice(this.#draft.peek(DEVICE)).address ?? null;
  }

  /** Whether the session has anything worth keeping. Override it to decide anew; call `super.hasInfo()` for this answer. */
  hasInfo(): boolean {
    this.#look();
    return this.#draft.some((name) => !isReserved(name) || INFORMATIVE.has(name));
  }

  /** Called when a request has loaded this session, before any handler. Does nothing here. */
  startRequest(): void {}

  /**
   * Makes this the session of a user: always a new secret and epoch, so the token from before opens nothing any more
   * and a request in flight under it cannot write. Counts the absolute limit anew. When another user is logged in, their
   * session is ended and only what this request assigned goes into the new one.
   *
   * @param user the user's id, 1 to 200 characters.
   * @throws `ERR_SESSION_USE` for a wrong argument, `ERR_SESSION_SENT` after the response left; at commit
   * `ERR_SESSION_REVOKED` when `revokeUser` was called meanwhile. ASVS 7.2.4.
   */
  login(user: string, options: LoginOptions = {}): void {
    this.#host.beforeNewSecret("login");
    this.#look();
    checkUser(user);
    checkOptionNames(options, ["methods", "remember", "labels"], "login", "ERR_SESSION_USE");
    // Everything is checked before anything is staged: a login that is refused must not be half of one.
    const remember = this.#rememberMs(options.remember);
    const methods = checkMethods(options.methods ?? []);
    const labels = checkLabels(options.labels ?? []);
    const current = this.user;
    if (current !== null && current !== user) this.#end(this.#draft.renewed());

    const now = this.#host.clock.now();
    const authentication: Authentication = { user, at: now, methods };
    this.#draft.set(AUTH, authentication);
    this.#draft.set(DEVICE, this.#host.device);
    this.#draft.set(LIFE, remember === null ? undefined : { rememberMs: remember });
    this.#renewal = {
      labels: [userLabel(user), ...labels],
      endsAt: now + (remember ?? this.#host.lifetime.absoluteMs),
      login: { user, at: now, sequence: this.#host.nextSequence() },
    };
  }

  /**
   * Notes that the user authenticated again: new secret and epoch, and the absolute limit counts anew.
   *
   * @throws `ERR_SESSION_USE` when nobody is logged in, `ERR_SESSION_SENT` after the response left. ASVS 7.5.1.
   */
  reauthenticate(options: { readonly methods?: readonly string[] } = {}): void {
    this.#host.beforeNewSecret("reauthenticate");
    const before = this.#authentication();
    if (before === null)
      throw new SessionError(
        "ERR_SESSION_USE",
        "Nobody is logged in. Call login(user) instead of reauthenticate().",
      );
    checkOptionNames(options, ["methods"], "reauthenticate", "ERR_SESSION_USE");
    const now = this.#host.clock.now();
    const methods = [...new Set([...before.methods, ...checkMethods(options.methods ?? [])])];
    this.#draft.set(AUTH, { user: before.user, at: now, methods });
    const limit = asLife(this.#draft.peek(LIFE))?.rememberMs ?? this.#host.lifetime.absoluteMs;
    this.#renewal = { ...this.#renewal, endsAt: now + limit };
  }

  /**
   * Demands that the user authenticated not longer ago than this. Changes nothing.
   *
   * @throws `ERR_SESSION_NOT_FRESH` (status 401) otherwise, also when nobody is logged in. ASVS 7.5.3.
   */
  requireFresh(maxAge: Duration): void {
    const limit = milliseconds(maxAge, "maxAge", "ERR_SESSION_USE");
    const at = this.authenticatedAt;
    if (at !== null && this.#host.clock.now() - at <= limit) return;
    throw new SessionError(
      "ERR_SESSION_NOT_FRESH",
      "This needs a recent authentication. Authenticate the user, then call reauthenticate().",
    );
  }

  /**
   * Gives the session a new secret: the token from before is dead at once. For any change of privilege that `login` does
   * not cover. Does nothing to a session that is not stored: it gets its first secret when it is.
   *
   * @throws `ERR_SESSION_SENT` after the response left.
   */
  rotate(): void {
    this.#host.beforeNewSecret("rotate");
    this.#look();
    this.#renewal ??= {};
  }

  /**
   * Ends the session: this object is empty at once, the record is deleted and the cookie revoked when the response
   * starts, also when the request fails. From then on no request in flight can bring it back. What is staged afterwards
   * goes into a new session. ASVS 7.4.1.
   */
  logout(): void {
    this.#host.beforeStaging();
    this.#look();
    this.#end(new Draft({}, this.#host.rules));
  }

  /**
   * Stores everything staged so far, now, and stays stored if the request fails. Rejects with what the commit at the
   * end would have failed with, so it can be caught; a later commit tries again,
   * but for what depended on a value read and has `ERR_SESSION_UNKNOWN`: that is given up, lest it be applied twice.
   */
  async commit(): Promise<void> {
    await this.#host.commit();
  }

  /** Makes a token for one form: keep it in a hidden field. At most 32 are outstanding; the oldest is dropped. */
  createFormToken(): string {
    this.#host.beforeStaging();
    this.#look();
    const token = newFormToken();
    this.#draft.update(FORM_TOKENS, (value) => addFormToken(asTexts(value), token), "plain");
    return token;
  }

  /** Tells, in constant time for each, whether a form token is outstanding. Takes anything a client sent. */
  hasFormToken(token: unknown): boolean {
    this.#look();
    return isOutstanding(asTexts(this.#draft.peek(FORM_TOKENS)), token);
  }

  /**
   * Uses up a form token. `false` when it is not outstanding. Of several requests that use up the same token at the same
   * time one succeeds; the commit of the others fails with `ERR_SESSION_CONFLICT`.
   */
  removeFormToken(token: unknown): boolean {
    this.#host.beforeTaking();
    if (!this.hasFormToken(token)) return false;
    this.#host.beforeStaging();
    this.#draft.update(FORM_TOKENS, (value) => spendFormToken(asTexts(value), token as string));
    return true;
  }

  /** The token of this session against forged requests: made at first use, then the same until the session ends. */
  csrfToken(): string {
    this.#look();
    const known = this.#draft.peek(CSRF);
    if (typeof known === "string") return known;
    this.#host.beforeStaging();
    const fresh = newFormToken();
    return this.#draft.update(
      CSRF,
      (value) => (typeof value === "string" ? value : fresh),
      "plain",
    ) as string;
  }

  /** Tells, in constant time, whether a value that a client sent is this session's token. Takes anything. */
  isCsrfToken(value: unknown): boolean {
    this.#look();
    const known = this.#draft.peek(CSRF);
    return typeof known === "string" && typeof value === "string" && equalInConstantTime(known, value);
  }

  toString(): string {
    const { id, user } = this.#summary();
    return `Session ${id ?? "(not stored)"} ${user === null ? "(no user)" : `(user ${user})`}`;
  }

  /** Id, user, times and names of fields; never a value, a secret or a token. */
  toJSON(): object {
    return this.#summary();
  }

  static {
    printsAs(
      Session.prototype,
      (session) => `${String(session)} { ${session.#summary().fields.join(", ")} }`,
    );
  }

  /** @internal The manager's way in. Not for handlers. */
  static readonly access: SessionAccess = {
    host: (session) => session.#host,
    input: (session) => session.#input(),
    base: (session) => session.#record,
    ended: (session) => session.#ended,
    rebase: (session, record) => session.#rebase(record),
    draft: (session) => session.#draft,
    renewal: (session) => session.#renewal,
    rememberMs: (session) => asLife(session.#draft.peek(LIFE))?.rememberMs ?? null,
    settle: (session, record, renewal) => session.#settle(record, renewal),
    endSettled: (session) => (session.#ended = null),
    isOver: (session, draft) => session.#draft !== draft,
    endToo: (session, record) => (session.#ended ??= record),
    noteDevice: (session) => session.#noteDevice(),
    vanish: (session) => session.#vanish(),
    detach: (session) => session.#detach(),
    rollBack: (session) => session.#rollBack(),
    quietly: (session, work) => session.#quietly(work),
  };

  #source(): DataSource {
    return {
      get: (name) => this.#known(name, () => this.#draft.get(name)),
      has: (name) => this.#known(name, () => this.#draft.has(name)) ?? false,
      keys: () => this.keys(),
      set: (name, value) => this.set(name as keyof Data & string, value as Data[keyof Data & string]),
      delete: (name) => this.delete(name as keyof Data & string),
    };
  }

  /** A property that cannot be a field is simply not there: code that probes objects must not be thrown at. */
  #known<T>(name: string, read: () => T): T | undefined {
    this.#look();
    return isReserved(name) || name === "__proto__" ? undefined : read();
  }

  #look(): void {
    if (this.#looked) return;
    this.#looked = true;
    this.#host.onLook();
  }

  /** Lets the library use what handlers use without counting it as a look. */
  #quietly<T>(work: () => T): T {
    const looked = this.#looked;
    this.#looked = true;
    try {
      return work();
    } finally {
      this.#looked = looked;
    }
  }

  #stageable(name: string): void {
    this.#host.beforeStaging();
    this.#look();
    checkFieldName(name);
  }

  #takeFlashes(kind: string): unknown[] {
    this.#host.beforeTaking();
    const found = flashes(this.#draft.peek(FLASH), kind);
    if (found.length === 0) return [];
    this.#host.beforeStaging();
    const shown = found.map((message) => jsonCodec.encode(message));
    // Messages that another request added meanwhile are still to be shown, also where another showed these first.
    this.#draft.update(
      FLASH,
      (value) => withFlashes(value, kind, unseen(flashes(value, kind), shown)),
      "plain",
    );
    return found;
  }

  #authentication(): Authentication | null {
    this.#look();
    return asAuthentication(this.#draft.peek(AUTH));
  }

  #rememberMs(remember: Duration | undefined): number | null {
    if (remember === undefined) return null;
    const wanted = milliseconds(remember, "remember", "ERR_SESSION_USE");
    const allowed = this.#host.lifetime.rememberMaxMs;
    if (wanted <= allowed) return wanted;
    throw new SessionError(
      "ERR_SESSION_USE",
      `login was asked to remember for ${wanted} ms; rememberMax allows ${allowed}.`,
    );
  }

  #end(draft: Draft): void {
    // The first record that this request loaded is the one its client holds a cookie for.
    this.#ended ??= this.#record;
    this.#record = null;
    this.#renewal = null;
    this.#draft = draft;
  }

  #input(): Omit<CommitInput, "rotationDue"> {
    const remember = asLife(this.#draft.peek(LIFE))?.rememberMs;
    return {
      record: this.#record,
      ended: this.#ended,
      staged: this.#draft.stage(),
      hasInfo: this.#quietly(() => this.hasInfo()),
      renewal: this.#renewal,
      idleMs: idleLimit(this.#host.lifetime, remember),
    };
  }

  #rebase(record: SessionRecord): string[] {
    this.#record = record;
    return this.#draft.rebase(record.fields);
  }

  #settle(record: SessionRecord, renewal: Renewal | null): void {
    this.#record = record;
    // A renewal that was staged while this commit was on its way is still to be done.
    if (this.#renewal === renewal) this.#renewal = null;
  }

  #noteDevice(): void {
    const { device } = this.#host;
    if (Object.keys(device).length > 0) this.#draft.set(DEVICE, device);
  }

  /** The record is gone, and what was staged with it. */
  #vanish(): void {
    this.#record = null;
    this.#rollBack();
  }

  /** The record is gone: what was staged can only go into a new one. */
  #detach(): void {
    const left = this.#draft.detached();
    this.#record = null;
    this.#draft = left;
  }

  #rollBack(): void {
    this.#draft = new Draft(this.#record?.fields ?? {}, this.#host.rules);
    this.#renewal = null;
  }

  #summary(): {
    id: SessionId | null;
    user: string | null;
    isNew: boolean;
    createdAt: number;
    fields: string[];
  } {
    return this.#quietly(() => ({
      id: this.id,
      user: this.user,
      isNew: this.isNew,
      createdAt: this.createdAt,
      fields: this.#draft.keys(),
    }));
  }
}

// oxlint-disable-next-line typescript/no-explicit-any -- sessions of any data
export type AnySession = Session<any, any>;

function added(name: string, value: unknown, by: number): number {
  if (!Number.isFinite(by))
    throw new SessionError("ERR_SESSION_USE", "increment takes a finite number to add, such as 1.");
  if (value === undefined) return by;
  if (typeof value === "number") return value + by;
  throw new SessionError(
    "ERR_SESSION_USE",
    `The session field "${name}" does not hold a number, so it cannot be incremented. Set it to one first.`,
  );
}
