/**
 * Turns one value of one field into text and back. `decode(encode(value))` gives an equal value, or `encode` throws.
 * A text is well-formed Unicode without NUL.
 */
export interface Codec {
  /** @throws any error for a value that would not come back as it is; its message says where in the value. */
  encode(value: unknown): string;
  /** @throws any error for a text that is none of its own. */
  decode(text: string): unknown;
  /**
   * Tells quickly that a value which was decoded from a text is still what the text says; `false` when that takes an encoding to tell.
   * Keys that could not be stored anyway, such as symbols, need not be seen. Throws nothing. A codec without it has every object that was
   * read encoded again.
   */
  says?(text: string, value: unknown): boolean;
}

/**
 * The default codec: JSON, as it is, for what JSON can hold. A value with anything else inside (Date, Map, Set, bigint,
 * undefined, NaN, the infinities, -0, URL) is written as `~` and JSON in which each such part is tagged:
 * `{"~":"Date","=":…}`. What fits neither (functions, symbols, class instances, cycles) is refused with its path.
 */
export const jsonCodec: Codec = {
  encode(value) {
    if (isPlain(value, [])) return JSON.stringify(value);
    return `~${JSON.stringify(tag(value, new Path()))}`;
  },
  decode(text) {
    const value: unknown = text.startsWith("~") ? untag(JSON.parse(text.slice(1))) : JSON.parse(text);
    // What could not be stored again must not be handed out: whoever only read it could not finish.
    if (text.length > 2 * MAX_DEPTH && isTooDeep(value, 0))
      throw new TypeError(`the text is nested deeper than ${MAX_DEPTH}`);
    return value;
  },
  says(text, value) {
    try {
      return JSON.stringify(value) === text && holdsNothingElse(value);
    } catch {
      return false;
    }
  },
};

/** JSON of what the library makes itself, and knows to be nothing else. */
export const plainCodec: Codec = {
  encode: (value) => JSON.stringify(value),
  decode: (text) => JSON.parse(text) as unknown,
  says: (text, value) => JSON.stringify(value) === text,
};

/**
 * Tells whether a value whose JSON is known, and so has no cycles, holds nothing besides that could be stored. A getter is let pass: what
 * it says is what is stored. So is a key that is a symbol or not enumerable, which somebody put on a value that is else as it was: it
 * would be refused, and looking for it takes longer than all the rest.
 */
function holdsNothingElse(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return isPlainLeaf(value);
  return Array.isArray(value) ? hasOnlyItems(value) : hasOnlyParts(value as Record<string, unknown>);
}

/** By `for … in`, which makes no list of what is there. */
function hasOnlyParts(value: Readonly<Record<string, unknown>>): boolean {
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const name in value) if (!holdsNothingElse(value[name])) return false;
  return true;
}

/** One more key for each hole does not hide it: a hole reads as undefined, not plain. */
function hasOnlyItems(value: readonly unknown[]): boolean {
  if (Object.getPrototypeOf(value) !== Array.prototype || Object.keys(value).length !== value.length)
    return false;
  for (let index = 0; index < value.length; index += 1) if (!holdsNothingElse(value[index])) return false;
  return true;
}

/** With the names of a plain object this takes a quarter of the time that `Reflect.ownKeys` does: the engine has them at hand. */
function hasSymbols(value: object): boolean {
  return Object.getOwnPropertySymbols(value).length > 0;
}

/** More keys than these are lost in JSON. One for each hole does not hide it: a hole reads as undefined, not plain. */
function hasItemsAlone(value: readonly unknown[]): boolean {
  return (
    Object.getPrototypeOf(value) === Array.prototype && Reflect.ownKeys(value).length === value.length + 1
  );
}

const MAX_DEPTH = 500;

function isTooDeep(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  const parts = value instanceof Map || value instanceof Set ? [...value] : Object.values(value);
  if (depth > MAX_DEPTH) return parts.length > 0;
  return parts.some((part) => isTooDeep(part, depth + 1));
}

/** Tells whether JSON holds the value as it is. Throws nothing: what it cannot judge, the tagging walk names. */
function isPlain(value: unknown, above: unknown[]): boolean {
  return typeof value === "object" && value !== null ? isPlainObject(value, above) : isPlainLeaf(value);
}

/** The same of what nothing is inside of. */
function isPlainLeaf(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  return value === null || typeof value === "string" || typeof value === "boolean";
}

function isPlainObject(value: object, above: unknown[]): boolean {
  if (above.length > MAX_DEPTH || above.includes(value)) return false;
  above.push(value);
  const plain = Array.isArray(value) ? isPlainArray(value, above) : isPlainRecord(value, above);
  above.pop();
  return plain;
}

function isPlainArray(value: unknown[], above: unknown[]): boolean {
  if (!hasItemsAlone(value)) return false;
  for (const item of value) if (!isPlain(item, above)) return false;
  return true;
}

function isPlainRecord(value: object, above: unknown[]): boolean {
  if (Object.getPrototypeOf(value) !== Object.prototype || hasSymbols(value)) return false;
  for (const key of Object.getOwnPropertyNames(value)) {
    if (keyProblem(value, key) !== null || !isPlain((value as Record<string, unknown>)[key], above))
      return false;
  }
  return true;
}

/** Why a key would be lost, or come back as something else. */
function keyProblem(value: object, key: PropertyKey): string | null {
  if (typeof key !== "string") return "has a symbol for a key, which cannot be stored";
  const property = Object.getOwnPropertyDescriptor(value, key);
  if (property?.enumerable !== true)
    return `has a key "${key}" that is not enumerable, which cannot be stored`;
  return "value" in property
    ? null
    : `has a getter "${key}", which would come back as a fixed value. Store plain data`;
}

/** Where in a value the walk stands: for messages, and to see cycles. */
class Path {
  readonly #above: object[] = [];
  readonly #steps: string[] = [];

  within<T>(value: object, step: string, work: () => T): T {
    if (this.#above.includes(value)) this.refuse("contains itself");
    if (this.#above.length > MAX_DEPTH) this.refuse(`is nested deeper than ${MAX_DEPTH}`);
    this.#above.push(value);
    this.#steps.push(step);
    const result = work();
    this.#above.pop();
    this.#steps.pop();
    return result;
  }

  refuse(reason: string): never {
    const steps = this.#steps.slice(0, 20).join("");
    throw new TypeError(`${steps === "" ? "the value" : `the part at ${steps}`} ${reason}`);
  }
}

function tag(value: unknown, path: Path): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "undefined":
      return { "~": "undefined" };
    case "bigint":
      return { "~": "bigint", "=": String(value) };
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { "~": "number", "=": Object.is(value, -0) ? "-0" : String(value) };
    case "object":
      return value === null ? null : tagObject(value, path);
    default:
      return path.refuse(`is a ${typeof value}, which cannot be stored`);
  }
}

function tagObject(value: object, path: Path): unknown {
  switch (Object.getPrototypeOf(value)) {
    case Array.prototype:
      return tagArray(value as unknown[], path);
    case Object.prototype:
      return tagRecord(value, path);
    case null:
      return { "~": "null-prototype", "=": tagRecord(value, path) };
    default:
      if (Reflect.ownKeys(value).length > 0)
        path.refuse("is an object of a class with keys of its own, which cannot be stored");
      return tagBuiltIn(value, path);
  }
}

function tagArray(value: unknown[], path: Path): unknown {
  const keys = Reflect.ownKeys(value);
  if (
    keys.length !== value.length + 1 ||
    keys.some((key, index) => key !== "length" && key !== String(index))
  )
    path.refuse("is an array with holes or extra keys, which cannot be stored");
  return value.map((item, index) => tagPart(value, `[${index}]`, item, path));
}

function tagPart(parent: object, step: string, item: unknown, path: Path): unknown {
  return path.within(parent, step, () => tag(item, path));
}

function tagRecord(value: object, path: Path): unknown {
  for (const key of Reflect.ownKeys(value)) {
    const problem = keyProblem(value, key);
    if (problem !== null) path.refuse(problem);
  }
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => {
    return [key, tagPart(value, `.${key}`, item, path)];
  });
  const tagged = Object.fromEntries(entries);
  // A record that has the tag's own key would be read back as a tag.
  return Object.hasOwn(value, "~") ? { "~": "Object", "=": entries } : tagged;
}

function tagBuiltIn(value: object, path: Path): unknown {
  switch (Object.getPrototypeOf(value)) {
    case Date.prototype:
      return { "~": "Date", "=": Number.isNaN(Number(value)) ? null : Number(value) };
    case Map.prototype:
      return {
        "~": "Map",
        "=": [...(value as Map<unknown, unknown>)].map((pair) => tagPart(value, "(entry)", pair, path)),
      };
    case Set.prototype:
      return {
        "~": "Set",
        "=": [...(value as Set<unknown>)].map((item) => tagPart(value, "(member)", item, path)),
      };
    case URL.prototype:
      return { "~": "URL", "=": (value as URL).href };
    default:
      return path.refuse("is an object of a class, which cannot be stored. Store a plain object of its data");
  }
}

interface Tagged {
  readonly "~": string;
  readonly "=": unknown;
}

function untag(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(untag);
  if (Object.hasOwn(value, "~")) return untagOne(value as Tagged);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, untag(item)]));
}

function untagOne({ "~": name, "=": content }: Tagged): unknown {
  switch (name) {
    case "undefined":
      return undefined;
    case "bigint":
      return BigInt(content as string);
    case "number":
      return Number(content);
    case "Date":
      return new Date(content === null ? Number.NaN : (content as number));
    case "Map":
      return new Map(untag(content) as [unknown, unknown][]);
    case "Set":
      return new Set(untag(content) as unknown[]);
    case "URL":
      return new URL(content as string);
    case "Object":
      return Object.fromEntries(untag(content) as [string, unknown][]);
    case "null-prototype":
      return Object.assign(Object.create(null), untag(content));
    default:
      throw new TypeError(`unknown tag ${JSON.stringify(name)}`);
  }
}
