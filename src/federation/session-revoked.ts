import type { JWTPayload } from "jose";
import type { Ask, Endpoint } from "../endpoint.ts";
import type { SessionScope } from "../index.ts";
import {
  isText,
  refuse,
  resolveRules,
  SIGNAL_OPTIONS,
  type SignalOptions,
  type SignalTarget,
} from "./options.ts";
import { receiver } from "./receiver.ts";
import { invalid, Refusal } from "./refusal.ts";
import { isSubject, scopeOfSubject, type SubjectIdentifier } from "./subject.ts";

/** A verified security event token (RFC 8417), as functions of the application's are given it. */
export interface SecurityEvent {
  readonly issuer: string;
  /** Who or what it is about, where it says so. */
  readonly subject: SubjectIdentifier | null;
  /** Its events by their type, each with what it tells. */
  readonly events: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** When what it tells of took place, in milliseconds since the epoch, where `session-revoked` says so. */
  readonly happenedAt: number | null;
}

export interface SessionRevokedOptions extends SignalOptions {
  /**
   * Finds the sessions that a subject is about, where {@link scopeOfSubject} does not know or you know better. `undefined` leaves it to
   * that; `null` says that nobody here is meant. What it throws has the sender try again.
   */
  readonly scopeOf?: (
    subject: SubjectIdentifier,
    event: SecurityEvent,
  ) => SessionScope | null | undefined | Promise<SessionScope | null | undefined>;
  /**
   * Is given verified tokens that tell of other events alone, each once, such as `…/ssf/event-type/verification`; else they are received
   * and nothing follows. What it throws has the sender try again.
   */
  readonly onOther?: (event: SecurityEvent) => unknown;
  /** The `Authorization` header that the transmitter was told to send. Default: the signature alone says who it is. */
  readonly authorization?: string;
}

const EVENT = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const NAME = "sessionRevoked";

/**
 * Receives security events by push (RFC 8935) and ends the sessions that a `session-revoked` is about (OpenID CAEP 1.0, section 3.1, over
 * the Shared Signals Framework 1.0; ASVS 7.4.5). Mount it at the `endpoint_url` of the stream.
 *
 * A token has to come as `application/secevent+jwt`, be signed by one of `keys`, be of the type `secevent+jwt`, of `issuer` and for
 * `audience`, not older than `maxAge` (default a day: transmitters send again for long), with `jti` and `events`, and with neither `nonce`
 * nor `sub`; its subject is `sub_id`. Sessions of that subject are ended, those since the event too, and logins under way are void.
 *
 * Answers 202 when they are ended, also when there are none, and to a token that came before, in whichever process, about which nothing is
 * done again; 400 with `err` and `description` for one that is not valid, and for a subject that nobody can find sessions by; 413 for
 * a body over 64 KiB; 405 for another method; 503 with `Retry-After` when the store or the keys are out of reach, a function of yours
 * failed, or the same token is being worked on. No answer may be kept by a cache. Emits the manager's `revoked`.
 *
 * @throws `ERR_SESSION_CONFIG` for options that cannot work. The endpoint throws `ERR_SESSION_USE` over a store without an index of labels, and
 * for what `scopeOf` gives that is no scope.
 */
export function sessionRevoked(manager: SignalTarget, options: SessionRevokedOptions): Endpoint {
  const rules = resolveRules(manager, options, {
    name: NAME,
    known: [...SIGNAL_OPTIONS, "scopeOf", "onOther", "authorization"],
    maxAge: "1d",
  });
  const { scopeOf, onOther, authorization } = options;
  if (scopeOf !== undefined && typeof scopeOf !== "function") refuse("scopeOf must be a function.");
  if (onOther !== undefined && typeof onOther !== "function") refuse("onOther must be a function.");
  if (authorization !== undefined && !isText(authorization))
    refuse('authorization must be the header that the transmitter sends, such as "Bearer …".');
  return receiver(manager, rules, {
    token: { type: "secevent+jwt", requiredClaims: [] },
    contentType: "application/secevent+jwt",
    async read(ask) {
      if (authorization !== undefined) await checkAuthorization(ask, authorization);
      return (await ask.text()).trim();
    },
    judge(claims) {
      const event = securityEvent(claims);
      if (!Object.hasOwn(event.events, EVENT)) return () => onOther?.(event);
      const { subject } = event;
      if (subject === null) throw invalid("The token has no subject, sub_id.");
      return async () => {
        const given = await scopeOf?.(subject, event);
        const scope = given === undefined ? scopeOfSubject(subject, event.issuer) : given;
        if (scope === null && given === undefined)
          throw invalid("No sessions here are known by a subject of this kind.");
        if (scope !== null) await manager.revokeWhere(scope);
      };
    },
    accepted: 202,
    repeated: () => 202,
    refused: ({ code, message }) => ({ err: code, description: message }),
  });
}

function securityEvent(claims: JWTPayload): SecurityEvent {
  const { iss, sub, nonce, events, sub_id: subject } = claims;
  // What has one of these may be an ID token or an access token (RFC 8417, section 4.5; SSF 1.0: sub is never used).
  if (nonce !== undefined || sub !== undefined)
    throw invalid("The token has a nonce or sub: it is no event.");
  if (!isMap(events) || Object.keys(events).length === 0)
    throw invalid("The token has no events, or what they tell is no object.");
  if (subject !== undefined && !isSubject(subject)) throw invalid("The subject, sub_id, has no format.");
  return {
    issuer: String(iss),
    subject: subject ?? null,
    events,
    happenedAt: happenedAt(events[EVENT]?.["event_timestamp"]),
  };
}

function happenedAt(timestamp: unknown): number | null {
  if (timestamp === undefined) return null;
  // Seconds, since CAEP 1.0 was final.
  if (typeof timestamp === "number" && Number.isFinite(timestamp)) return timestamp * 1000;
  throw invalid("The event_timestamp is no number.");
}

function isMap(value: unknown): value is SecurityEvent["events"] {
  return isObject(value) && Object.values(value as object).every(isObject);
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function checkAuthorization(ask: Ask, wanted: string): Promise<void> {
  const [given, expected] = await Promise.all([digest(ask.header("authorization") ?? ""), digest(wanted)]);
  // Over all bytes of two hashes, whatever they are: the time tells nothing of the text.
  const difference = given.reduce((sum, byte, index) => sum | (byte ^ (expected[index] ?? 0)), 0);
  if (difference !== 0)
    throw new Refusal("authentication_failed", "The Authorization is not the transmitter's.");
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
