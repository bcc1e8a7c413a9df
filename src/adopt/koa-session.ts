import { SessionError } from "../index.ts";
import type { AdoptSource, CookieScope, OldSession } from "./source.ts";
import { lastingOf } from "./support/express-shape.ts";
import { decodedObject, type Keys, keygripOf, signedValue } from "./support/keygrip-cookies.ts";
import { checkNames } from "./support/option-names.ts";
import { hashOf } from "./support/signatures.ts";

/** What is called of a store of koa-session. */
export interface KoaSessionStore {
  get(
    key: string,
    maxAge: number | undefined,
    context: { readonly rolling: boolean; readonly ctx: unknown },
  ): unknown;
  destroy(key: string, context: { readonly ctx: unknown }): unknown;
}

export interface KoaSessionOptions {
  /** As `app.keys` were; all are taken. Cookies that are not signed are not. */
  readonly keys: Keys;
  /** Where sessions were in a store of koa-session. Without one they are in their cookies. It is given an empty `ctx`. */
  readonly store?: KoaSessionStore;
  /** Of the cookie; default `"koa.sess"`. */
  readonly key?: string;
  /** As koa-session had it: what the cookie holds becomes the data. Default base64 of JSON. */
  readonly decode?: (text: string) => Record<string, unknown>;
  /** Where the cookie was set, where koa-session was told. */
  readonly cookie?: CookieScope;
}

/**
 * Sessions of koa-session, in their cookies or in a store.
 *
 * @throws `ERR_SESSION_CONFIG` for keys that are missing, and for a store that is none.
 */
export function fromKoaSession(options: KoaSessionOptions): AdoptSource {
  checkNames(options, ["keys", "store", "key", "decode", "cookie"], "fromKoaSession");
  const { store, key: name = "koa.sess", decode = decodedObject, cookie = {} } = options;
  if (store !== undefined && (typeof store.get !== "function" || typeof store.destroy !== "function"))
    throw new SessionError("ERR_SESSION_CONFIG", "fromKoaSession: store is no store of koa-session.");
  const keygrip = keygripOf(options.keys, "fromKoaSession");
  return {
    name: "koa-session",
    cookies: [name, `${name}.sig`],
    scope: cookie,
    look(cookies) {
      const signed = signedValue(cookies, name, keygrip);
      if (signed === null) return null;
      const { value, proof } = signed;
      return store === undefined
        ? { key: hashOf(value), proof, find: () => Promise.resolve(sessionOf(attempted(decode, value))) }
        : { key: value, proof, find: () => stored(store, value) };
    },
  };
}

async function stored(store: KoaSessionStore, key: string): Promise<OldSession | null> {
  const found = sessionOf(await store.get(key, undefined, { rolling: false, ctx: {} }));
  if (found === null) return null;
  return { ...found, remove: async () => void (await store.destroy(key, { ctx: {} })) };
}

function sessionOf(found: unknown): OldSession | null {
  if (typeof found !== "object" || found === null) return null;
  const { _expire, _maxAge, _session, ...data } = found as Record<string, unknown>;
  return {
    data,
    expiresAt: typeof _expire === "number" ? _expire : null,
    ...lastingOf(_maxAge),
  };
}

function attempted(decode: (text: string) => unknown, text: string): unknown {
  try {
    return decode(text);
  } catch {
    return null;
  }
}
