import type { AnySession, SessionId, SessionInfo, SessionManager } from "../index.ts";
import { agentOf, type DeviceAgent, type UserAgentParser } from "./user-agent.ts";

/** What is used of a manager. */
export type DeviceManager = Pick<SessionManager, "sessionsOf" | "revoke" | "revokeUser" | "describePolicy">;

/** One session of a user, as they may see it. Opens nothing. Times are in milliseconds since the epoch. */
export interface Device {
  /** Names the session where one is to be ended. */
  readonly handle: SessionId;
  readonly createdAt: number;
  /** When its user last authenticated in it. */
  readonly authenticatedAt: number | null;
  /** When it was last used, as exact as the access time resolution. */
  readonly lastSeen: number;
  /** When it ends if it is not used again. */
  readonly expiresAt: number;
  /** Where it was last used from, as far as that is known. */
  readonly address: string | null;
  /** Where it was created or logged in from. */
  readonly startedFrom: string | null;
  readonly device: DeviceAgent;
  /** How its user authenticated, such as `["pwd", "otp"]`. */
  readonly methods: readonly string[];
  readonly level: SessionInfo["level"];
  readonly state: SessionInfo["state"];
  /** Whether it is the one that asks. */
  readonly current: boolean;
}

export interface ListOptions {
  /** Recognises browsers, such as `bowserParser(Bowser)`. Default: none is recognised, and the text is all there is. */
  readonly parseUserAgent?: UserAgentParser;
}

/**
 * Lists the sessions of the user who is logged in, for a page that is rendered on the server: this one first, then the latest used. Empty when
 * nobody is, or while the session is locked. Never a token. Demands no freshness. ASVS 7.5.2.
 *
 * @throws `ERR_SESSION_USE` where the store has no index of users; `ERR_SESSION_STORE_UNAVAILABLE` when it fails.
 */
export async function listDevices(
  manager: Pick<DeviceManager, "sessionsOf">,
  session: AnySession,
  options: ListOptions = {},
): Promise<Device[]> {
  const { user, id } = session;
  if (user === null) return [];
  const found = await manager.sessionsOf(user);
  return found
    .map((info) => deviceOf(info, id, options.parseUserAgent))
    .toSorted((one, other) => Number(other.current) - Number(one.current));
}

function deviceOf(info: SessionInfo, current: SessionId | null, parse: UserAgentParser | undefined): Device {
  return {
    handle: info.id,
    createdAt: info.createdAt,
    authenticatedAt: info.authenticatedAt,
    lastSeen: info.accessedAt,
    expiresAt: info.expiresAt,
    address: info.address,
    startedFrom: info.startedFrom.address,
    device: agentOf(info.userAgent, parse),
    methods: info.methods,
    level: info.level,
    state: info.state,
    current: info.id === current,
  };
}
