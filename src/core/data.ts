import { INSPECT } from "./platform.ts";

/** The fields of a session as properties: only those whose schema has a default are certain to be there. */
export type SessionData<Data extends object, Certain extends keyof Data = never> = {
  // `Omit` would forget the fields that have a type, where names without one are allowed too.
  [Name in keyof Data as Name extends Certain ? never : Name]?: Data[Name];
} & Pick<Data, Certain>;

/** What stands behind `session.data`. */
export interface DataSource {
  get(name: string): unknown;
  set(name: string, value: unknown): unknown;
  has(name: string): boolean;
  delete(name: string): unknown;
  keys(): string[];
}

/**
 * A plain-looking object over the fields of a session: properties are read lazily and every change goes through the
 * source. It has no prototype, so that a field named `constructor` is a field like any other.
 */
export function dataView(source: DataSource): object {
  // Node prints a proxy by the custom method of its target, not of the proxy.
  const print = { value: () => plainCopy(source), configurable: true };
  return new Proxy(Object.create(null, { [INSPECT]: print }) as object, new DataHandler(source));
}

class DataHandler implements ProxyHandler<object> {
  readonly #source: DataSource;

  constructor(source: DataSource) {
    this.#source = source;
  }

  get(_target: object, name: string | symbol): unknown {
    return typeof name === "string" ? this.#source.get(name) : undefined;
  }

  set(_target: object, name: string | symbol, value: unknown): boolean {
    if (typeof name !== "string") return false;
    if (value === undefined) this.#source.delete(name);
    else this.#source.set(name, value);
    return true;
  }

  has(_target: object, name: string | symbol): boolean {
    return typeof name === "string" && this.#source.has(name);
  }

  deleteProperty(_target: object, name: string | symbol): boolean {
    if (typeof name === "string") this.#source.delete(name);
    return true;
  }

  ownKeys(): string[] {
    return this.#source.keys();
  }

  getOwnPropertyDescriptor(_target: object, name: string | symbol): PropertyDescriptor | undefined {
    if (typeof name !== "string" || !this.#source.has(name)) return undefined;
    return { value: this.#source.get(name), writable: true, enumerable: true, configurable: true };
  }

  defineProperty(target: object, name: string | symbol, descriptor: PropertyDescriptor): boolean {
    // An accessor cannot be stored, and a field is never fixed.
    const fixed = !("value" in descriptor) || descriptor.configurable === false;
    return !fixed && this.set(target, name, descriptor.value);
  }

  setPrototypeOf(): boolean {
    return false;
  }

  preventExtensions(): boolean {
    return false;
  }
}

function plainCopy(source: DataSource): object {
  return Object.fromEntries(source.keys().map((name) => [name, source.get(name)]));
}
