/**
 * Everything the core takes from the runtime, in one place: a port to another runtime changes this file alone.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hash,
  type KeyObject,
  randomBytes as cryptoRandomBytes,
  randomFillSync,
} from "node:crypto";
import { channel } from "node:diagnostics_channel";

/**
 * Random bytes, one after the other. A call to the generator costs as much as a whole request, whatever it brings: while texts are asked for in
 * quick succession it brings sixteen tokens' worth. Nothing is used a millisecond after it was drawn, so that what lies here is never what
 * somebody will get, and what was used is wiped.
 */
export class RandomStock {
  readonly #bytes = Buffer.alloc(16 * 42);
  readonly #fill: (bytes: Buffer, count: number) => void;
  readonly #now: () => number;
  #at = 0;
  #end = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;

  /** @param now milliseconds that never go back. */
  constructor(fill: (bytes: Buffer, count: number) => void, now: () => number) {
    this.#fill = fill;
    this.#now = now;
  }

  /** The next so many bytes, as two texts. */
  texts(bytes: number, more: number): [string, string] {
    const middle = this.#take(bytes + more) + bytes;
    const texts: [string, string] = [
      this.#bytes.toString("base64url", middle - bytes, middle),
      this.#bytes.toString("base64url", middle, middle + more),
    ];
    this.#bytes.fill(0, middle - bytes, middle + more);
    return texts;
  }

  /** Where the next so many bytes begin. */
  #take(count: number): number {
    const now = this.#now();
    const isFresh = now - this.#drawnAt < FRESH_MS;
    if (!isFresh || this.#end - this.#at < count) this.#draw(isFresh ? this.#bytes.length : count, now);
    const start = this.#at;
    this.#at += count;
    return start;
  }

  #draw(count: number, now: number): void {
    this.#fill(this.#bytes, count);
    this.#at = 0;
    this.#end = count;
    this.#drawnAt = now;
  }
}

const FRESH_MS = 1;
const stock = new RandomStock(
  (bytes, count) => void randomFillSync(bytes, 0, count),
  () => performance.now(),
);

/** Random bytes of the runtime's generator, as base64url: 64 at most. */
export function randomText(bytes: number): string {
  return randomTexts(bytes, 0)[0];
}

/** Two texts of random bytes, 64 together at most. */
export function randomTexts(bytes: number, more: number): [string, string] {
  return stock.texts(bytes, more);
}

/** SHA-256 as base64url, 43 characters. The one-shot call is five times faster than a hash object. */
export function sha256(text: string): string {
  return hash("sha256", text, "base64url");
}

/**
 * Compares two texts in time that depends on their length alone: every character is looked at, and nothing branches on one. By hand, since
 * `timingSafeEqual` takes bytes, and making those of two short texts takes ten times as long as comparing them.
 */
export function equalInConstantTime(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let index = 0; index < one.length; index += 1)
    difference |= one.charCodeAt(index) ^ other.charCodeAt(index);
  return difference === 0;
}

/** A key that prints as nothing of itself. */
export type SecretKey = KeyObject;

/** Takes a copy of the bytes. */
export function secretKey(bytes: Uint8Array): SecretKey {
  return createSecretKey(bytes);
}

/** HMAC-SHA256 (RFC 2104) as base64url, 43 characters. */
export function hmacText(key: SecretKey, text: string): string {
  return createHmac("sha256", key).update(text).digest("base64url");
}

/** HMAC-SHA256 as a key. */
export function derivedKey(key: SecretKey, text: string): SecretKey {
  return createSecretKey(createHmac("sha256", key).update(text).digest());
}

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM (NIST SP 800-38D): random nonce, what is encrypted, tag; base64url. `bound` has to be the same to open it. */
export function encryptText(key: SecretKey, text: string, bound: string): string {
  const nonce = cryptoRandomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(bound));
  const parts = [nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat(parts).toString("base64url");
}

/** The text again, or `null` when it is not exactly what was encrypted by this key and bound to this. Never throws. */
export function decryptText(key: SecretKey, encrypted: string, bound: string): string | null {
  const bytes = Buffer.from(encrypted, "base64url");
  const end = bytes.length - TAG_BYTES;
  if (end < NONCE_BYTES) return null;
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(bound));
  decipher.setAuthTag(bytes.subarray(end));
  try {
    const text = decipher.update(bytes.subarray(NONCE_BYTES, end), undefined, "utf8");
    return text + decipher.final("utf8");
  } catch {
    return null;
  }
}

/** The bytes of a base64url text; `null` for what is none, or is not written the one way that its bytes are. */
export function bytesOf(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : null;
}

export function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64url");
}

/** Combines two base64url texts of the same number of bytes by exclusive or. */
export function xorText(one: string, other: string): string {
  const left = Buffer.from(one, "base64url");
  const right = Buffer.from(other, "base64url");
  return Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0))).toString("base64url");
}

/** The number of bytes of a text in UTF-8. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text);
}

/** Tells whether a text has no half of a surrogate pair. */
export function isWellFormed(text: string): boolean {
  // In every supported runtime, but an ES2024 method, and so not in the typings.
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** Real time, for backing off; never for anything that a clock decides. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

export interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

/** A channel of `node:diagnostics_channel`. */
export function diagnosticsChannel(name: string): Channel {
  return channel(name);
}

const CONTEXT: unique symbol = Symbol.for("holdfast.context") as never;

/**
 * What `currentSession()` reads. It holds nothing outside the requests that run inside it. One for all copies of the
 * package: a bundler may give the code that asks another copy than the manager's.
 */
const context: AsyncLocalStorage<unknown> = ((globalThis as { [CONTEXT]?: AsyncLocalStorage<unknown> })[
  CONTEXT
] ??= new AsyncLocalStorage());

export function runInContext<T>(value: unknown, work: () => T): T {
  return context.run(value, work);
}

export function contextValue(): unknown {
  return context.getStore();
}

const { snapshot } = AsyncLocalStorage as { readonly snapshot?: typeof AsyncLocalStorage.snapshot };
const { navigator } = globalThis as { readonly navigator?: { readonly userAgent?: string } };

/**
 * Whether one request may do the work of another. Cloudflare's workers refuse to run a function in the context of another request than the
 * one that is under way, and end what belongs to a request with it.
 */
export const canWorkForOthers: boolean =
  snapshot !== undefined && navigator?.userAgent !== "Cloudflare-Workers";

/**
 * Returns how to call a function as it would be called now: in the context of the work that is under way, whoever's that is. Where one
 * request cannot work for another, it is called as it is.
 */
export function contextOfNow(): <T>(work: () => T) => T {
  return canWorkForOthers && snapshot !== undefined ? snapshot() : (work) => work();
}

/** How Node asks an object for its printed form; registered, so no import is needed. */
export const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom") as never;

/** Makes Node print the objects of a class by a function, whatever they hold. */
export function printsAs<T extends object>(prototype: T, print: (object: T) => string): void {
  Object.defineProperty(prototype, INSPECT, {
    value(this: T) {
      return print(this);
    },
  });
}

export function isProduction(): boolean {
  return process.env["NODE_ENV"] === "production";
}

/** Waits a little, at random, and longer each time, so that competitors part. */
export function backOff(attempt: number): Promise<void> {
  return pause(Math.random() * Math.min(2 ** attempt, 24));
}
