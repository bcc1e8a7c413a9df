/** The fields of a session as they stood at one moment, its cookie left out: scalars as they are, all else as its JSON text. */
export type Snapshot = ReadonlyMap<string, unknown>;

/** The text of a field that is an object, so that it does not compare equal to a field that is that text. */
class Encoded {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a request changed of a session's fields. */
export interface Changes {
  readonly set: ReadonlySet<string>;
  readonly removed: ReadonlySet<string>;
}

/**
 * Notes what the fields of a session hold. Those that JSON leaves out (undefined, functions) are not there.
 *
 * @throws TypeError for a value that has no JSON: a cycle, a bigint.
 */
export function snapshotOf(session: object): Snapshot {
  const fields = new Map<string, unknown>();
  for (const name of Object.keys(session)) {
    if (name === "cookie") continue;
    const value = noted((session as Record<string, unknown>)[name]);
    if (value !== undefined) fields.set(name, value);
  }
  return fields;
}

function noted(value: unknown): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "undefined":
      return value;
    case "number":
      return Number.isFinite(value) ? value : null;
    default: {
      if (value === null) return null;
      const text: string | undefined = JSON.stringify(value);
      if (text === undefined) return undefined;
      // What `toJSON` made a scalar of is one when it comes back.
      return isScalar(text) ? JSON.parse(text) : new Encoded(text);
    }
  }
}

function isScalar(text: string): boolean {
  return !text.startsWith("{") && !text.startsWith("[");
}

/** Tells whether two snapshots are of the same fields in the same order. */
export function isSame(one: Snapshot, other: Snapshot): boolean {
  if (one === other) return true;
  if (one.size !== other.size) return false;
  const names = other.keys();
  for (const [name, value] of one)
    if (names.next().value !== name || !isEqual(value, other.get(name))) return false;
  return true;
}

/** What is in the second snapshot otherwise than in the first. */
export function changesBetween(before: Snapshot, after: Snapshot): Changes {
  const set = new Set<string>();
  const removed = new Set<string>();
  for (const [name, value] of after) if (!isEqual(value, before.get(name))) set.add(name);
  for (const name of before.keys()) if (!after.has(name)) removed.add(name);
  return { set, removed };
}

/** Tells whether a field is the same in both, or in neither. */
export function isSameField(one: Snapshot, other: Snapshot, name: string): boolean {
  return one.has(name) === other.has(name) && isEqual(one.get(name), other.get(name));
}

function isEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  return one instanceof Encoded && other instanceof Encoded && one.text === other.text;
}
