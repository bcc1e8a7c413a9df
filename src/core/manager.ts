import { Administration } from "./administration.ts";
import { Admission } from "./admission.ts";
import { AtRest } from "./at-rest.ts";
import { Attachment } from "./attachment.ts";
import { Committer } from "./commit.ts";
import { tooLateForCookie } from "./refusals.ts";
import { cookieValues } from "./cookie.ts";
import { CsrfGuard } from "./csrf.ts";
import type { Duration } from "./duration.ts";
import { SessionError } from "./errors.ts";
import { Events, type SessionEventName, type SessionListener } from "./events.ts";
import type { HttpExchange } from "./exchange.ts";
import { Extensions } from "./extensions.ts";
import { Finisher } from "./finishing.ts";
import { Gate } from "./gate.ts";
import type { LiveHooks } from "./hooks.ts";
import type { SessionScope } from "./labels.ts";
import { Live, type LiveSession, type LiveShared } from "./live.ts";
import { type Loaded, Loader, tokensOf } from "./load.ts";
import { Marks } from "./marks.ts";
import { Once } from "./once.ts";
import { Moves } from "./moves.ts";
import { checkOptionNames } from "./option-names.ts";
import { type ResolvedOptions, resolveOptions, type SessionManagerOptions } from "./options.ts";
import { printsAs, runInContext } from "./platform.ts";
import { describe, type SessionPolicy } from "./policy.ts";
import type { SessionId } from "./record.ts";
import { type HostShared, RequestHost } from "./request-host.ts";
import type { RequestState } from "./request-state.ts";
import { ROTATION } from "./reserved.ts";
import { confirmed, isRotationDue, isUnconfirmed, rotationOf } from "./rotation.ts";
import type { CertainOf, DataOf, FieldSchemas } from "./schema.ts";
import { type AnySession, Session } from "./session.ts";
import { Seats } from "./seats.ts";
import type { SessionInit } from "./session-host.ts";
import type { SessionInfo } from "./session-info.ts";
import type { Token } from "./token.ts";
import { Watcher } from "./watch.ts";

// oxlint-disable-next-line typescript/no-generated-empty-object-type -- no schemas, and so no field that is certain
type NoFields = Readonly<Record<never, never>>;

/** The session type of a manager: the given data, and what its schemas say. */
export type SessionOf<Data extends object, Fields extends FieldSchemas> = Session<
  Data & DataOf<Fields>,
  CertainOf<Fields> & keyof (Data & DataOf<Fields>)
>;

/**
 * Manages the sessions of one kind: one cookie, one store, one policy. Adapters call its hooks; applications use its
 * administration (`sessionsOf`, `revoke`, `revokeUser`, `revokeAll`, `all`, `sweep`) and its events.
 *
 * ```ts
 * const manager = new SessionManager({ store: sqliteStore("sessions.db") });
 * ```
 */
export class SessionManager<
  Data extends object = Record<string, unknown>,
  Fields extends FieldSchemas = NoFields,
  S extends AnySession = SessionOf<Data, Fields>,
> implements LiveHooks<S> {
  readonly #options: ResolvedOptions<S>;
  readonly #events: Events = new Events();
  readonly #gate: Gate;
  readonly #atRest: AtRest;
  readonly #loader: Loader;
  readonly #committer: Committer;
  readonly #finisher: Finisher;
  readonly #administration: Administration;
  readonly #once: Once;
  readonly #csrf: CsrfGuard | null;
  readonly #extensions: Extensions;
  readonly #moves: Moves;
  readonly #shared: HostShared;
  readonly #live: LiveShared<S>;
  readonly #states: Attachment<RequestState<S>> = new Attachment("holdfast.request");
  readonly #loading: Attachment<Promise<S>> = new Attachment("holdfast.loading");

  /** @throws `ERR_SESSION_CONFIG` for options that are unknown, impossible or contradict each other, naming the mend. */
  constructor(options: SessionManagerOptions<Fields, S>) {
    const resolved = resolveOptions<S>(options);
    const { store, clock, lifetime, deadlineMs, setup } = resolved;
    this.#options = resolved;
    const atRest = new AtRest(resolved.atRest);
    this.#atRest = atRest;
    this.#gate = new Gate(atRest.opened(store), clock, deadlineMs, this.#events, { setup, bare: store });
    const marks = new Marks(this.#gate, clock);
    this.#moves = new Moves(this.#events, resolved.moves);
    this.#loader = new Loader(this.#gate, this.#events, clock, lifetime, atRest.pepper);
    const isRevocable = store.deleteByLabel !== undefined || store.all !== undefined;
    const seats =
      resolved.concurrency === null
        ? null
        : new Seats(this.#gate, clock, this.#events, resolved.concurrency, lifetime);
    this.#committer = new Committer(this.#gate, clock, this.#events, {
      ...resolved,
      atRest,
      moves: this.#moves,
      admission: new Admission(isRevocable ? marks : null, seats),
      resends: store.traits.resends,
    });
    this.#finisher = new Finisher(this.#committer, this.#events, {
      ...resolved,
      leaving: (session, exchange, userLeft) => this.#extensions.leaving(session, exchange, userLeft),
    });
    this.#administration = new Administration(this.#gate, clock, this.#events, marks, resolved);
    this.#once = new Once(this.#gate, clock);
    this.#extensions = new Extensions(resolved.extensions, {
      clock,
      rememberMaxMs: lifetime.rememberMaxMs,
      events: this.#events,
      open: (exchange, token) => this.#opened(exchange, token),
      begin: (exchange, heirTo) => this.#begin(exchange, null, null, { heirTo }),
      once: (key, ttl, work) => this.#once.run(key, ttl, work),
      find: (id) => this.#administration.find(id),
      revoke: (id) => this.#administration.revoke(id, {}),
    });
    this.#csrf = resolved.csrf && new CsrfGuard(resolved.csrf, this.#events);
    this.#shared = {
      clock,
      lifetime,
      codec: resolved.codec,
      fields: resolved.fields,
      invalid: (id, field) => this.#events.emit("invalid", { id, field }),
      nextSequence: () => marks.nextSequence(),
      commit: (state) => this.#finisher.commitNow(state),
      claim: (state, name) => this.#committer.claim(state, name),
      use: (state) => this.#use(state),
      login: (session) => this.#extensions.login(session),
    };
    this.#live = {
      clock,
      watcher: new Watcher(this.#gate, clock, this.#events, resolved.live, lifetime),
      lifetime,
      read: async (id) => await this.#gate.read(id),
      begin: (exchange, record) =>
        this.#begin(exchange, record && { record, token: null, predecessor: false }, null, { message: true }),
      within: (session, work) => this.within(session, work),
      succeed: (exchange) => this.finishSuccessfulRequest(exchange),
      fail: (exchange) => this.finishFailedRequest(exchange),
      listenerFailed: (error) => this.#events.emit("listenerFailure", { event: "liveEnded", error }),
    };
  }

  // ---- The hooks, in the order of a request ----

  /**
   * Loads the session of a request and calls its `startRequest`. Without a well-formed cookie this is synchronous and
   * calls no store; it is synchronous too where the store answers at once. Again for the same exchange, gives the same session.
   *
   * @throws `ERR_SESSION_FORGED` for a request from a stranger's page, before anything is loaded; `ERR_SESSION_STORE_UNAVAILABLE` or
   * `ERR_SESSION_FORMAT` when the store cannot say, unless `onStoreFailure` is `"anonymous"`.
   */
  startRequest(exchange: HttpExchange): S | Promise<S> {
    const isKnown = this.#states.get(exchange) !== undefined;
    if (!isKnown) this.#guard(exchange);
    const session = this.getSession(exchange);
    if (session instanceof Promise) return session.then((loaded) => this.#extended(exchange, loaded));
    return isKnown ? this.#started(exchange, session) : this.#extended(exchange, session);
  }

  /** Fetches or makes the session object of a request. Stores nothing and sets no cookie. */
  getSession(exchange: HttpExchange): S | Promise<S> {
    const known = this.#states.get(exchange)?.session ?? this.#loading.get(exchange);
    if (known !== undefined) return known;
    this.#administration.keepSwept();
    const values = cookieValues(exchange.cookieLines, this.#options.cookie.name);
    const tokens = tokensOf(values, this.#events, exchange.remoteAddress ?? null);
    const loading = tokens.length === 0 ? this.#unopened(exchange) : this.#load(exchange, tokens);
    if (loading instanceof Promise) this.#loading.set(exchange, loading);
    return loading;
  }

  /** See {@link RequestHooks.commitEarly}. */
  commitEarly(exchange: HttpExchange, check?: () => void): void | Promise<void> {
    const state = this.#states.get(exchange);
    if (state === undefined || state.phase !== "open" || !state.used) return;
    return this.#finisher.commitEarly(state, check);
  }

  /** See {@link RequestHooks.commitByHand}. @throws `ERR_SESSION_SENT` when the request has finished, else as `session.commit()`. */
  async commitByHand(exchange: HttpExchange, cookie: "if new" | "always"): Promise<void> {
    const state = this.#stateOf(exchange);
    if (state.phase !== "open") throw tooLateForCookie(state);
    await this.#finisher.commitByHand(state, cookie);
  }

  /** See {@link RequestHooks.finishSuccessfulRequest}. What the client did wrong (4xx) is a success; what the server did is not. */
  finishSuccessfulRequest(exchange: HttpExchange, isReady?: () => boolean): void | Promise<void> {
    const state = this.#states.get(exchange);
    if (state === undefined || state.phase !== "open") return;
    // Nobody looked at the session, and loading it planned nothing.
    if (!state.used) return void (state.phase = "sent");
    state.phase = "closing";
    return this.#finisher.succeed(state, isReady);
  }

  /** See {@link RequestHooks.finishFailedRequest}. */
  finishFailedRequest(exchange: HttpExchange): void | Promise<void> {
    const state = this.#states.get(exchange);
    if (state === undefined || state.phase !== "open") return;
    state.phase = "closing";
    return this.#finisher.fail(state);
  }

  /**
   * See {@link RequestHooks.finishLate}. Emits `late` when there was something to store. A response that left past the
   * adapter, so that no other hook was called, is late from its beginning.
   */
  finishLate(exchange: HttpExchange): void | Promise<void> {
    const state = this.#states.get(exchange);
    if (state === undefined || state.phase === "closing") return;
    state.phase = "sent";
    return this.#finisher.finishLate(state);
  }

  /**
   * See {@link RequestHooks.abandon}. Emits `abandoned` when something is staged. A handler that goes on to answer a client
   * that has left finishes as any other: a disconnect alone is no failure.
   */
  abandon(exchange: HttpExchange): void | Promise<void> {
    const state = this.#states.get(exchange);
    if (state === undefined || state.phase !== "open") return;
    return this.#finisher.abandon(state);
  }

  within<T>(session: S, work: () => T): T {
    return this.#options.context ? runInContext(session, work) : work();
  }

  /** See {@link LiveHooks.live}. */
  live(session: S): LiveSession<S> {
    const host = Session.access.host(session);
    if (host instanceof RequestHost && host.isOf(this.#shared))
      return new Live(this.#live, host.exchange, Session.access.base(session));
    throw new SessionError("ERR_SESSION_USE", "live takes a session that this manager loaded.");
  }

  // ---- What the seed's manager offers beside its hooks ----

  /**
   * Tells whether a request's session will be kept: it has information. One that lost all its information is ended when
   * the request finishes, unless another request gave it new. Nothing is stored and no cookie is set before that.
   */
  async maintainSession(exchange: HttpExchange): Promise<boolean> {
    const session = await this.getSession(exchange);
    const state = this.#states.get(exchange);
    if (state !== undefined) this.#use(state);
    return Session.access.quietly(session, () => session.hasInfo());
  }

  /** Ends the session of a request, as `session.logout()` does. Does nothing for a request that was not started. */
  expireSession(exchange: HttpExchange): void {
    this.#states.get(exchange)?.session.logout();
  }

  /** Forgets a request: nothing it staged is stored, and nothing is ended. */
  clearSession(exchange: HttpExchange): void {
    this.#states.delete(exchange);
    this.#loading.delete(exchange);
  }

  /** Makes a session object. Override it to make another kind; nobody but the manager calls it. */
  newSession(init: SessionInit): S {
    return new this.#options.sessionClass(init);
  }

  /** Puts the cookie of a token on the response when it starts. @throws `ERR_SESSION_SENT` after it left. */
  setSessionCookie(exchange: HttpExchange, token: Token): void {
    this.#cookieState(exchange).cookie = token;
  }

  /** Revokes the cookie when the response starts, and hides it from {@link hasSessionCookie}. The record stays. @throws `ERR_SESSION_SENT` after it left. */
  revokeSessionCookie(exchange: HttpExchange): void {
    this.#cookieState(exchange).cookie = "revoke";
  }

  /**
   * Tells whether a request came with a session cookie; with `mustExist`, whether that opens a session. `false` for a
   * cookie that this request revoked.
   */
  async hasSessionCookie(
    exchange: HttpExchange,
    options: { readonly mustExist?: boolean } = {},
  ): Promise<boolean> {
    const values = cookieValues(exchange.cookieLines, this.#options.cookie.name);
    const session = options.mustExist === true && values.length > 0 ? await this.getSession(exchange) : null;
    const state = this.#states.get(exchange);
    if (state !== undefined) this.#use(state);
    if (values.length === 0 || state?.cookie === "revoke") return false;
    if (session === null) return true;
    return Session.access.base(session) !== null;
  }

  /** Tells whether a live session has this id. Reads it, and extends nothing. */
  hasSession(id: SessionId): Promise<boolean> {
    return this.#administration.has(id);
  }

  // ---- Administration ----

  /** Lists the live sessions of a user, the latest used first. Never a token. @throws `ERR_SESSION_USE` where the store has no index. */
  sessionsOf(user: string): Promise<SessionInfo[]> {
    return this.#administration.sessionsOf(user);
  }

  /**
   * Ends a session, wherever it is used; no request in flight can bring it back. With `user`, only if it is theirs.
   *
   * @returns whether there was one to end.
   */
  async revoke(id: SessionId, options: { readonly user?: string } = {}): Promise<boolean> {
    checkOptionNames(options, ["user"], "revoke", "ERR_SESSION_USE");
    return await this.#administration.revoke(id, options);
  }

  /**
   * Ends all sessions of a user but those named, and voids every login of theirs that is under way. A login that this
   * very request staged and has not committed is under way too. ASVS 7.4.2, 7.4.3.
   *
   * @returns how many the store's last call ended: all, unless it took several.
   */
  async revokeUser(
    user: string,
    options: { readonly except?: SessionId | null | readonly SessionId[] } = {},
  ): Promise<number> {
    checkOptionNames(options, ["except"], "revokeUser", "ERR_SESSION_USE");
    return await this.#administration.revokeWhere({ user }, options.except ?? []);
  }

  /**
   * Ends all sessions that have everything named in common (a user, tenant, device, label, or an identity of a provider) but those
   * excepted, and voids every such login that is under way. A provider's session, by issuer and session, is ended for good: a login
   * that names it later is void too. ASVS 7.1.3, 7.4.5.
   *
   * @returns how many were ended.
   * @throws `ERR_SESSION_USE` when nothing is named, or where the store has no index.
   */
  async revokeWhere(
    scope: SessionScope,
    options: { readonly except?: SessionId | null | readonly SessionId[] } = {},
  ): Promise<number> {
    checkOptionNames(options, ["except"], "revokeWhere", "ERR_SESSION_USE");
    return await this.#administration.revokeWhere(scope, options.except ?? []);
  }

  /** Ends every session that exists now, and voids every login under way. ASVS 7.4.5. @returns how many were ended. */
  revokeAll(): Promise<number> {
    return this.#administration.revokeAll();
  }

  /** Walks over all live sessions. */
  all(): AsyncGenerator<SessionInfo, void, void> {
    return this.#administration.all();
  }

  /** Deletes expired records now, in batches. Returns how many. Does nothing where the engine does it. */
  sweep(): Promise<{ readonly deleted: number }> {
    return this.#administration.sweep();
  }

  /**
   * Does something once for a key, among all processes that share the store: what defends a message against being replayed. Without
   * `work`, the key is used up at once. With it, only when the work is done: work that fails, or whose process dies, leaves the key free,
   * after 30 s at the latest. Work should be such that doing it twice does no harm, for its outcome may not have reached the store.
   *
   * @param key of any length; the store holds its hash.
   * @param ttl how long it is remembered, 1 ms to a hundred years.
   * @returns whether this call was the first.
   * @throws `ERR_SESSION_CONFLICT` while another call does the work of the same key; what `work` throws; `ERR_SESSION_STORE_UNAVAILABLE`
   * when the store cannot say; `ERR_SESSION_USE` for what is no key or duration.
   */
  once(key: string, ttl: Duration, work?: () => unknown): Promise<boolean> {
    return this.#once.run(key, ttl, work);
  }

  /** Calls the listener at each event of the name. Returns how to stop. */
  on<Name extends SessionEventName>(name: Name, listener: SessionListener<Name>): () => void {
    return this.#events.on(name, listener);
  }

  /** The policy in force, as plain data. */
  describePolicy(): SessionPolicy {
    return describe(this.#options);
  }

  /** Ends every live connection, waits for work in the background, then closes what the store opened by itself. */
  async close(): Promise<void> {
    this.#live.watcher.stop();
    await this.#administration.stop();
    await this.#finisher.settled();
    await this.#gate.close();
  }

  toString(): string {
    return `SessionManager (${this.#options.cookie.name})`;
  }

  static {
    printsAs(SessionManager.prototype, String);
  }

  #guard(exchange: HttpExchange): void {
    if (this.#csrf !== null && !this.#extensions.own(exchange)) this.#csrf.check(exchange);
  }

  #started(exchange: HttpExchange, session: S): S {
    const state = this.#states.get(exchange);
    if (state === undefined || state.started) return session;
    state.started = true;
    session.startRequest();
    return session;
  }

  /** Lets the extensions see a session before its request starts. */
  #extended(exchange: HttpExchange, session: S): S | Promise<S> {
    const isStarted = this.#states.get(exchange)?.started === true;
    const extended = isStarted ? undefined : this.#extensions.loaded(session, exchange);
    if (extended === undefined) return this.#started(exchange, session);
    return extended.then(() => this.#started(exchange, session));
  }

  #load(exchange: HttpExchange, tokens: readonly Token[]): S | Promise<S> {
    const loading = this.#loader.open(tokens, exchange.remoteAddress ?? null);
    if (!(loading instanceof Promise)) return this.#loaded(exchange, loading);
    return loading.then(
      (opened) => this.#loaded(exchange, opened),
      (error: unknown) => this.#outage(exchange, error),
    );
  }

  /** Nothing that the request's cookie may hold opens a session: an extension may find one. */
  #loaded(exchange: HttpExchange, opened: Loaded | null): S | Promise<S> {
    return opened === null ? this.#unopened(exchange) : this.#begin(exchange, opened, null);
  }

  #unopened(exchange: HttpExchange): S | Promise<S> {
    const finding = this.#extensions.find(exchange) as Promise<S | null> | undefined;
    if (finding === undefined) return this.#begin(exchange, null, null);
    return finding.then(
      (found) => found ?? this.#begin(exchange, null, null),
      (error: unknown) => this.#outage(exchange, error),
    );
  }

  async #opened(exchange: HttpExchange, token: Token): Promise<S | null> {
    const opened = await this.#loader.open([token], exchange.remoteAddress ?? null);
    return opened === null ? null : this.#begin(exchange, opened, null);
  }

  #outage(exchange: HttpExchange, error: unknown): S {
    this.#loading.delete(exchange);
    if (this.#options.onStoreFailure === "fail") throw error;
    return this.#begin(exchange, null, error);
  }

  #begin(
    exchange: HttpExchange,
    opened: Loaded | null,
    outage: unknown,
    { message = false, heirTo = null }: Partial<Pick<RequestState, "message" | "heirTo">> = {},
  ): S {
    const record = opened?.record ?? null;
    const host = new RequestHost(this.#shared, exchange, record?.id ?? null, outage);
    const session = this.newSession({ host, record });
    const state: RequestState<S> = {
      exchange,
      session,
      message,
      token: opened?.token ?? null,
      heirTo,
      predecessor: opened?.predecessor ?? false,
      rotationDue: false,
      started: false,
      looked: false,
      used: false,
      phase: "open",
      cookie: null,
      userLeft: false,
      failed: false,
      careful: false,
      busy: null,
    };
    host.bind(state);
    this.#states.set(exchange, state);
    state.used ||= opened !== null && this.#foresees(state, opened);
    return session;
  }

  /** Plans what loading alone calls for. Tells whether there is any. */
  #foresees(state: RequestState<S>, { record, token, predecessor }: Loaded): boolean {
    const { clock, lifetime } = this.#options;
    const now = clock.now();
    const at = rotationOf(record)?.at ?? 0;
    const touchDue = now - record.accessedAt > lifetime.accessTimeResolutionMs;
    // A message comes from where its connection was opened.
    const moved = token !== null && this.#moves.note(state.session, state.exchange, record, touchDue);
    // A message presents no secret.
    const presented = token !== null && !predecessor;
    if (presented && isUnconfirmed(record)) {
      Session.access.draft(state.session).update(ROTATION, (value) => confirmed(value, at, now), "minor");
      return true;
    }
    state.rotationDue = presented && isRotationDue(lifetime, record, now);
    const stale = this.#atRest.renewal(record, token) !== null;
    return moved || state.rotationDue || predecessor || touchDue || stale;
  }

  /** The handler looked: the response depends on the session. */
  #use(state: RequestState): void {
    state.looked = true;
    state.used = true;
  }

  #stateOf(exchange: HttpExchange): RequestState<S> {
    const state = this.#states.get(exchange);
    if (state !== undefined) return state;
    throw new SessionError(
      "ERR_SESSION_USE",
      "This request was not started. Call startRequest(exchange) first.",
    );
  }

  #cookieState(exchange: HttpExchange): RequestState<S> {
    const state = this.#stateOf(exchange);
    if (state.phase !== "open" || !exchange.canSetCookie) throw tooLateForCookie(state);
    state.used = true;
    return state;
  }
}
