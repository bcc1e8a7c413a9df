import type { SessionEventName, SessionEvents } from "../index.ts";

/** How much somebody should care: `info` is the course of things, `notice` is rare, `warning` may be an attack, `alert` is one. */
export type AuditSeverity = "info" | "notice" | "warning" | "alert";

/** One line of an audit trail. */
export interface AuditEntry {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** What happened, such as `"login"` or `"theft"`. */
  readonly event: string;
  readonly severity: AuditSeverity;
  /** The session's public handle: it opens nothing. */
  readonly session: string | null;
  readonly user: string | null;
  readonly address: string | null;
  /** Why, where there is more to say than what. */
  readonly reason: string | null;
  readonly details: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

type Facts = Partial<Omit<AuditEntry, "at" | "event">>;
type Teller = { readonly [Name in SessionEventName]?: (event: SessionEvents[Name]) => Facts };

const TELL: Teller = {
  created: ({ id, user, address }) => ({ session: id, user, address }),
  login: ({ id, user, methods, address }) => ({ session: id, user, address, details: { methods } }),
  reauthenticated: ({ id, user, methods, address }) => ({ session: id, user, address, details: { methods } }),
  unlocked: ({ id, user, address }) => ({ session: id, user, address }),
  rotated: ({ id, user, reason, address }) => ({ session: id, user, reason, address }),
  ended: ({ id, user, reason, address }) => ({ session: id, user, reason, address }),
  revoked: ({ id, user, count, labels }) => ({
    severity: "notice",
    session: id ?? null,
    user: user ?? null,
    details: { count, ...(labels !== undefined && { labels }) },
  }),
  expired: ({ id, user, address }) => ({ session: id, user, address }),
  rejected: ({ id, reason, address }) => ({
    severity: reason === "malformed" || reason === "unknown" ? "notice" : "warning",
    session: id ?? null,
    reason,
    address,
  }),
  forged: ({ reason, origin, method, enforced, address }) => ({
    severity: "warning",
    reason,
    address,
    details: { method, enforced, ...(origin !== null && { origin: printable(origin) }) },
  }),
  theft: ({ id, user, address }) => ({ severity: "alert", session: id, user, address }),
  moved: ({ id, user, address, from, addressChanged, userAgentChanged }) => ({
    severity: "notice",
    session: id,
    user,
    address,
    details: {
      addressChanged,
      userAgentChanged,
      ...(from.address !== null && { from: from.address }),
    },
  }),
  gone: ({ id, reason, fields }) => ({ session: id, reason, details: { fields } }),
  corrupt: ({ id, seal }) => ({
    severity: "warning",
    session: id,
    reason: seal === undefined ? null : `seal ${seal}`,
  }),
  liveEnded: ({ id, reason }) => ({ session: id, reason }),
  extension: ({ extension, what, id, user, address, alarming, details }) => ({
    severity: alarming ? "alert" : "notice",
    session: id,
    user,
    address,
    reason: what,
    details: { extension, ...details },
  }),
  // What the engine said may tell of machines and accounts: it belongs into the operator's log, not into a trail.
  storeFailure: ({ operation }) => ({ severity: "warning", reason: operation }),
};

/** Makes an entry of an event. */
export function entryOf(
  name: SessionEventName,
  event: SessionEvents[SessionEventName],
  at: number,
): AuditEntry {
  const facts = (TELL[name] as ((event: unknown) => Facts) | undefined)?.(event) ?? {};
  return {
    at: new Date(at).toISOString(),
    event: name,
    severity: "info",
    session: null,
    user: null,
    address: null,
    reason: null,
    details: {},
    ...facts,
  };
}

/** A client wrote this: it must not begin a line of its own in somebody's log, nor fill it. */
function printable(text: string): string {
  return text.slice(0, 200).replace(/[^\x20-\x7e]/g, "?");
}
