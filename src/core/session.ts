import { added } from "./arithmetic.ts";
import {
  authenticatedAgain,
  type AuthenticationOptions,
  type FreshnessDemand,
  loginOf,
  type LoginOptions,
  missingOf,
  stageLogin,
} from "./authentication.ts";
import { type DataAccess, dataView, type SessionData } from "./data.ts";
import { checkUpdater, Draft } from "./draft.ts";
import type { Duration } from "./duration.ts";
import { SessionError } from "./errors.ts";
import { checkFieldName } from "./fields.ts";
import { addFlash, dropFlashes, flashes } from "./flash.ts";
import {
  formTokensIn,
  isOutstanding,
  makeCsrfToken,
  makeFormToken,
  spendFormToken,
  voidTokens,
  wrongToken,
} from "./form-tokens.ts";
import type { Preset } from "./lifetime.ts";
import { activeUntil, isLockedNow, keptFor, lockedView } from "./lock.ts";
import { refuseLostAssignments } from "./lost-assignment.ts";
import { equalInConstantTime, printsAs } from "./platform.ts";
import type { CommitInput, Renewal } from "./plan.ts";
import { isReserved, type SessionId, type SessionRecord } from "./record.ts";
import {
  asAuthentication,
  asDevice,
  asLife,
  AUTH,
  type Authentication,
  CSRF,
  DEVICE,
  FLASH,
  FORM_TOKENS,
  isInformative,
  LIFE,
  reservedValue,
} from "./reserved.ts";
import type { SessionAccess } from "./session-access.ts";
import type { SessionHost, SessionInit } from "./session-host.ts";
import { hasInfo, type Summary, summaryOf } from "./session-summary.ts";

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
  /** The user was idle for too long: nothing of theirs is shown or changed until `unlock`. */
  #locked: boolean;

  constructor(init: SessionInit) {
    this.#host = init.host;
    this.#record = init.record;
    this.#locked = isLockedNow(this.#record, this.#host);
    this.#draft = new Draft(this.#shownFields(init.record), init.host.rules);
  }

  /**
   * The fields as plain properties: lazy, typed, and changed by assignment, `delete`, or changing a value in place. A
   * field that is absent, or whose stored value its schema refuses, is `undefined`, or what its schema has for a default.
   */
  get data(): SessionData<Data, Certain> {
    this.#view ??= dataView<AnySession>(this, Session.#dataAccess);
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
    return this.set(name, undefined);
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
    checkUpdater(name, change);
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
    addFlash(this.#draft, kind, messages[0]);
  }

  /** The user who is logged in, or `null`; also `null` while the session is locked. */
  get user(): string | null {
    return this.#authentication()?.user ?? null;
  }

  /**
   * The user whose session is locked because they were idle for too long, or `null`. Only where the idle limit locks
   * (`onIdle: "lock"`, the preset aal2). A locked session shows no field and refuses changes with `ERR_SESSION_LOCKED`; `unlock`,
   * `login`, `reauthenticate` and `logout` work. Show the user a form for one factor.
   */
  get lockedUser(): string | null {
    this.#look();
    return this.#locked ? (this.#storedAuthentication()?.user ?? null) : null;
  }

  /** The assurance level of the last authentication, as given to `login` and `reauthenticate`, or `null`. */
  get level(): Preset | null {
    return this.#authentication()?.level ?? null;
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

  /** When the session is locked or ends if no further request comes, whichever is first. `null` until the session is stored. */
  get activeUntil(): number | null {
    this.#look();
    return this.#record === null ? null : activeUntil(this.#record, this.#host.lifetime);
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
    return this.#draft.some(isInformative);
  }

  /** Called when a request has loaded this session, before any handler. Does nothing here. */
  startRequest(): void {}

  /**
   * Makes this the session of a user: always a new secret and epoch, so the token from before opens nothing any more
   * and a request in flight under it cannot write. Counts the absolute limit anew; tokens of forms from before are void. When another
   * user is logged in, or their session is locked, it is ended and only what this request assigned goes into the new one.
   *
   * @param user the user's id, 1 to 200 characters.
   * @throws `ERR_SESSION_USE` for a wrong argument, `ERR_SESSION_SENT` after the response left; at commit
   * `ERR_SESSION_REVOKED` when `revokeUser` was called meanwhile, `ERR_SESSION_TOO_MANY` when the user has as many sessions as
   * `concurrency` allows. ASVS 7.2.4.
   */
  login(user: string, options: LoginOptions = {}): void {
    this.#host.beforeNewSecret("login");
    this.#look();
    const login = loginOf(user, options, this.#host);
    const current = this.user ?? this.lockedUser;
    if (current !== null && current !== user) this.#end(this.#draft.renewed());
    this.#open();
    stageLogin(this.#draft, login, this.#host.device, (name) => this.#mayHold(name));
    voidTokens(this.#draft, (name) => this.#mayHold(name));
    this.#renewal = login.renewal;
    this.#host.onLogin(this);
  }

  /**
   * Notes that the user authenticated again, in full: new secret and epoch, and the absolute limit counts anew. Methods add up; the
   * level rises to the one given, and never falls. Opens a locked session.
   *
   * @throws `ERR_SESSION_USE` when nobody is logged in, `ERR_SESSION_SENT` after the response left. ASVS 7.2.4, 7.5.1.
   */
  reauthenticate(options: AuthenticationOptions = {}): void {
    this.#host.beforeNewSecret("reauthenticate");
    const before = this.#authentication() ?? this.#storedAuthentication();
    if (before === null)
      throw new SessionError(
        "ERR_SESSION_USE",
        "Nobody is logged in. Call login(user) instead of reauthenticate().",
      );
    const now = this.#host.clock.now();
    const again = authenticatedAgain(before, options, now);
    this.#open();
    this.#draft.set(AUTH, again);
    voidTokens(this.#draft, (name) => this.#mayHold(name));
    const limit = asLife(this.#draft.peek(LIFE))?.rememberMs ?? this.#host.lifetime.absoluteMs;
    this.#renewal = { verb: "reauthenticate", ...this.#renewal, endsAt: now + limit };
  }

  /**
   * Opens a session that is locked, after the user proved one factor: new secret and epoch, and the idle limit counts anew. The absolute
   * limit does not, and the authentication stays as old as it is: for more, call `reauthenticate` after all factors.
   *
   * @throws `ERR_SESSION_USE` when the session is not locked, `ERR_SESSION_SENT` after the response left. NIST SP 800-63B-4, 2.2.3.
   */
  unlock(): void {
    this.#host.beforeNewSecret("unlock");
    if (this.lockedUser === null)
      throw new SessionError("ERR_SESSION_USE", "The session is not locked. Look at lockedUser first.");
    this.#open();
    voidTokens(this.#draft, (name) => this.#mayHold(name));
    this.#renewal = { verb: "unlock" };
  }

  /**
   * Demands something of the last authentication: that it is not longer ago than this, or `{ maxAge, methods, level }`. Changes nothing.
   *
   * @throws `ERR_SESSION_NOT_FRESH` (status 401) otherwise, also when nobody is logged in; `ERR_SESSION_USE` for a demand that is none.
   * ASVS 7.5.1, 7.5.3.
   */
  requireFresh(demand: Duration | FreshnessDemand): void {
    const missing = missingOf(demand, this.#authentication(), this.#host.clock.now());
    if (missing === null) return;
    throw new SessionError(
      "ERR_SESSION_NOT_FRESH",
      `This needs ${missing}. Authenticate the user, then call reauthenticate().`,
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
    this.#renewal ??= { verb: "rotate" };
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
    return makeFormToken(this.#draft);
  }

  /** Tells, in constant time for each, whether a form token is outstanding. Takes anything a client sent. */
  hasFormToken(token: unknown): boolean {
    this.#look();
    return isOutstanding(formTokensIn(this.#draft.peek(FORM_TOKENS)), token);
  }

  /**
   * Uses up a form token. `false` when it is not outstanding. Of several requests that use up the same token at the same
   * time one succeeds; the commit of the others fails with `ERR_SESSION_CONFLICT`.
   */
  removeFormToken(token: unknown): boolean {
    this.#host.beforeTaking();
    if (!this.hasFormToken(token)) return false;
    this.#host.beforeStaging();
    this.#draft.update(FORM_TOKENS, (value) => spendFormToken(formTokensIn(value), token as string));
    return true;
  }

  /** The token of this session against forged requests: made at first use, then the same until the session ends. */
  csrfToken(): string {
    this.#look();
    const known = this.#draft.peek(CSRF);
    if (typeof known === "string") return known;
    this.#host.beforeStaging();
    return makeCsrfToken(this.#draft);
  }

  /** Tells, in constant time, whether a value that a client sent is this session's token. Takes anything. */
  isCsrfToken(value: unknown): boolean {
    this.#look();
    const known = this.#draft.peek(CSRF);
    return typeof known === "string" && typeof value === "string" && equalInConstantTime(known, value);
  }

  /**
   * Demands this session's token of a request that changes something.
   *
   * @param value what the client sent, in a header or a form's field. Anything.
   * @throws `ERR_SESSION_FORGED` (status 403) for anything but the token. ASVS 3.5.1; NIST SP 800-63B-4, section 5.1.
   */
  requireCsrfToken(value: unknown): void {
    if (!this.isCsrfToken(value)) throw wrongToken();
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
    refuseLostAssignments(Session.prototype);
  }

  /** @internal The manager's way in. Not for handlers. */
  static readonly access: SessionAccess = {
    host: (session) => session.#host,
    input: (session, rotationDue, stale) => session.#input(rotationDue, stale),
    base: (session) => session.#record,
    ended: (session) => session.#ended,
    rebase: (session, record) => session.#rebase(record),
    draft: (session) => session.#draft,
    renewal: (session) => session.#renewal,
    rememberMs: (session) => asLife(session.#draft.peek(LIFE))?.rememberMs ?? null,
    settle: (session, record, renewal) => session.#settle(record, renewal),
    endSettled: (session) => (session.#ended = null),
    isOfUser: (session) => session.#draft.holds(AUTH) || session.#locked,
    isOver: (session, draft) => session.#draft !== draft,
    endToo: (session, record) => (session.#ended ??= record),
    noteDevice: (session) => session.#noteDevice(),
    vanish: (session) => session.#vanish(),
    detach: (session) => session.#detach(),
    shownFields: (session, record) => session.#shownFields(record),
    rollBack: (session) => session.#rollBack(),
    quietly: (session, work) => session.#quietly(work),
  };

  static readonly #dataAccess: DataAccess<AnySession> = {
    get: (session, name) => (session.#isField(name) ? session.#draft.get(name) : undefined),
    has: (session, name) => session.#isField(name) && session.#draft.has(name),
    keys: (session) => session.keys(),
    set: (session, name, value) => session.set(name, value),
    delete: (session, name) => session.delete(name),
  };

  /** A property that cannot be a field is simply not there: code that probes objects must not be thrown at. */
  #isField(name: string): boolean {
    this.#look();
    return !isReserved(name) && name !== "__proto__";
  }

  #look(): void {
    if (this.#looked) return;
    this.#looked = true;
    this.#host.onLook();
  }

  /** Lets the library use what handlers use without counting it as a look. */
  #quietly<T>(work: (session: AnySession) => T): T {
    const looked = this.#looked;
    this.#looked = true;
    try {
      return work(this);
    } finally {
      this.#looked = looked;
    }
  }

  #stageable(name: string): void {
    this.#host.beforeStaging();
    this.#look();
    checkFieldName(name);
    if (!this.#locked) return;
    throw new SessionError(
      "ERR_SESSION_LOCKED",
      "The session is locked, for its user was idle for too long. Look at lockedUser; call unlock() after one factor.",
    );
  }

  #takeFlashes(kind: string): unknown[] {
    this.#host.beforeTaking();
    const found = flashes(this.#draft.peek(FLASH), kind);
    if (found.length === 0) return [];
    this.#host.beforeStaging();
    dropFlashes(this.#draft, kind, found);
    return found;
  }

  #authentication(): Authentication | null {
    this.#look();
    return asAuthentication(this.#draft.peek(AUTH));
  }

  /** Who is logged in, as stored, also while the session is locked. */
  #storedAuthentication(): Authentication | null {
    return this.#record === null ? null : asAuthentication(reservedValue(this.#record.fields, AUTH));
  }

  /** The fields of the record, as far as they may be known. */
  #shownFields(record: SessionRecord | null): SessionRecord["fields"] {
    const fields = record?.fields ?? {};
    return this.#locked ? lockedView(fields) : fields;
  }

  /** From here on the user is there: what was hidden is shown. */
  #open(): void {
    if (!this.#locked) return;
    this.#locked = false;
    this.#draft.reveal(this.#shownFields(this.#record));
  }

  /** Whether a field is there, or may be by the time of the commit: what is not stored yet nobody else adds to. */
  #mayHold(name: string): boolean {
    return this.#record !== null || this.#draft.holds(name);
  }

  #end(draft: Draft): void {
    // The first record that this request loaded is the one its client holds a cookie for.
    this.#ended ??= this.#record;
    this.#record = null;
    this.#renewal = null;
    this.#locked = false;
    this.#draft = draft;
  }

  #input(rotationDue: boolean, stale: boolean): CommitInput {
    return {
      rotationDue,
      stale,
      record: this.#record,
      ended: this.#ended,
      staged: this.#draft.stage(),
      hasInfo: this.#quietly(hasInfo),
      renewal: this.#renewal,
      idleMs: keptFor(this.#draft, this.#host.lifetime),
      locked: this.#locked,
    };
  }

  #rebase(record: SessionRecord): readonly string[] {
    this.#record = record;
    return this.#draft.rebase(this.#shownFields(record));
  }

  #settle(record: SessionRecord, renewal: Renewal | null): void {
    this.#record = record;
    // A renewal that was staged while this commit was on its way is still to be done.
    if (this.#renewal === renewal) this.#renewal = null;
  }

  /** Notes where a new session comes from. Tells whether that was not known yet. */
  #noteDevice(): boolean {
    const { device } = this.#host;
    if (this.#draft.isAssigned(DEVICE) || Object.keys(device).length === 0) return false;
    this.#draft.set(DEVICE, device);
    return true;
  }

  /** The record is gone, and what was staged with it. */
  #vanish(): void {
    this.#record = null;
    this.#rollBack();
  }

  /** The record is gone: what was staged can only go into a new one. */
  #detach(): void {
    this.#draft = this.#draft.detached();
    this.#record = null;
  }

  #rollBack(): void {
    this.#locked = isLockedNow(this.#record, this.#host);
    this.#draft = new Draft(this.#shownFields(this.#record), this.#host.rules);
    this.#renewal = null;
  }

  #summary(): Summary {
    return this.#quietly(() => summaryOf(this, this.#draft));
  }
}

// oxlint-disable-next-line typescript/no-explicit-any -- sessions of any data
export type AnySession = Session<any, any>;
