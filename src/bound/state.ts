import { isThumbprint } from "./federated.ts";
import { ALGORITHMS, type BoundAlgorithm, type PublicKey, publicKeyOf } from "./keys.ts";
import { newSecret } from "./secrets.ts";

/** A registration that was offered with a login, and that nobody has taken up yet. */
export interface Offer {
  /** Hash of the challenge. */
  readonly challenge: string;
  /** Hash of the authorization, where one was sent. */
  readonly authorization: string | null;
  /** The thumbprint that the key must have, where a provider vouched for one. */
  readonly provider?: string;
  /** Milliseconds since the epoch, as are all times here. */
  readonly until: number;
}

/** A value of the bound cookie that is good until a time. */
export interface CookieHash {
  readonly hash: string;
  readonly until: number;
}

/** What the next proof has to be about. No secret: who has the key can sign it, and nobody else is helped by it. */
export interface Challenge {
  readonly text: string;
  readonly until: number;
}

/** A session that a device's key guards. */
export interface Binding {
  /** What the browser calls the session. Another one for each registration. */
  readonly id: string;
  readonly algorithm: BoundAlgorithm;
  readonly key: PublicKey;
  readonly registeredAt: number;
  /** When the browser last proved that it has the key. */
  readonly provenAt: number;
  readonly cookie: CookieHash;
  readonly previous: CookieHash | null;
  readonly challenge: Challenge;
}

/** What is kept with a session. `corrupt` is what something else wrote, or half of it: it guards as if it were a binding. */
export type Kept =
  | { readonly kind: "nothing" }
  | { readonly kind: "offer"; readonly offer: Offer }
  | { readonly kind: "binding"; readonly binding: Binding }
  | { readonly kind: "corrupt" };

/** How long things live, in milliseconds. */
export interface Lifetimes {
  /** Max-Age of the bound cookie. */
  readonly cookieMs: number;
  /** How long a challenge may be answered. */
  readonly challengeMs: number;
}

/** What a browser sends in the last moment of a cookie's life is still on its way when it is over. */
export const LATENESS_MS = 60_000;
/** A challenge with less time left than this is not worth handing out. */
const LEAST_LEFT_MS = 60_000;

/** Judges what is kept. Takes whatever a store may hold. */
export function keptOf(value: unknown): Kept {
  if (value === undefined) return { kind: "nothing" };
  if (!isObject(value)) return { kind: "corrupt" };
  const names = Object.keys(value).join();
  if (names === "offer" && isOffer(value["offer"])) return { kind: "offer", offer: value["offer"] };
  if (names === "binding" && isBinding(value["binding"]))
    return { kind: "binding", binding: value["binding"] };
  return { kind: "corrupt" };
}

/** Makes a challenge that can be answered from now on. */
export function newChallenge(now: number, { challengeMs }: Lifetimes): Challenge {
  return { text: newSecret().text, until: now + challengeMs };
}

/** When a value of the cookie that is set now stops being good. */
export function cookieUntil(now: number, { cookieMs }: Lifetimes): number {
  return now + cookieMs + LATENESS_MS;
}

/** Tells whether a proof is about the challenge that is open now. */
export function answers(text: string, { challenge }: Binding, now: number): boolean {
  return text === challenge.text && now < challenge.until;
}

/** Tells whether the open challenge may be handed out once more. */
export function isWorthAnswering({ challenge }: Binding, now: number): boolean {
  return now + LEAST_LEFT_MS < challenge.until;
}

/** After a good proof: another cookie and another challenge. The cookie before is good until its own end, and no older one. */
export function renewed(
  binding: Binding,
  hash: string,
  challenge: Challenge,
  now: number,
  lifetimes: Lifetimes,
): Binding {
  const previous = binding.cookie.until > now ? binding.cookie : null;
  return {
    ...binding,
    provenAt: now,
    cookie: { hash, until: cookieUntil(now, lifetimes) },
    previous,
    challenge,
  };
}

function isOffer(value: unknown): value is Offer {
  if (!isObject(value)) return false;
  const { challenge, authorization, provider, until } = value;
  const isAnyKey = provider === undefined;
  return (
    isText(challenge) &&
    (authorization === null || isText(authorization)) &&
    (isAnyKey || isThumbprint(provider)) &&
    isTime(until)
  );
}

function isBinding(value: unknown): value is Binding {
  if (!isObject(value)) return false;
  const { id, algorithm, key, registeredAt, provenAt, cookie, previous, challenge } = value;
  const known = ALGORITHMS.find((one) => one === algorithm);
  return (
    known !== undefined &&
    publicKeyOf(known, key) !== null &&
    isText(id) &&
    isTime(registeredAt) &&
    isTime(provenAt) &&
    isCookieHash(cookie) &&
    (previous === null || isCookieHash(previous)) &&
    isObject(challenge) &&
    isText(challenge["text"]) &&
    isTime(challenge["until"])
  );
}

function isCookieHash(value: unknown): boolean {
  return isObject(value) && isText(value["hash"]) && isTime(value["until"]);
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isTime(value: unknown): boolean {
  return Number.isSafeInteger(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
