import type { SessionScope } from "../index.ts";
import { isText } from "./options.ts";

/** A subject of a security event (RFC 9493), or a complex one (OpenID Shared Signals Framework 1.0). */
export interface SubjectIdentifier {
  readonly format: string;
  readonly [member: string]: unknown;
}

export function isSubject(value: unknown): value is SubjectIdentifier {
  return typeof value === "object" && value !== null && isText((value as { format?: unknown }).format);
}

/**
 * Finds the sessions that a subject is about: `iss_sub` of the issuer, all of that subject; `opaque`, the provider's session of that id;
 * `aliases`, by the first that says it; `complex`, those that all its members are of: `user` (`iss_sub`, or an opaque `sub`), `session`,
 * `device` and `tenant` (opaque).
 *
 * @returns `null` for whatever else: other formats, another issuer's subjects, members that are not known here. To leave out a member would
 * end the sessions of others.
 */
export function scopeOfSubject(subject: SubjectIdentifier, issuer: string): SessionScope | null {
  const { format, ...members } = subject;
  if (format === "complex") return scopeOfAll(members, issuer);
  if (format === "aliases") return scopeOfAny(members["identifiers"], issuer);
  const session = opaqueId(subject);
  if (session !== null) return { identity: { issuer, session } };
  const user = subjectOf(subject, issuer);
  return user === null ? null : { identity: { issuer, subject: user } };
}

function scopeOfAny(identifiers: unknown, issuer: string): SessionScope | null {
  if (!Array.isArray(identifiers)) return null;
  for (const one of identifiers as readonly unknown[]) {
    // An alias is of a simple format (RFC 9493, section 3.2.8): this goes one step deep.
    const isSimple = isSubject(one) && one.format !== "aliases" && one.format !== "complex";
    const scope = isSimple ? scopeOfSubject(one, issuer) : null;
    if (scope !== null) return scope;
  }
  return null;
}

function scopeOfAll(members: Readonly<Record<string, unknown>>, issuer: string): SessionScope | null {
  const { user, session, device, tenant, ...others } = members;
  if (Object.keys(others).length > 0) return null;
  const found = {
    subject: user === undefined ? undefined : (opaqueId(user) ?? subjectOf(user, issuer)),
    session: session === undefined ? undefined : opaqueId(session),
    device: device === undefined ? undefined : labelIn(device),
    tenant: tenant === undefined ? undefined : labelIn(tenant),
  };
  const given = Object.entries(found).filter(([, text]) => text !== undefined);
  if (given.length === 0 || given.some(([, text]) => text === null)) return null;
  const texts = Object.fromEntries(given) as Readonly<Record<string, string>>;
  const { subject: sub, session: sid, ...labels } = texts;
  const identity = {
    issuer,
    ...(sub !== undefined && { subject: sub }),
    ...(sid !== undefined && { session: sid }),
  };
  return sub === undefined && sid === undefined ? labels : { ...labels, identity };
}

function opaqueId(subject: unknown): string | null {
  return isSubject(subject) && subject.format === "opaque" && isText(subject["id"]) ? subject["id"] : null;
}

/** A subject of another issuer is not this one's to speak for. */
function subjectOf(subject: unknown, issuer: string): string | null {
  const isOwn = isSubject(subject) && subject.format === "iss_sub" && subject["iss"] === issuer;
  return isOwn && isText(subject["sub"]) ? subject["sub"] : null;
}

/** A name that sessions could bear: what cannot be a label is of no session, and must not be a mistake of the application's. */
function labelIn(subject: unknown): string | null {
  const id = opaqueId(subject);
  return id !== null && id.length <= 200 && !/\0|\p{Surrogate}/u.test(id) ? id : null;
}
