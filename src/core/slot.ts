/** A change that is made of the value it finds, so that it can be made again of a fresher one. */
export type Updater = (value: unknown) => unknown;

/**
 * How much a change matters: `exact` cannot be dropped in silence when the session is gone, `plain` can, and `minor` is
 * book-keeping of the library that may be lost without harm.
 */
export type Care = "exact" | "plain" | "minor";

/** One field that this request read or changed. */
export interface Slot {
  readonly name: string;
  /** The text in the record when it was first looked at: what a conflict is judged by. */
  seen: string | undefined;
  /** The text that the value had before the handler could change it: what a change is judged by. */
  baseline: string | undefined;
  value: unknown;
  /** The handler knew the old value. */
  looked: boolean;
  /** The handler assigned the value that is stored now, and may still hold and change it. */
  held: boolean;
  assigned: boolean;
  /** The whole value is an outcome of these, in order. */
  updaters: readonly Updater[];
  /** The text right after the last updater, when a handler could have changed the value since. */
  updated: string | undefined;
  taken: boolean;
  /** The value is an assignment, yet was made of what was stored before. */
  inherited: boolean;
  care: Care;
  /** How often a verb changed the field, and how many updaters have gone from the front of the line. */
  edits: number;
  gone: number;
}

/** How far a staging reached into one slot. */
export interface Mark {
  readonly taken: boolean;
  readonly edits: number;
  readonly updaters: number;
}

/** Shared: most fields are looked at, or assigned. */
const NO_UPDATERS: readonly Updater[] = [];

/** The slot of a field that nobody has looked at yet. */
export function blankSlot(name: string, seen: string | undefined): Slot {
  return {
    name,
    seen,
    baseline: seen,
    value: undefined,
    looked: false,
    held: false,
    assigned: false,
    updaters: NO_UPDATERS,
    updated: undefined,
    taken: false,
    inherited: false,
    care: "minor",
    edits: 0,
    gone: 0,
  };
}

export function isTouched(slot: Slot): boolean {
  return slot.assigned || slot.updaters.length > 0;
}

/** Tells whether the handler knew the value that is stored when it changed it. */
export function isKnown(slot: Slot): boolean {
  return slot.looked || (slot.held && !slot.assigned);
}

/** From here on the value is one that the handler assigned. */
export function reassign(slot: Slot): void {
  dropUpdaters(slot, slot.updaters.length);
  slot.assigned = true;
  slot.edits += 1;
}

function dropUpdaters(slot: Slot, count: number): void {
  if (count > 0) slot.updaters = slot.updaters.slice(count);
  slot.gone += count;
  if (slot.updaters.length === 0) slot.updated = undefined;
}

/** The handler changed what was stored, or the outcome of an updater, in place: it can only be assigned. */
export function demote(slot: Slot): void {
  dropUpdaters(slot, slot.updaters.length);
  slot.assigned = true;
  slot.looked = true;
  slot.inherited = true;
}

export function markOf(slot: Slot): Mark {
  const { taken, edits } = slot;
  return { taken, edits, updaters: slot.gone + slot.updaters.length };
}

export function settleSlot(slot: Slot, mark: Mark): void {
  const settled = Math.max(0, mark.updaters - slot.gone);
  slot.baseline = slot.seen;
  // An assignment tells nothing of what others write later; all else did.
  slot.looked ||= settled > 0 || mark.taken;
  slot.held = true;
  slot.inherited = false;
  slot.taken &&= !mark.taken;
  dropUpdaters(slot, settled);
  slot.assigned = slot.edits !== mark.edits && slot.updaters.length === 0;
  if (!isTouched(slot)) slot.care = "minor";
  else if (slot.care === "exact") slot.looked = true;
}
