import type { PageRequest } from "../../core/store.ts";
import { type Joins, nextOf, pageOf, Roster, type RosterPage, type Seated } from "./roster.ts";

/** One item's share in one label. The shares of an item are a chain. */
export interface Bearing<T> extends Seated {
  readonly item: T;
  readonly label: string;
  next: Bearing<T> | undefined;
}

/** Which items bear which labels. A label that one item bears, as most do, costs no list. */
export class LabelIndex<T> {
  readonly #joins: Joins;
  readonly #bearers = new Map<string, Bearing<T> | Roster<Bearing<T>>>();

  constructor(joins: Joins) {
    this.#joins = joins;
  }

  /** @param next the item's other labels. */
  add(item: T, label: string, next: Bearing<T> | undefined): Bearing<T> {
    const bearing: Bearing<T> = { item, label, next, place: 0, joined: 0 };
    const present = this.#bearers.get(label);
    if (present === undefined) {
      bearing.joined = nextOf(this.#joins);
      this.#bearers.set(label, bearing);
    } else this.#rosterOf(present).add(bearing);
    return bearing;
  }

  remove(bearing: Bearing<T>): void {
    const present = this.#bearers.get(bearing.label);
    if (present instanceof Roster) {
      present.remove(bearing);
      if (present.size > 0) return;
    }
    this.#bearers.delete(bearing.label);
  }

  items(label: string): T[] {
    const present = this.#bearers.get(label);
    if (present === undefined) return [];
    return (present instanceof Roster ? present.items() : [present]).map(({ item }) => item);
  }

  page(label: string, request: PageRequest): RosterPage<T> {
    const present = this.#bearers.get(label);
    if (present === undefined) return { items: [] };
    const { items, next } =
      present instanceof Roster ? present.page(request) : pageOf([present], this.#joins, request);
    const bearers = items.map(({ item }) => item);
    return next === undefined ? { items: bearers } : { items: bearers, next };
  }

  #rosterOf(present: Bearing<T> | Roster<Bearing<T>>): Roster<Bearing<T>> {
    if (present instanceof Roster) return present;
    const roster = new Roster(this.#joins, present);
    this.#bearers.set(present.label, roster);
    return roster;
  }
}
