/** What a schedule keeps on each of its items. */
export interface Scheduled {
  /** When the item is looked at next; never later than it is due. */
  dueAt: number;
  /** Its place in the heap. */
  dueIndex: number;
}

/**
 * Items by the time at which they fall due, as a binary heap. A due time that grows costs nothing until the item is
 * looked at: `dueAt` is then found to be too early and moved. One that shrinks is told by `advance`.
 */
export interface Schedule<T extends Scheduled> {
  add(item: T): void;
  remove(item: T): void;
  /** Takes note of a due time that became earlier. */
  advance(item: T): void;
  /** The item due first, if it is due at `now` or before. It stays in the schedule. */
  due(now: number): T | undefined;
}

export function createSchedule<T extends Scheduled>(dueTime: (item: T) => number): Schedule<T> {
  return new Heap<T>(dueTime);
}

class Heap<T extends Scheduled> implements Schedule<T> {
  readonly #dueTime: (item: T) => number;
  readonly #items: T[] = [];

  constructor(dueTime: (item: T) => number) {
    this.#dueTime = dueTime;
  }

  add(item: T): void {
    item.dueAt = this.#dueTime(item);
    this.#rise(item, this.#items.length);
  }

  remove(item: T): void {
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    const index = item.dueIndex;
    this.#rise(last, index);
    if (last.dueIndex === index) this.#sink(last, index);
  }

  advance(item: T): void {
    const due = this.#dueTime(item);
    if (due >= item.dueAt) return;
    item.dueAt = due;
    this.#rise(item, item.dueIndex);
  }

  due(now: number): T | undefined {
    for (;;) {
      const first = this.#items[0];
      if (first === undefined || first.dueAt > now) return undefined;
      const due = this.#dueTime(first);
      if (due <= now) return first;
      first.dueAt = due;
      this.#sink(first, 0);
    }
  }

  #rise(item: T, from: number): void {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#items[above];
      if (parent === undefined || parent.dueAt <= item.dueAt) break;
      this.#place(parent, index);
      index = above;
    }
    this.#place(item, index);
  }

  #sink(item: T, from: number): void {
    let index = from;
    for (;;) {
      const child = this.#earlierChild(index);
      if (child === undefined || child.dueAt >= item.dueAt) break;
      const below = child.dueIndex;
      this.#place(child, index);
      index = below;
    }
    this.#place(item, index);
  }

  #earlierChild(index: number): T | undefined {
    const left = this.#items[2 * index + 1];
    const right = this.#items[2 * index + 2];
    if (left === undefined || right === undefined) return left;
    return right.dueAt < left.dueAt ? right : left;
  }

  #place(item: T, index: number): void {
    this.#items[index] = item;
    item.dueIndex = index;
  }
}
