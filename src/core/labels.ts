import { SessionError } from "./errors.ts";
import { checkOptionNames } from "./option-names.ts";
import { isWellFormed, sha256 } from "./platform.ts";

const MAX_LABEL_LENGTH = 256;
const MAX_LABELS = 16;

/** A user as an identity provider knows them: by subject, by the provider's own session, or by both. */
export interface Identity {
  /** The provider, as the `iss` of its tokens. */
  readonly issuer: string;
  /** The `sub` of its tokens. */
  readonly subject?: string;
  /** The `sid` of its tokens: one session there. */
  readonly session?: string;
}

/** Sessions that have something in common. Where several are named, those that have all of them. */
export interface SessionScope {
  readonly user?: string;
  /** The organisation that the user acts for. */
  readonly tenant?: string;
  /** A device as the application knows it. */
  readonly device?: string;
  readonly identity?: Identity;
  /** A label that was given to `login`. */
  readonly label?: string;
}

/** The label by which the sessions of a user are found. */
export function userLabel(user: string): string {
  return `user:${user}`;
}

/**
 * The labels of a scope, the one that fewest sessions are likely to bear first. A provider's names are of any length, and
 * personal, so that their label is a hash.
 *
 * @throws `ERR_SESSION_USE` for what cannot be a label.
 */
export function labelsOf(scope: SessionScope): string[] {
  const { identity, device, user, label, tenant } = scope;
  if (user !== undefined) checkUser(user);
  const labels = identity === undefined ? [] : identityLabels(identity);
  if (device !== undefined) labels.push(named("device", device));
  if (user !== undefined) labels.push(userLabel(user));
  if (label !== undefined) labels.push(...checkLabels([label]));
  if (tenant !== undefined) labels.push(named("tenant", tenant));
  return labels;
}

/** The label of one session at an identity provider: it bears the name of no other, ever. */
export function isProviderSession(label: string): boolean {
  return label.startsWith("idp-session:");
}

function identityLabels(identity: Identity): string[] {
  const { issuer, subject, session } = identity;
  checkOptionNames(
    identity,
    ["issuer", "subject", "session", "authenticatedAt"],
    "identity",
    "ERR_SESSION_USE",
  );
  const given = [issuer, subject, session].filter((text) => text !== undefined);
  if (typeof issuer !== "string" || given.length < 2 || !given.every(isText)) {
    throw wrong("identity needs the issuer and the subject or the session, all texts that are not empty.");
  }
  return [
    ...(session === undefined ? [] : [`idp-session:${sha256(JSON.stringify([issuer, session]))}`]),
    ...(subject === undefined ? [] : [`idp-subject:${sha256(JSON.stringify([issuer, subject]))}`]),
  ];
}

function named(kind: "tenant" | "device", name: string): string {
  if (isText(name) && name.length <= 200 && isLabel(name)) return `${kind}:${name}`;
  throw wrong(`The ${kind} must be a string of 1 to 200 characters.`);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0;
}

/** @throws `ERR_SESSION_USE` unless it is a text that can be a label. */
export function checkUser(user: string): void {
  if (isText(user) && user.length <= 200 && isLabel(user)) return;
  throw wrong("A user id must be a string of 1 to 200 characters, such as String(user.id).");
}

/** @throws `ERR_SESSION_USE` unless it is a list of texts. */
export function checkMethods(methods: readonly string[]): readonly string[] {
  if (Array.isArray(methods) && methods.every((method) => typeof method === "string" && isLabel(method)))
    return [...methods];
  throw wrong('methods must be a list of texts, such as ["pwd"].');
}

/** What only the library makes of what it was told. */
const OWN = /^(?:user|idp-subject|idp-session):/;

/** @throws `ERR_SESSION_USE` unless each is a text that can be a label, and none that the library makes itself. */
export function checkLabels(labels: readonly string[]): readonly string[] {
  if (!Array.isArray(labels)) throw wrong('labels must be a list of texts, such as ["project:7"].');
  for (const label of labels) {
    if (isText(label) && label.length <= MAX_LABEL_LENGTH && isLabel(label) && !OWN.test(label)) continue;
    throw wrong(
      `A label must be a string of 1 to ${MAX_LABEL_LENGTH} characters that does not begin with "user:", "idp-subject:" or "idp-session:".`,
    );
  }
  return [...new Set(labels)];
}

/** @throws `ERR_SESSION_USE` for more labels than a session may bear: a login reads a mark for each of them. */
export function checkCount(labels: readonly string[]): readonly string[] {
  if (labels.length <= MAX_LABELS) return labels;
  throw wrong(
    `A session may have ${MAX_LABELS} labels, those of its user, tenant, device and identity among them, and this login gives ${labels.length}. Give one label to what is revoked together, instead of one for each thing that the user may use.`,
  );
}

function isLabel(text: string): boolean {
  return !text.includes("\0") && isWellFormed(text);
}

function wrong(message: string): SessionError {
  return new SessionError("ERR_SESSION_USE", message);
}
