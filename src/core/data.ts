import { INSPECT } from "./platform.ts";

/** The fields of a session as properties: only those whose schema has a default are certain to be there. */
export type SessionData<Data extends object, Certain extends keyof Data = never> = {
  // `Omit` would forget the fields that have a type, where names without one are allowed too.
  [Name in keyof Data as Name extends Certain ? never : Name]?: Data[Name];
} & Pick<Data, Certain>;

/** What stands behind `session.data`: shared by all sessions, each of which is handed in. */
export interface DataAccess<Owner> {
  get(owner: Owner, name: string): unknown;
  set(owner: Owner, name: string, value: unknown): unknown;
  has(owner: Owner, name: string): boolean;
  delete(owner: Owner, name: string): unknown;
  keys(owner: Owner): string[];
}

/**
 * A plain-looking object over the fields of a session: properties are read lazily and every change goes through the
 * access. It has no prototype, so that a field named `constructor` is a field like any other.
 */
export function dataView<Owner>(owner: Owner, access: DataAccess<Owner>): object {
  return new Proxy(TARGET, new DataHandler(owner, access));
}

/** Behind every view, for no view ever looks at it. Node prints a proxy by the custom method of its target, called upon the proxy. */
const TARGET: object = Object.create(null, {
  [INSPECT]: {
    value(this: object): object {
      return { ...this };
    },
    configurable: true,
  },
}) as object;

class DataHandler<Owner> implements ProxyHandler<object> {
  readonly #owner: Owner;
  readonly #access: DataAccess<Owner>;

  constructor(owner: Owner, access: DataAccess<Owner>) {
    this.#owner = owner;
    this.#access = access;
  }

  get(_target: object, name: string | symbol): unknown {
    return typeof name === "string" ? this.#access.get(this.#owner, name) : undefined;
  }

  set(_target: object, name: string | symbol, value: unknown): boolean {
    if (typeof name !== "string") return false;
    if (value === undefined) this.#access.delete(this.#owner, name);
    else this.#access.set(this.#owner, name, value);
    return true;
  }

  has(_target: object, name: string | symbol): boolean {
    return typeof name === "string" && this.#access.has(this.#owner, name);
  }

  deleteProperty(_target: object, name: string | symbol): boolean {
    if (typeof name === "string") this.#access.delete(this.#owner, name);
    return true;
  }

  ownKeys(): string[] {
    return this.#access.keys(this.#owner);
  }

  getOwnPropertyDescriptor(_target: object, name: string | symbol): PropertyDescriptor | undefined {
    if (typeof name !== "string" || !this.#access.has(this.#owner, name)) return undefined;
    return {
      value: this.#access.get(this.#owner, name),
      writable: true,
      enumerable: true,
      configurable: true,
    };
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
