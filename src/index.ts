export type { PepperOptions, SealOptions } from "./core/at-rest.ts";
export type { AuthenticationOptions, FreshnessDemand, LoginOptions } from "./core/authentication.ts";
export { type CachingHeaders, forbidStoring, keepPrivate } from "./core/caching.ts";
export type { Clock } from "./core/clock.ts";
export type { Codec } from "./core/codec.ts";
export { jsonCodec } from "./core/codec.ts";
export { currentSession } from "./core/context.ts";
export {
  type Cookie,
  type CookieOptions,
  type CookiePolicy,
  cookieValues,
  resolveCookie,
  serializeCookie,
} from "./core/cookie.ts";
export type { CsrfOptions, ForgedReason } from "./core/csrf.ts";
export type { SessionData } from "./core/data.ts";
export { type Duration, milliseconds } from "./core/duration.ts";
export { SessionError, type SessionErrorCode } from "./core/errors.ts";
export type { RequestOrigin, SessionEventName, SessionEvents, SessionListener } from "./core/events.ts";
export type { ExtensionEvent, ExtensionHost, SessionExtension } from "./core/extension.ts";
export type { HttpExchange } from "./core/exchange.ts";
export type { LiveHooks, RequestHooks } from "./core/hooks.ts";
export type { NamedKey } from "./core/key-ring.ts";
export type { Identity, SessionScope } from "./core/labels.ts";
export type { LifetimeOptions, Preset } from "./core/lifetime.ts";
export type { LiveSession } from "./core/live.ts";
export type { LiveEnd } from "./core/live-end.ts";
export { SessionManager, type SessionOf } from "./core/manager.ts";
export type { MoveOptions } from "./core/moves.ts";
export { NullSessionManager } from "./core/null-manager.ts";
export type { ClearDirective, LiveOptions, SessionClass, SessionManagerOptions } from "./core/options.ts";
export type { SessionPolicy } from "./core/policy.ts";
export { judgeRecord, type SessionId, type SessionRecord } from "./core/record.ts";
export { isSameHost } from "./core/same-host.ts";
export type { FieldSchema, FieldSchemas } from "./core/schema.ts";
export { type AnySession, Session } from "./core/session.ts";
export type { ConcurrencyOptions } from "./core/seats.ts";
export type { SessionInit } from "./core/session-host.ts";
export type { SessionInfo } from "./core/session-info.ts";
export type {
  AnyStore,
  Call,
  ChangeListener,
  DeleteCondition,
  DeleteOutcome,
  DisposableStore,
  IterableStore,
  LabelIndex,
  Page,
  PageRequest,
  SessionChange,
  RecordStore,
  SessionStore,
  Setup,
  StoreTraits,
  Subscribable,
  Sweepable,
  SweepOutcome,
  Trackable,
  UpdateOutcome,
} from "./core/store.ts";
export { parseSessionId, Token } from "./core/token.ts";
