import { type Codec, jsonCodec, plainCodec } from "./codec.ts";
import { SessionError } from "./errors.ts";
import { checkSize, encodeField, isFarBelow } from "./fields.ts";
import { freeze } from "./freeze.ts";
import { isReserved } from "./record.ts";
import { AUTH, DEVICE, LIFE, ROTATION, SEEN } from "./reserved.ts";
import { type FieldSchema, type FieldSchemas, validate } from "./schema.ts";
import {
  blankSlot,
  type Care,
  demote,
  isKnown,
  isTouched,
  type Mark,
  markOf,
  reassign,
  settleSlot,
  type Slot,
  type Updater,
} from "./slot.ts";

type Fields = Readonly<Record<string, string>>;

/** What a draft needs to know of its manager. */
export interface DraftRules {
  readonly codec: Codec;
  readonly schemas: FieldSchemas;
  /** Values are handed out frozen: nothing that is changed in place could be stored. */
  readonly frozen?: boolean;
  /** A stored value that its codec or schema refuses reads as absent; this tells of it. */
  onInvalid(field: string): void;
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
  /** How far it reached into each field that it is about: what comes after that stays staged when it is written. */
  readonly marks?: ReadonlyMap<string, Mark>;
}

/** Reserved fields of which the library makes every part itself; in the others is what applications and extensions gave. */
const OWN: ReadonlySet<string> = new Set([AUTH, DEVICE, SEEN, LIFE, ROTATION]);

/** The slots of a draft that nobody has looked at. */
const NONE: ReadonlyMap<string, Slot> = new Map();

/** {@link Staged}, while it is put together. */
class Staging implements Staged {
  readonly set: Record<string, string> = {};
  readonly remove: string[] = [];
  dependent = false;
  insistent = false;
  minor = true;
  readonly marks: Map<string, Mark> = new Map();
}

const NO_CONFLICTS: readonly string[] = [];

const NOTHING: Staged = { set: {}, remove: [], dependent: false, insistent: false, minor: true };

/**
 * The fields of one session as one request sees and changes them, over the record that was loaded. Knows nothing of
 * stores: it says what it wants written, and can be laid over a fresher record when another request was first.
 */
export class Draft {
  #fields: Fields;
  readonly #rules: DraftRules;
  #slots: ReadonlyMap<string, Slot> = NONE;
  /** All slots are of the fields as they are: nothing was laid under them since. */
  #isOfOne = true;

  constructor(fields: Fields, rules: DraftRules) {
    this.#fields = fields;
    this.#rules = rules;
  }

  /** Reads a field for the handler: decoded once, the same object every time, seen at commit when changed in place. */
  get(name: string): unknown {
    const slot = this.#slot(name);
    // What this request assigned itself tells nothing of what is stored.
    if (!slot.assigned) slot.looked = true;
    return slot.value;
  }

  /** Reads a field without becoming dependent on it. */
  peek(name: string): unknown {
    const isAbsent = !this.#slots.has(name) && !Object.hasOwn(this.#fields, name);
    if (isAbsent && !Object.hasOwn(this.#rules.schemas, name)) return undefined;
    return this.#slot(name).value;
  }

  /** Tells whether a field has a value, or a text that nobody has decoded yet. */
  holds(name: string): boolean {
    const slot = this.#slots.get(name);
    return slot === undefined ? Object.hasOwn(this.#fields, name) : slot.value !== undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  set(name: string, value: unknown): void {
    const slot = this.#slots.get(name) ?? blankSlot(name, textOf(this.#fields, name));
    this.#keep(slot);
    slot.value = value;
    // An update told the handler the value that it now replaces.
    slot.looked ||= slot.updaters.length > 0;
    slot.care = slot.taken ? "exact" : "plain";
    reassign(slot);
    slot.inherited = false;
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
      if (test(name) && this.#isKept(slot)) return true;
    }
    return false;
  }

  /** Changes a field by a function that is applied again when another request was first. Returns the new value. */
  update(name: string, updater: Updater, care: Care = "exact"): unknown {
    const slot = this.#slot(name);
    this.#keepInPlace(slot);
    const value = this.#attempted(slot, updater);
    if (slot.care !== "exact" && care !== "minor") slot.care = care;
    this.#record(slot, updater, value);
    return value;
  }

  /** Reads and removes a field. If another request took or changed it first, the commit fails. */
  take(name: string): unknown {
    const slot = this.#slot(name);
    const value = slot.value;
    if (value === undefined) return undefined;
    // What this request assigned itself is nobody else's to take.
    slot.taken ||= !slot.assigned;
    slot.value = undefined;
    if (slot.taken) slot.care = "exact";
    reassign(slot);
    return value;
  }

  /** Tells whether this request gave the field its value. */
  isAssigned(name: string): boolean {
    return this.#slots.get(name)?.assigned ?? false;
  }

  /** Tells whether this request changed a field. What it cannot store, it did not. */
  isStaged(name: string): boolean {
    try {
      const staged = this.stage();
      return Object.hasOwn(staged.set, name) || staged.remove.includes(name);
    } catch {
      return false;
    }
  }

  /** Gives up what is known of a field, after it was taken by a call of its own. */
  forget(name: string): void {
    this.#drop(name);
  }

  /**
   * Says what is to be written.
   *
   * @throws `ERR_SESSION_VALUE` for a value that cannot be stored.
   */
  stage(): Staged {
    let staging: Staging | null = null;
    for (const slot of this.#slots.values()) {
      const text = this.#changedText(slot);
      if (text === UNCHANGED && !isTouched(slot)) continue;
      staging ??= new Staging();
      staging.marks.set(slot.name, markOf(slot));
      if (text !== UNCHANGED) this.#stageOne(staging, slot, text);
    }
    return staging ?? NOTHING;
  }

  #stageOne(staging: Staging, slot: Slot, text: string | undefined): void {
    if (text === undefined) staging.remove.push(slot.name);
    else staging.set[slot.name] = this.#accepted(slot.name, text);
    staging.dependent ||= isKnown(slot) || slot.taken || slot.updaters.length > 0;
    staging.insistent ||= slot.care === "exact";
    staging.minor &&= slot.care === "minor" && isTouched(slot);
  }

  /**
   * Lays the draft over a fresher record. Updaters are applied again; what was only read stays as this request saw it.
   *
   * @returns the fields that this request read and then changed and that another request changed meanwhile.
   * @throws `ERR_SESSION_CONFLICT` when a taken field is no longer there as it was.
   */
  rebase(fields: Fields): readonly string[] {
    if (this.#isOfOne && fields === this.#fields) return NO_CONFLICTS;
    this.#isOfOne = false;
    this.#fields = fields;
    const conflicts: string[] = [];
    for (const [name, slot] of this.#slots) {
      if (textOf(fields, name) === slot.seen) continue;
      if (this.#lay(slot)) conflicts.push(name);
    }
    return conflicts;
  }

  /** Shows fields that were hidden so far. What was looked for before and not found was not there to be found. */
  reveal(fields: Fields): void {
    for (const [name, slot] of this.#slots) {
      if (!isTouched(slot)) this.#drop(name);
    }
    this.rebase(fields);
  }

  /**
   * Takes note that what was staged has been written, giving these fields. What was changed while the write was on its
   * way stays staged.
   */
  settle(fields: Fields, staged: Staged): void {
    this.#isOfOne = false;
    this.#fields = fields;
    for (const [name, mark] of staged.marks ?? []) {
      const slot = this.#slots.get(name);
      if (slot === undefined) continue;
      const written = Object.hasOwn(staged.set, name) || staged.remove.includes(name);
      if (written) slot.seen = textOf(fields, name);
      settleSlot(slot, mark);
    }
  }

  /**
   * What is left for the session of another user: what this request assigned, and its updaters applied to nothing.
   * What it took, used up or changed in place belonged to the old session.
   */
  renewed(): Draft {
    const draft = new Draft({}, this.#rules);
    for (const [name, slot] of this.#slots) {
      if (slot.taken || slot.inherited || slot.care === "minor") continue;
      if (slot.updaters.length > 0) {
        for (const updater of slot.updaters) unlessConflicting(() => draft.update(name, updater, slot.care));
      } else if (slot.assigned && slot.value !== undefined) draft.set(name, slot.value);
    }
    return draft;
  }

  /**
   * What is left when the session itself is gone, as {@link renewed}.
   *
   * @throws `ERR_SESSION_CONFLICT` when something was taken or used up: whoever ended the session may have done so first.
   */
  detached(): Draft {
    for (const [name, slot] of this.#slots) {
      if (slot.taken) throw takenElsewhere(name);
      let value: unknown;
      for (const updater of slot.updaters) value = applied(updater, value, name);
    }
    return this.renewed();
  }

  /**
   * Checks the size of the record as it will be once everything staged is written.
   *
   * @throws `ERR_SESSION_LIMIT` when it is over `maxBytes`.
   */
  checkSize(staged: Staged, maxBytes: number): void {
    if (!isFarBelow(maxBytes, this.#fields, staged.set)) checkSize(this.merged(staged), maxBytes);
  }

  /** The fields as they will be once everything staged is written. */
  merged(staged: Staged): Record<string, string> {
    const fields: Record<string, string> = { ...this.#fields, ...staged.set };
    for (const name of staged.remove) delete fields[name];
    return fields;
  }

  /** What the library keeps for itself is JSON, whatever codec the application chose for its data. */
  #codec(name: string): Codec {
    if (!isReserved(name)) return this.#rules.codec;
    return OWN.has(name) ? plainCodec : jsonCodec;
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

  #isKept(slot: Slot): boolean {
    if (isTouched(slot)) return slot.value !== undefined;
    return slot.seen !== undefined || this.#changedText(slot) !== UNCHANGED;
  }

  #record(slot: Slot, updater: Updater, value: unknown): void {
    slot.value = value;
    slot.edits += 1;
    // After an assignment the outcome depends on nothing that is stored: it is an assignment too.
    if (!slot.assigned) slot.updaters = [...slot.updaters, updater];
    const mutable = typeof value === "object" && value !== null;
    slot.updated = mutable ? encodeField(this.#codec(slot.name), slot.name, value) : undefined;
  }

  /** Applies an updater. What one that throws has half done to a value that nobody else holds is forgotten. */
  #attempted(slot: Slot, updater: Updater): unknown {
    try {
      return applied(updater, slot.value, slot.name);
    } catch (error) {
      if (!isKnown(slot) && !isTouched(slot)) this.#drop(slot.name);
      throw error;
    }
  }

  /** What the handler changed in place is no outcome of updaters, and they cannot make it again: an assignment. */
  #keepInPlace(slot: Slot): void {
    const reachable = isKnown(slot) || slot.updaters.length > 0;
    if (slot.assigned || !reachable || !isObject(slot.value)) return;
    if (this.#changedText(slot) !== UNCHANGED && slot.updaters.length === 0) demote(slot);
  }

  #slot(name: string): Slot {
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    const slot = this.#opened(name);
    if (this.#rules.frozen === true) freeze(slot.value);
    this.#keep(slot);
    return slot;
  }

  /** Most requests look at nothing, and need no map. */
  #keep(slot: Slot): void {
    if (this.#slots === NONE) this.#slots = new Map();
    (this.#slots as Map<string, Slot>).set(slot.name, slot);
  }

  #drop(name: string): void {
    if (this.#slots !== NONE) (this.#slots as Map<string, Slot>).delete(name);
  }

  #opened(name: string): Slot {
    const slot = blankSlot(name, textOf(this.#fields, name));
    const stored = this.#decoded(name, slot.seen);
    const schema = this.#schema(name);
    slot.value = schema === undefined ? stored : this.#validated(name, schema, stored);
    if (slot.value === stored && !isObject(stored)) return slot;
    if (schema === undefined || slot.value === undefined) return slot;

    // Migrating an old shape, or filling in a default, is no change by the handler.
    slot.baseline = encodeField(this.#codec(name), name, slot.value);
    // A schema may give the same default to all: what the handler may change is its own copy.
    slot.value = slot.baseline === slot.seen ? stored : this.#codec(name).decode(slot.baseline);
    return slot;
  }

  #schema(name: string): FieldSchema | undefined {
    return Object.hasOwn(this.#rules.schemas, name) ? this.#rules.schemas[name] : undefined;
  }

  /** What a schema makes of a stored value. An invalid one is as good as absent: it gives the default, if there is one. */
  #validated(name: string, schema: FieldSchema, stored: unknown): unknown {
    const result = validate(name, schema, stored);
    if (result.valid) return result.value;
    if (stored === undefined) return undefined;
    this.#rules.onInvalid(name);
    const absent = validate(name, schema, undefined);
    return absent.valid ? absent.value : undefined;
  }

  /** @throws `ERR_SESSION_VALUE` for a text that would read as absent, because its schema refuses it. */
  #accepted(name: string, text: string): string {
    const schema = this.#schema(name);
    if (schema === undefined || validate(name, schema, this.#codec(name).decode(text)).valid) return text;
    throw new SessionError(
      "ERR_SESSION_VALUE",
      `The session field "${name}" was given a value that its schema refuses, so it would not be there at the next request.`,
    );
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

  #changedText(slot: Slot): string | undefined | typeof UNCHANGED {
    const touched = isTouched(slot);
    if (!touched && !this.#mayDiffer(slot)) return UNCHANGED;

    const text =
      slot.value === undefined ? undefined : encodeField(this.#codec(slot.name), slot.name, slot.value);
    if (slot.updaters.length > 0 && slot.updated !== undefined && text !== slot.updated) demote(slot);
    if (touched) return text === slot.seen ? UNCHANGED : text;
    return text === slot.baseline || this.#isRespelled(slot, text) ? UNCHANGED : text;
  }

  /** Tells whether what nobody assigned may have been changed in place. */
  #mayDiffer({ name, value, baseline }: Slot): boolean {
    // A frozen value stays as it is, and nobody else has hold of what the library keeps for itself.
    if (!isObject(value) || this.#rules.frozen === true || OWN.has(name)) return false;
    return baseline === undefined || this.#codec(name).says?.(baseline, value) !== true;
  }

  /** Tells whether a text says the same as the stored one, which another codec or hand spelled in its own way. */
  #isRespelled(slot: Slot, text: string | undefined): boolean {
    if (slot.baseline === undefined || slot.baseline !== slot.seen) return false;
    const codec = this.#codec(slot.name);
    if (encodeField(codec, slot.name, codec.decode(slot.baseline)) !== text) return false;
    slot.baseline = text;
    return true;
  }

  /** Lays one slot over a fresher text. Tells whether that is a conflict. */
  #lay(slot: Slot): boolean {
    if (slot.taken) throw takenElsewhere(slot.name);
    // This finds out whether the outcome was changed in place since.
    if (slot.updaters.length > 0) this.#changedText(slot);
    if (slot.updaters.length > 0) {
      this.#reapply(slot);
      return false;
    }
    const changed = isKnown(slot) && this.#changedText(slot) !== UNCHANGED;
    if (changed || slot.assigned) slot.seen = textOf(this.#fields, slot.name);
    if (changed && !slot.assigned) demote(slot);
    return changed;
  }

  #reapply(slot: Slot): void {
    const fresh = this.#opened(slot.name);
    for (const updater of slot.updaters) fresh.value = applied(updater, fresh.value, slot.name);
    slot.seen = fresh.seen;
    slot.value = fresh.value;
    slot.updated = isObject(fresh.value)
      ? encodeField(this.#codec(slot.name), slot.name, fresh.value)
      : undefined;
  }
}

const UNCHANGED: unique symbol = Symbol("unchanged");

/** What was used up belonged to another session: here it is not there, and need not be. */
function unlessConflicting(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!SessionError.is(error) || error.code !== "ERR_SESSION_CONFLICT") throw error;
  }
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

/** @throws `ERR_SESSION_USE` for what is no function. */
export function checkUpdater(name: string, change: unknown): void {
  if (typeof change === "function") return;
  throw new SessionError(
    "ERR_SESSION_USE",
    `update takes a function that makes the new value of "${name}" from the old one.`,
  );
}
