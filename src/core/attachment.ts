/**
 * A value kept with an object of somebody else, for as long as that lives. What a WeakMap does, as a property under a
 * symbol of its own: a WeakMap with an entry a request costs the garbage collector a third of a server's throughput.
 */
export class Attachment<Value> {
  readonly #key: symbol;
  /** For objects that take no property. */
  readonly #others: WeakMap<object, Value> = new WeakMap();

  constructor(name: string) {
    this.#key = Symbol(name);
  }

  get(object: object): Value | undefined {
    const value = (object as Record<symbol, Value | undefined>)[this.#key];
    return value === undefined && !Object.isExtensible(object) ? this.#others.get(object) : value;
  }

  set(object: object, value: Value): void {
    if (Object.isExtensible(object)) (object as Record<symbol, Value | undefined>)[this.#key] = value;
    else this.#others.set(object, value);
  }

  delete(object: object): void {
    const keeper = object as Record<symbol, Value | undefined>;
    if (keeper[this.#key] !== undefined) keeper[this.#key] = undefined;
    else this.#others.delete(object);
  }
}
