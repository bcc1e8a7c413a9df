import type { JWTPayload } from "jose";
import type { Endpoint } from "../endpoint.ts";
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
import { invalid } from "./refusal.ts";

export interface BackChannelLogoutOptions extends SignalOptions {
  /**
   * Which sessions a token ends that names both: `"session"` (default), those of its `sid`; `"subject"`, all of its `sub`, for a provider
   * whose ID tokens have no `sid`, so that no login could name it.
   */
  readonly by?: "session" | "subject";
  /** Takes tokens without `exp` too, as drafts before the final text had them. Default: refused. */
  readonly unbounded?: boolean;
}

/** What is used of a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.4). */
interface LogoutToken {
  readonly issuer: string;
  readonly subject?: string;
  readonly session?: string;
}

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
const FORM = "application/x-www-form-urlencoded";
const NAME = "backChannelLogout";

/**
 * Receives an OpenID provider's word that a session there is over, and ends the sessions that came of it (OpenID Connect Back-Channel
 * Logout 1.0; ASVS 7.1.3, 10.5.5). Which those are, each `login(user, { identity })` said. Mount it at the client's
 * `backchannel_logout_uri`, apart from whatever loads sessions: the sender has none, and no cookie.
 *
 * A token has to be signed by one of `keys`, be of the type `logout+jwt`, of `issuer` and for `audience`, not older than `maxAge`
 * (default 2 minutes), not expired, with `jti`, the event, `sub` or `sid`, and no `nonce` (section 2.6). With `sid`, that session's logins
 * end, and a login that names it later is void: a logout may come before its login. Without, all of the subject's.
 *
 * Answers 200 when they are ended, also when there are none; 400 with `error` and `error_description` for a token that is not valid, or came
 * before, in whichever process; 413 for a body over 64 KiB; 405 for another method; 503 with `Retry-After` when the store or the
 * keys are out of reach, or the same token is being worked on: it can be sent again then. No answer may be kept by a cache. Emits the manager's
 * `revoked`.
 *
 * @throws `ERR_SESSION_CONFIG` for options that cannot work. The endpoint throws `ERR_SESSION_USE` over a store without an index of labels.
 */
export function backChannelLogout(manager: SignalTarget, options: BackChannelLogoutOptions): Endpoint {
  const rules = resolveRules(manager, options, {
    name: NAME,
    known: [...SIGNAL_OPTIONS, "by", "unbounded"],
    maxAge: "2m",
  });
  const { by = "session", unbounded = false } = options;
  if (by !== "session" && by !== "subject") refuse('by must be "session" or "subject".');
  if (typeof unbounded !== "boolean") refuse("unbounded must be true or false.");
  return receiver(manager, rules, {
    token: { type: "logout+jwt", requiredClaims: unbounded ? [] : ["exp"] },
    contentType: FORM,
    async read(ask) {
      const token = (await ask.fields()).get("logout_token");
      if (isText(token)) return token;
      throw invalid("The form has no logout_token, or several.");
    },
    judge(claims) {
      const scope = scopeOf(logoutToken(claims), by);
      return () => manager.revokeWhere(scope);
    },
    accepted: 200,
    repeated() {
      throw invalid("The token was received before.");
    },
    refused: ({ code, message }) => ({
      // Section 2.8 has the errors of OAuth, of which one fits.
      error: code === "unavailable" ? "temporarily_unavailable" : "invalid_request",
      error_description: message,
    }),
  });
}

function logoutToken(claims: JWTPayload): LogoutToken {
  const { iss, sub, nonce, events } = claims;
  const sid = claims["sid"];
  // What has one may be an ID token (section 2.4).
  if (nonce !== undefined) throw invalid("The token has a nonce: it is no logout token.");
  if (!isObject(events) || !Object.hasOwn(events, EVENT) || !isObject(events[EVENT]))
    throw invalid("The token tells of no back-channel logout.");
  if ((sub !== undefined && !isText(sub)) || (sid !== undefined && !isText(sid)))
    throw invalid("The sub or sid of the token is no text.");
  if (sub === undefined && sid === undefined) throw invalid("The token has neither sub nor sid.");
  return {
    issuer: String(iss),
    ...(sub !== undefined && { subject: sub }),
    ...(sid !== undefined && { session: sid }),
  };
}

/** By one of the two: a login that told less than the provider does is found all the same. */
function scopeOf({ issuer, subject, session }: LogoutToken, by: "session" | "subject"): SessionScope {
  const isBySession = session !== undefined && (by === "session" || subject === undefined);
  return { identity: isBySession ? { issuer, session } : { issuer, subject: subject ?? "" } };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
