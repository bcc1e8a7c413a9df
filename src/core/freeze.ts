import { SessionError } from "./errors.ts";

/** What changes objects that `Object.freeze` does not keep from changing. */
const CHANGING: readonly (readonly [kind: { readonly prototype: object }, pattern: RegExp])[] = [
  [Date, /^set/],
  [Map, /^(set|delete|clear|getOrInsert.*)$/],
  [Set, /^(add|delete|clear)$/],
  [URLSearchParams, /^(append|delete|set|sort)$/],
];

/**
 * Makes a value unchangeable in place, as deep as it goes. What is tried on a frozen object or array throws a `TypeError`
 * in strict code, as all modules are; on a Date, Map, Set or URL, `ERR_SESSION_READ_ONLY`. Bytes (typed arrays, buffers)
 * cannot be kept from changing.
 */
export function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || isBytes(value)) return;
  for (const [kind, pattern] of CHANGING) {
    if (Object.prototype.isPrototypeOf.call(kind.prototype, value))
      refuseMethods(value, kind.prototype, pattern);
  }
  if (value instanceof URL) refuseSetters(value);
  Object.freeze(value);
  for (const part of partsOf(value)) freeze(part);
}

function partsOf(value: object): unknown[] {
  if (value instanceof Map) return [...value].flat();
  if (value instanceof Set) return [...value];
  if (value instanceof URL) return [value.searchParams];
  return Object.values(value);
}

function refuseMethods(value: object, prototype: object, pattern: RegExp): void {
  for (const name of Object.getOwnPropertyNames(prototype)) {
    if (pattern.test(name)) Object.defineProperty(value, name, { value: () => refuse(name) });
  }
}

function refuseSetters(url: URL): void {
  for (const [name, { get, set }] of Object.entries(Object.getOwnPropertyDescriptors(URL.prototype))) {
    if (get === undefined || set === undefined) continue;
    const read = (): unknown => get.call(url);
    const write = (): void => void refuse(name);
    Object.defineProperty(url, name, { get: read, set: write });
  }
}

function isBytes(value: object): boolean {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
}

function refuse(name: string): never {
  throw new SessionError(
    "ERR_SESSION_READ_ONLY",
    `The session can only be read here: "${name}" would change a value of it in place.`,
  );
}
