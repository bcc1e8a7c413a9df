export { backChannelLogout, type BackChannelLogoutOptions } from "./federation/back-channel-logout.ts";
export type { SignalOptions, SignalRefusal, SignalTarget } from "./federation/options.ts";
export {
  type SecurityEvent,
  sessionRevoked,
  type SessionRevokedOptions,
} from "./federation/session-revoked.ts";
export { scopeOfSubject, type SubjectIdentifier } from "./federation/subject.ts";
