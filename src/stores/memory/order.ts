/** What an order keeps on each of its items: its neighbours. */
export interface Ordered<T> {
  older: T | undefined;
  newer: T | undefined;
}

/** Items from the least to the most recently used. Each operation takes constant time. An item is in one order at a time. */
export interface Order<T extends Ordered<T>> {
  add(item: T): void;
  remove(item: T): void;
  /** Makes an item of this order the most recently used. */
  use(item: T): void;
  oldest(): T | undefined;
}

export function createOrder<T extends Ordered<T>>(): Order<T> {
  let oldest: T | undefined;
  let newest: T | undefined;

  function add(item: T): void {
    item.older = newest;
    item.newer = undefined;
    if (newest === undefined) oldest = item;
    else newest.newer = item;
    newest = item;
  }

  function remove(item: T): void {
    const { older, newer } = item;
    if (older === undefined) oldest = newer;
    else older.newer = newer;
    if (newer === undefined) newest = older;
    else newer.older = older;
    item.older = undefined;
    item.newer = undefined;
  }

  function use(item: T): void {
    if (item === newest) return;
    remove(item);
    add(item);
  }

  return { add, remove, use, oldest: () => oldest };
}
