import type { ProviderKey } from "./federated.ts";
import type { BoundAlgorithm } from "./keys.ts";
import { parseList, parseText, writeString } from "./structured.ts";

/** The headers of the draft, and the names from the first trial, under which browsers of that time still send. */
export const HEADERS = {
  registration: "secure-session-registration",
  challenge: "secure-session-challenge",
  response: ["secure-session-response", "sec-session-response"],
  id: ["sec-secure-session-id", "sec-session-id"],
  skipped: ["secure-session-skipped", "sec-session-skipped"],
} as const;

/** Looks a request header up, lower-case name. */
export type HeaderOf = (name: string) => string | undefined;

/** What is known of a header that must hold one text: not there, unreadable, or the text. */
export type Text =
  | { readonly kind: "none" }
  | { readonly kind: "bad" }
  | { readonly kind: "text"; readonly text: string };

/** Reads the first of several names that is there, as a text that comes quoted or bare. */
export function textOf(header: HeaderOf, names: readonly string[]): Text {
  const found = names.map((name) => header(name)).find((value) => value !== undefined);
  if (found === undefined || found.trim() === "") return { kind: "none" };
  const text = parseText(found);
  return text === null ? { kind: "bad" } : { kind: "text", text };
}

const REASONS: ReadonlySet<string> = new Set(["unreachable", "server_error", "quota_exceeded"]);

/** Why a browser says that it sent a request without a fresh cookie. Anybody can say so: for diagnosis, and nothing else. */
export function skippedReasons(header: HeaderOf): string[] {
  const value = HEADERS.skipped.map((name) => header(name)).find((found) => found !== undefined);
  const items = value === undefined ? null : parseList(value);
  const reasons = (items ?? []).map(({ bare }) => (bare.kind === "token" ? bare.value : ""));
  return [...new Set(reasons.filter((reason) => REASONS.has(reason)))];
}

export interface RegistrationOffer {
  readonly algorithms: readonly BoundAlgorithm[];
  readonly path: string;
  readonly challenge: string;
  readonly authorization: string | null;
  readonly provider: ProviderKey | null;
}

export function registrationHeader({
  algorithms,
  path,
  challenge,
  authorization,
  provider,
}: RegistrationOffer): string {
  const parameters = [
    ["path", path],
    ["challenge", challenge],
    ...(authorization === null ? [] : [["authorization", authorization]]),
    ...(provider === null ? [] : providerParameters(provider)),
  ];
  const written = parameters.map(([name, text = ""]) => `;${name}=${writeString(text)}`);
  return `(${algorithms.join(" ")})${written.join("")}`;
}

/** All three, or a browser passes over the whole offer. */
function providerParameters({ key, sessionId, url }: ProviderKey): string[][] {
  return [
    ["provider_key", key],
    ["provider_session_id", sessionId],
    ["provider_url", url],
  ];
}

/** A browser ignores a challenge that does not name its session. */
export function challengeHeader(challenge: string, id: string): string {
  return `${writeString(challenge)};id=${writeString(id)}`;
}
