import { SessionError } from "../../core/errors.ts";
import type { PageRequest } from "../../core/store.ts";

export interface RosterPage<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

/**
 * A list that can be walked in pages while items come and go. An item keeps its place until it is removed. A walk
 * passes over whatever was added after it began: it ends, and sees nothing twice, however fast items are added.
 */
export interface Roster<T> {
  readonly size: number;
  /** Returns the item's place, by which it is removed. */
  add(item: T): number;
  remove(place: number): void;
  items(): T[];
  page(request: PageRequest): RosterPage<T>;
}

interface Seat<T> {
  readonly item: T;
  readonly joined: number;
}

/** Shared by all that are empty, and never written to. */
const NOBODY: never[] = [];

/** How often something was added, shared by the rosters of one store: a walk of a list that was emptied and made anew sees nothing of the new one. */
export interface Joins {
  last: number;
}

export function createRoster<T>(joins: Joins): Roster<T> {
  return new Seats<T>(joins);
}

class Seats<T> implements Roster<T> {
  readonly #joins: Joins;
  // An array made with its first item has room for that alone, and most labels have one bearer.
  #seats: (Seat<T> | undefined)[] = NOBODY;
  #free: number[] | undefined;
  #size = 0;

  constructor(joins: Joins) {
    this.#joins = joins;
  }

  get size(): number {
    return this.#size;
  }

  add(item: T): number {
    const place = this.#free?.pop() ?? this.#seats.length;
    this.#joins.last += 1;
    const seat = { item, joined: this.#joins.last };
    if (this.#seats.length === 0) this.#seats = [seat];
    else this.#seats[place] = seat;
    this.#size += 1;
    return place;
  }

  remove(place: number): void {
    if (this.#seats[place] === undefined) return;
    this.#size -= 1;
    if (this.#size === 0) {
      this.#seats = NOBODY;
      this.#free = undefined;
      return;
    }
    this.#seats[place] = undefined;
    (this.#free ??= []).push(place);
  }

  items(): T[] {
    return this.#seats.flatMap((seat) => (seat === undefined ? [] : [seat.item]));
  }

  page(request: PageRequest): RosterPage<T> {
    const { began, from } =
      request.after === undefined ? { began: this.#joins.last, from: 0 } : cursor(request.after);
    const items: T[] = [];
    for (let place = from; place < this.#seats.length; place += 1) {
      const seat = this.#seats[place];
      if (seat === undefined || seat.joined > began) continue;
      if (items.length === request.limit) return { items, next: `${began}.${place}` };
      items.push(seat.item);
    }
    return { items };
  }
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
