import { refuseConfig } from "./errors.ts";
import { checkOptionNames } from "./option-names.ts";
import { base64url, bytesOf, type SecretKey, secretKey } from "./platform.ts";

/** A key and the name that what is made with it bears. */
export interface NamedKey {
  /** 1 to 16 letters, digits, `_` or `-`. Stored in clear, and never given to another key. */
  readonly id: string;
  /** 32 random bytes, or the same as base64url (43 characters). */
  readonly key: Uint8Array | string;
}

export const KEY_BYTES = 32;
const KEY_ID = /^[A-Za-z0-9_-]{1,16}$/;
const HOW_TO_MAKE =
  "Make one by node -p \"crypto.randomBytes(32).toString('base64url')\" and keep it with the other secrets of the deployment.";

/** Keys by their ids: the first makes, all of them open. */
export class KeyRing {
  readonly ids: readonly string[];
  /** The one that makes. */
  readonly first: { readonly id: string; readonly key: SecretKey };
  readonly #keys: ReadonlyMap<string, SecretKey>;

  constructor(keys: ReadonlyMap<string, SecretKey>, first: KeyRing["first"]) {
    this.ids = [...keys.keys()];
    this.first = first;
    this.#keys = keys;
  }

  get(id: string): SecretKey | undefined {
    return this.#keys.get(id);
  }
}

/**
 * Takes the keys of an option.
 *
 * @param taken the keys of other options, to which these are added: no key may serve two purposes.
 * @throws `ERR_SESSION_CONFIG` for keys that are short, guessable, alike, or have one id. No message holds a key.
 */
export function keyRing(keys: readonly NamedKey[], option: string, taken: Set<string>): KeyRing {
  if (!Array.isArray(keys) || keys.length === 0)
    refuseConfig(`${option}.keys must be a list of keys, the one to use first. ${HOW_TO_MAKE}`);
  const ring = new Map<string, SecretKey>();
  let first: KeyRing["first"] | null = null;
  for (const [index, given] of (keys as readonly NamedKey[]).entries()) {
    const place = `${option}.keys[${index}]`;
    if (typeof given !== "object" || given === null)
      refuseConfig(`${place} must be an object with an id and a key.`);
    checkOptionNames(given, ["id", "key"], place);
    if (typeof given.id !== "string" || !KEY_ID.test(given.id))
      refuseConfig(`${place}.id must be 1 to 16 letters, digits, "_" or "-", such as "2026-11".`);
    if (ring.has(given.id))
      refuseConfig(`${place}.id is that of an earlier key. Give each key an id of its own.`);
    const bytes = keyBytes(given.key, place);
    const text = base64url(bytes);
    if (taken.has(text))
      refuseConfig(`${place}.key is given twice. Make a key of its own for each purpose and id.`);
    taken.add(text);
    const key = secretKey(bytes);
    first ??= { id: given.id, key };
    ring.set(given.id, key);
  }
  return new KeyRing(ring, first as KeyRing["first"]);
}

function keyBytes(key: unknown, place: string): Uint8Array {
  const bytes = typeof key === "string" ? bytesOf(key) : key;
  if (!(bytes instanceof Uint8Array) || bytes.length !== KEY_BYTES)
    return refuseConfig(`${place}.key must be ${KEY_BYTES} bytes, or the same as base64url. ${HOW_TO_MAKE}`);
  // Random bytes have about thirty different values in 32; a passphrase, or a pattern, has fewer or repeats.
  if (new Set(bytes).size < KEY_BYTES / 2) return refuseConfig(`${place}.key is not random. ${HOW_TO_MAKE}`);
  return bytes;
}
