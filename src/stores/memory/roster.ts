import { SessionError } from "../../core/errors.ts";
import type { PageRequest } from "../../core/store.ts";

export interface RosterPage<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

/** What a roster keeps on each of its items. */
export interface Seated {
  /** Where it is; it keeps its place until it is removed. */
  place: number;
  /** When it was added, in the order of all that was ever added to the rosters of one store. */
  joined: number;
}

/** How often something was added, shared by the rosters of one store: a walk of a list that was emptied and made anew sees nothing of the new one. */
export interface Joins {
  last: number;
}

/**
 * A list that can be walked in pages while items come and go. A walk passes over whatever was added after it began: it ends, and sees
 * nothing twice, however fast items are added.
 */
export class Roster<T extends Seated> {
  readonly #joins: Joins;
  readonly #seats: (T | undefined)[];
  readonly #free: number[] = [];
  #size: number;

  /** @param first an item that has joined already, at the place 0. */
  constructor(joins: Joins, first?: T) {
    this.#joins = joins;
    this.#seats = first === undefined ? [] : [first];
    this.#size = this.#seats.length;
  }

  get size(): number {
    return this.#size;
  }

  add(item: T): void {
    item.place = this.#free.pop() ?? this.#seats.length;
    item.joined = nextOf(this.#joins);
    this.#seats[item.place] = item;
    this.#size += 1;
  }

  remove(item: T): void {
    if (this.#seats[item.place] !== item) return;
    this.#seats[item.place] = undefined;
    this.#size -= 1;
    if (this.#size > 0) this.#free.push(item.place);
    else this.#clear();
  }

  #clear(): void {
    this.#seats.length = 0;
    this.#free.length = 0;
  }

  items(): T[] {
    return this.#seats.filter((item) => item !== undefined);
  }

  page(request: PageRequest): RosterPage<T> {
    return pageOf(this.#seats, this.#joins, request);
  }
}

export function nextOf(joins: Joins): number {
  joins.last += 1;
  return joins.last;
}

/** One page of a walk over seats, some of which are empty. */
export function pageOf<T extends Seated>(
  seats: readonly (T | undefined)[],
  joins: Joins,
  request: PageRequest,
): RosterPage<T> {
  const { began, from } =
    request.after === undefined ? { began: joins.last, from: 0 } : cursor(request.after);
  const items: T[] = [];
  for (let place = from; place < seats.length; place += 1) {
    const item = seats[place];
    if (item === undefined || item.joined > began) continue;
    if (items.length === request.limit) return { items, next: `${began}.${place}` };
    items.push(item);
  }
  return { items };
}

function cursor(after: string): { began: number; from: number } {
  const parts = /^(\d{1,15})\.(\d{1,15})$/.exec(after);
  if (parts === null) {
    throw new SessionError(
      "ERR_SESSION_USE",
      "after must be the next of an earlier page of the same listing.",
    );
  }
  return { began: Number(parts[1]), from: Number(parts[2]) };
}
