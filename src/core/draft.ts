import { type Codec, jsonCodec } from "./codec.ts";
import { SessionError } from "./errors.ts";
import { encodeField } from "./fields.ts";
import { isReserved } from "./record.ts";
import { type FieldSchemas, validate } from "./schema.ts";

type Fields = Readonly<Record<string, string>>;

/** A change that is made of the value it finds, so that it can be made again of a fresher one. */
export type Updater = (value: unknown) => unknown;

/**
 * How much a change matters: `exact` cannot be dropped in silence when the session is gone, `plain` can, and `minor` is
 * book-keeping of the library that may be lost without harm.
 */
export type Care = "exact" | "plain" | "minor";

/** What a draft needs to know of its manager. */
export interface DraftRules {
  readonly codec: Codec;
  readonly schemas: FieldSchemas;
  /** A stored value that its codec or schema refuses reads as absent; this tells of it. */
  readonly onInvalid: (field: string) => void;
}

/** What a draft wants written, and under which conditions. */
export interface Staged {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
  /** Some change was made of what was read: the commit must carry the version it was read at. */
  readonly dependent: boolean;
  /** Some change promises to be exact: it cannot be dropped in silence when the session is gone. */
  readonly insistent: boolean;
  /** Every change is the library's own book-keeping, which may be lost without harm. */
  readonly minor: boolean;
}

const NOTHING: Staged = { set: {}, remove: [], dependent: false, insistent: false, minor: true };

/** One field that this request read or changed. */
interface Slot {
  /** The text in the record when it was first looked at: what a conflict is judged by. */
  seen: string | undefined;
  /** The text that the value had before the handler could change it: what a change is judged by. */
  baseline: string | undefined;
  value: unknown;
  /** The handler knew the old value. */
  looked: boolean;
  assigned: boolean;
  /** The whole value is an outcome of these, in order. */
  updaters: Updater[];
  /** The text right after the last updater, when a handler could have changed the value since. */
  updated: string | undefined;
  taken: boolean;
  care: Care;
  /** How many of the updaters the last staging covered, and whether anything was staged since. */
  covered: number;
  restaged: boolean;
}

/**
 * The fields of one session as one request sees and changes them, over the record that was loaded. Knows nothing of
 * stores: it says what it wants written, and can be laid over a fresher record when another request was first.
 */
export class Draft {
  #fields: Fields;
  readonly #rules: DraftRules;
  readonly #slots: Map<string, Slot> = new Map();

  constructor(fields: Fields, rules: DraftRules) {
    this.#fields = fields;
    this.#rules = rules;
  }

  /** Reads a field for the handler: decoded once, the same object every time, seen at commit when changed in place. */
  get(name: string): unknown {
    const slot = this.#slot(name);
    slot.looked = true;
    return slot.value;
  }

  /** Reads a field without becoming dependent on it. */
  peek(name: string): unknown {
    return this.#slot(name).value;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  set(name: string, value: unknown): void {
    const slot = this.#slots.get(name) ?? this.#blank(name);
    this.#slots.set(name, slot);
    slot.value = value;
    slot.assigned = true;
    slot.updaters = [];
    slot.care = "plain";
    slot.restaged = true;
  }

  /** Names of the fields that have a value, reserved ones not among them. */
  keys(): string[] {
    return this.#names().filter((name) => !isReserved(name) && this.#isThere(name));
  }

  /**
   * Tells whether any field would be stored among those the test lets through. A default that a schema filled in does
   * not count; a stored value that reads as absent does, so that a wrong schema ends nobody's session.
   */
  some(test: (name: string) => boolean): boolean {
    for (const name in this.#fields) {
      if (!this.#slots.has(name) && test(name)) return true;
    }
    for (const [name, slot] of this.#slots) {
      if (test(name) && this.#isKept(name, slot)) return true;
    }
    return false;
  }

  /** Changes a field by a function that is applied again when another request was first. Returns the new value. */
  update(name: string, updater: Updater, care: Care = "exact"): unknown {
    const slot = this.#slot(name);
    const value = applied(updater, slot.value, name);
    if (slot.care !== "exact" && care !== "minor") slot.care = care;
    this.#record(name, slot, updater, value);
    return value;
  }

  /** Reads and removes a field. If another request took or changed it first, the commit fails. */
  take(name: string): unknown {
    const slot = this.#slot(name);
    const value = slot.value;
    if (value === undefined) return undefined;
    // What this request assigned itself is nobody else's to take.
    slot.taken = !slot.assigned;
    slot.value = undefined;
    slot.assigned = true;
    slot.updaters = [];
    slot.care = "exact";
    slot.restaged = true;
    return value;
  }

  /** Tells whether this request gave the field its value. */
  isAssigned(name: string): boolean {
    return this.#slots.get(name)?.assigned ?? false;
  }

  /** Gives up what is known of a field, after it was taken by a call of its own. */
  forget(name: string): void {
    this.#slots.delete(name);
  }

  /**
   * Says what is to be written.
   *
   * @throws `ERR_SESSION_VALUE` for a value that cannot be stored.
   */
  stage(): Staged {
    if (this.#slots.size === 0) return NOTHING;
    const set: Record<string, string> = {};
    const remove: string[] = [];
    let dependent = false;
    let insistent = false;
    let minor = true;
    for (const [name, slot] of this.#slots) {
      slot.covered = slot.updaters.length;
      slot.restaged = false;
      const text = this.#changedText(name, slot);
      if (text === UNCHANGED) continue;
      if (text === undefined) remove.push(name);
      else set[name] = text;
      dependent ||= slot.looked || slot.taken || slot.updaters.length > 0;
      insistent ||= slot.care === "exact" && (slot.taken || slot.updaters.length > 0);
      minor &&= slot.care === "minor" && isTouched(slot);
    }
    return { set, remove, dependent, insistent, minor };
  }

  /**
   * Lays the draft over a fresher record. Updaters are applied again; what was only read stays as this request saw it.
   *
   * @returns the fields that this request read and then changed and that another request changed meanwhile.
   * @throws `ERR_SESSION_CONFLICT` when a taken field is no longer there as it was.
   */
  rebase(fields: Fields): string[] {
    this.#fields = fields;
    const conflicts: string[] = [];
    for (const [name, slot] of this.#slots) {
      if (textOf(fields, name) === slot.seen) continue;
      if (this.#lay(name, slot)) conflicts.push(name);
    }
    return conflicts;
  }

  /**
   * Takes note that what was staged has been written, giving these fields. What was changed while the write was on its
   * way stays staged.
   */
  settle(fields: Fields, staged: Staged): void {
    this.#fields = fields;
    for (const [name, slot] of this.#slots) {
      const written = Object.hasOwn(staged.set, name) || staged.remove.includes(name);
      // Read and left alone: it keeps the text it was read at, whatever another request wrote since.
      if (!written && !isTouched(slot)) continue;
      if (written) slot.seen = textOf(fields, name);
      slot.baseline = slot.seen;
      slot.looked = true;
      slot.taken = false;
      slot.updaters = slot.updaters.slice(slot.covered);
      slot.assigned = slot.restaged && slot.updaters.length === 0;
      slot.updated = undefined;
      if (!isTouched(slot)) slot.care = "minor";
    }
  }

  /**
   * What is left when the session itself is gone: what this request assigned, and its updaters applied to nothing.
   * What it took or changed in place belonged to the old session.
   */
  renewed(): Draft {
    const draft = new Draft({}, this.#rules);
    for (const [name, slot] of this.#slots) {
      if (slot.taken || slot.care === "minor") continue;
      if (slot.updaters.length > 0)
        for (const updater of slot.updaters) draft.update(name, updater, slot.care);
      else if (slot.assigned && slot.value !== undefined) draft.set(name, slot.value);
    }
    return draft;
  }

  /** The fields as they will be once everything staged is written. */
  merged(staged: Staged): Record<string, string> {
    const fields: Record<string, string> = { ...this.#fields, ...staged.set };
    for (const name of staged.remove) delete fields[name];
    return fields;
  }

  /** What the library keeps for itself is JSON, whatever codec the application chose for its data. */
  #codec(name: string): Codec {
    return isReserved(name) ? jsonCodec : this.#rules.codec;
  }

  #names(): string[] {
    return [
      ...new Set([...Object.keys(this.#fields), ...this.#slots.keys(), ...Object.keys(this.#rules.schemas)]),
    ];
  }

  #isThere(name: string): boolean {
    const decided = this.#slots.has(name) || Object.hasOwn(this.#rules.schemas, name);
    return decided ? this.peek(name) !== undefined : Object.hasOwn(this.#fields, name);
  }

  #isKept(name: string, slot: Slot): boolean {
    if (isTouched(slot)) return slot.value !== undefined;
    return slot.seen !== undefined || this.#changedText(name, slot) !== UNCHANGED;
  }

  #record(name: string, slot: Slot, updater: Updater, value: unknown): void {
    slot.value = value;
    slot.restaged = true;
    // After an assignment the outcome depends on nothing that is stored: it is an assignment too.
    if (!slot.assigned) slot.updaters.push(updater);
    const mutable = typeof value === "object" && value !== null;
    slot.updated = mutable ? encodeField(this.#codec(name), name, value) : undefined;
  }

  #slot(name: string): Slot {
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    const slot = this.#opened(name);
    this.#slots.set(name, slot);
    return slot;
  }

  #blank(name: string): Slot {
    const seen = textOf(this.#fields, name);
    return {
      seen,
      baseline: seen,
      value: undefined,
      looked: false,
      assigned: false,
      updaters: [],
      updated: undefined,
      taken: false,
      care: "minor",
      covered: 0,
      restaged: false,
    };
  }

  #opened(name: string): Slot {
    const slot = this.#blank(name);
    const schema = Object.hasOwn(this.#rules.schemas, name) ? this.#rules.schemas[name] : undefined;
    slot.value = this.#decoded(name, slot.seen);
    if (schema === undefined) return slot;

    const result = validate(schema, slot.value);
    if (!result.valid) {
      if (slot.seen !== undefined) this.#rules.onInvalid(name);
      slot.value = undefined;
    } else if (result.value !== slot.value || isObject(result.value)) {
      slot.value = result.value;
      // Migrating an old shape, or filling in a default, is no change by the handler.
      slot.baseline =
        result.value === undefined ? undefined : encodeField(this.#codec(name), name, result.value);
    }
    return slot;
  }

  #decoded(name: string, text: string | undefined): unknown {
    if (text === undefined) return undefined;
    try {
      return this.#codec(name).decode(text);
    } catch {
      this.#rules.onInvalid(name);
      return undefined;
    }
  }

  #changedText(name: string, slot: Slot): string | undefined | typeof UNCHANGED {
    const touched = isTouched(slot);
    // What is only read and cannot be changed in place needs no look.
    if (!touched && !isObject(slot.value)) return UNCHANGED;

    const text = slot.value === undefined ? undefined : encodeField(this.#codec(name), name, slot.value);
    if (slot.updaters.length > 0 && slot.updated !== undefined && text !== slot.updated) demote(slot);
    return text === (touched ? slot.seen : slot.baseline) ? UNCHANGED : text;
  }

  /** Lays one slot over a fresher text. Tells whether that is a conflict. */
  #lay(name: string, slot: Slot): boolean {
    if (slot.taken) throw takenElsewhere(name);
    if (slot.updaters.length > 0) {
      this.#changedText(name, slot);
    }
    if (slot.updaters.length > 0) {
      this.#reapply(name, slot);
      return false;
    }
    const changed = slot.looked && this.#changedText(name, slot) !== UNCHANGED;
    if (changed || slot.assigned) slot.seen = textOf(this.#fields, name);
    if (changed) slot.assigned = true;
    return changed;
  }

  #reapply(name: string, slot: Slot): void {
    const fresh = this.#opened(name);
    for (const updater of slot.updaters) fresh.value = applied(updater, fresh.value, name);
    slot.seen = fresh.seen;
    slot.value = fresh.value;
    slot.updated = isObject(fresh.value) ? encodeField(this.#codec(name), name, fresh.value) : undefined;
  }
}

const UNCHANGED: unique symbol = Symbol("unchanged");

function isTouched(slot: Slot): boolean {
  return slot.assigned || slot.updaters.length > 0;
}

/** The handler changed the outcome of an updater in place: it can no longer be made again, only assigned. */
function demote(slot: Slot): void {
  slot.updaters = [];
  slot.assigned = true;
  slot.looked = true;
}

function applied(updater: Updater, value: unknown, name: string): unknown {
  const result = updater(value);
  if (!(result instanceof Promise)) return result;
  result.catch(() => undefined);
  throw new SessionError(
    "ERR_SESSION_USE",
    `The function given for the session field "${name}" returned a promise. Give a synchronous one: it may be applied again.`,
  );
}

function takenElsewhere(name: string): SessionError {
  return new SessionError(
    "ERR_SESSION_CONFLICT",
    `The session field "${name}" was taken or changed by another request first.`,
  );
}

function textOf(fields: Fields, name: string): string | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
