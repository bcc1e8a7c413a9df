import { type AnySession, SessionError } from "../index.ts";
import { bytesOf } from "./keys.ts";
import { isSecure } from "./origins.ts";

/** The key of a session that the browser has with an identity provider, which the provider vouched for in what it signed. */
export interface ProviderKey {
  /** The JWK thumbprint of that session's public key: SHA-256 in base64url, 43 characters (RFC 7638). */
  readonly key: string;
  /** What the browser calls that session, 1 to 512 printable characters of ASCII. */
  readonly sessionId: string;
  /** An https address of the provider, up to 2048 characters. Its origin has to be the one that session is of. */
  readonly url: string;
}

/** Finds the provider's key for a session that begins, `null` for one that began without a provider. */
export type ProviderOf = (session: AnySession) => ProviderKey | null;

/** What came of asking for the provider's key. */
export type Asked =
  | { readonly fault: null; readonly provider: ProviderKey | null }
  | { readonly fault: "failed" | "invalid" };

const MEMBERS = ["key", "sessionId", "url"];
/** What a string in a header can say (RFC 9651, section 3.3.3). */
const PRINTABLE = /^[\x20-\x7e]+$/;
const ADDRESS = /^[\x21-\x7e]+$/;
const MAX_ID_LENGTH = 512;
const MAX_URL_LENGTH = 2048;

/** @throws `ERR_SESSION_USE` for what names no session with a provider, saying which part is wrong and nothing of its value. */
export function checkedProvider(provider: unknown): ProviderKey {
  const fault = faultOf(provider);
  if (fault === null) return provider as ProviderKey;
  throw new SessionError("ERR_SESSION_USE", `bound: ${fault}`);
}

/** Asks for the key that goes with a login. Never throws: what the application could not say becomes a fault. */
export function askedFor(providerOf: ProviderOf | null, session: AnySession): Asked {
  if (providerOf === null) return { fault: null, provider: null };
  try {
    const provider: unknown = providerOf(session);
    if (provider === null) return { fault: null, provider };
    return faultOf(provider) === null
      ? { fault: null, provider: provider as ProviderKey }
      : { fault: "invalid" };
  } catch {
    return { fault: "failed" };
  }
}

/** Tells whether a text can be a thumbprint: the one way to write 32 bytes in base64url. */
export function isThumbprint(text: unknown): text is string {
  return typeof text === "string" && text.length === 43 && bytesOf(text) !== null;
}

function faultOf(provider: unknown): string | null {
  if (typeof provider !== "object" || provider === null)
    return "provider must be an object of key, sessionId and url.";
  const { key, sessionId, url } = provider as Readonly<Record<string, unknown>>;
  if (Object.keys(provider).some((name) => !MEMBERS.includes(name)))
    return "provider has no members but key, sessionId and url.";
  if (!isThumbprint(key))
    return "provider.key must be the JWK thumbprint (RFC 7638) of the provider's key, 43 characters of base64url.";
  if (!isText(sessionId, PRINTABLE, MAX_ID_LENGTH))
    return `provider.sessionId must be 1 to ${MAX_ID_LENGTH} printable characters of ASCII.`;
  return isText(url, ADDRESS, MAX_URL_LENGTH) && isProviderUrl(url)
    ? null
    : 'provider.url must be an https address without a name and a password, such as "https://id.example".';
}

function isText(value: unknown, pattern: RegExp, most: number): value is string {
  return typeof value === "string" && value.length <= most && pattern.test(value);
}

function isProviderUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return isSecure(url) && url.username === "" && url.password === "";
}
