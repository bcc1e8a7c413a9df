import { SessionError } from "../index.ts";
import type { AdoptSource, CookieReader, CookieScope, OldSession } from "./source.ts";
import { decodedValues } from "./support/cookie-values.ts";
import { checkNames } from "./support/option-names.ts";
import { hashOf } from "./support/signatures.ts";

export interface IronSessionOptions {
  /** As iron-session had it. */
  readonly cookieName: string;
  /**
   * Opens a seal, by iron-session itself: `(seal) => unsealData(seal, { password })`, with all passwords as it had them, and its `ttl`. What it gives
   * for a seal that is expired or none, an empty object, is no session.
   */
  readonly unseal: (seal: string) => Promise<unknown>;
  /** Where the cookie was set, where iron-session was told. */
  readonly cookie?: CookieScope;
}

/** As iron-session splits a long seal. */
const MOST_CHUNKS = 4;
/** Where a seal says when it expires: a part of what its integrity is proved of. */
const EXPIRY = 5;

/**
 * Sessions of iron-session: all of one is in its seal. Each seal is adopted once.
 *
 * @throws `ERR_SESSION_CONFIG` for a name or a function that is missing.
 */
export function fromIronSession(options: IronSessionOptions): AdoptSource {
  checkNames(options, ["cookieName", "unseal", "cookie"], "fromIronSession");
  const { cookieName: name, unseal, cookie = {} } = options;
  if (typeof name !== "string" || name === "" || typeof unseal !== "function")
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      "fromIronSession needs cookieName, and unseal: (seal) => unsealData(seal, { password }).",
    );
  return {
    name: "iron-session",
    cookies: [name, ...chunksOf(name)],
    scope: cookie,
    look(cookies) {
      const seal = sealIn(cookies, name);
      if (seal === null) return null;
      return { key: hashOf(seal), proof: seal, find: () => opened(seal, unseal) };
    },
  };
}

function chunksOf(name: string): string[] {
  return Array.from({ length: MOST_CHUNKS }, (_, index) => `${name}.${index}`);
}

/** Whether it is genuine its integrity tells, at find: what is none is not even tried. */
function sealIn(cookies: CookieReader, name: string): string | null {
  const [whole] = decodedValues(cookies(name));
  const parts = chunksOf(name).map((chunk) => decodedValues(cookies(chunk))[0] ?? "");
  const first = parts.indexOf("");
  const seal = whole ?? parts.slice(0, first < 0 ? MOST_CHUNKS : first).join("");
  return seal.startsWith("Fe26.2*") ? seal : null;
}

async function opened(seal: string, unseal: (seal: string) => Promise<unknown>): Promise<OldSession | null> {
  const data = await unseal(seal);
  if (typeof data !== "object" || data === null || Object.keys(data).length === 0) return null;
  const [body = ""] = seal.split("~");
  const expiry = body.split("*")[EXPIRY] ?? "";
  const expiresAt = /^\d{1,16}$/.test(expiry) ? Number(expiry) : null;
  return { data: { ...data }, expiresAt, persistent: expiresAt !== null };
}
