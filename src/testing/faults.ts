import type { Clock } from "../core/clock.ts";
import type { AnyStore, SessionStore } from "../core/store.ts";

/** The operations that can be made to fail. */
export type StoreOperation =
  | "create"
  | "read"
  | "update"
  | "delete"
  | "listByLabel"
  | "deleteByLabel"
  | "all"
  | "sweep"
  | "setup"
  | "close";

const OPERATIONS: readonly StoreOperation[] = [
  "create",
  "read",
  "update",
  "delete",
  "listByLabel",
  "deleteByLabel",
  "all",
  "sweep",
  "setup",
  "close",
];

/** A way for one call to go wrong. `work` does the real call; a fault that never uses it applies nothing. */
export type Fault = (work: () => Promise<unknown>) => unknown;

/** One call that reached the store, or would have. */
export interface StoreCall {
  readonly operation: StoreOperation;
  /** The session id of a call on one record; the label of a call by label. */
  readonly subject?: string;
}

/** A door that calls wait at until a test opens it. */
export interface Gate {
  /** How many calls wait at it now. */
  readonly waiting: number;
  /** Resolves as soon as at least so many calls wait at it. */
  reached(count?: number): Promise<void>;
  /** Lets through those that wait and all that come later. */
  open(): void;
  /** Resolves when it is open; what a latency fault waits for. */
  passage(): Promise<void>;
}

export interface FaultyStore<Store extends AnyStore> {
  /** The store with its faults. It has the abilities of the store that it wraps, and no other. What it answers, it answers by promises. */
  readonly store: SessionStore & Store;
  /** Every call so far, in order. */
  readonly calls: readonly StoreCall[];
  /** How many calls there were of the operation since the last `forget`. */
  count(operation?: StoreOperation): number;
  /** How many calls the wrapped store is working on now. */
  readonly working: number;
  /** Forgets the calls so far. */
  forget(): void;
  /** Makes the next `times` calls of the operation go wrong, 1 unless said otherwise; comes after faults ordered before. */
  next(operation: StoreOperation, fault: Fault, times?: number): void;
  /** Makes every call of the operation go wrong until `heal`, once the ordered ones are used up. */
  always(operation: StoreOperation, fault: Fault): void;
  /** Ends all faults of the operation, or of all. Calls that wait go on waiting. */
  heal(operation?: StoreOperation): void;
}

/** Nothing is applied, and the call rejects with the error, or with whatever else is given. */
export function failsBefore(error: unknown = new Error("The store is down.")): Fault {
  return () => Promise.reject(error);
}

/** The call is applied, and then rejects with the error, or with whatever else is given: the answer was lost. */
export function losesReply(error: unknown = new Error("The connection was lost.")): Fault {
  return async (work) => {
    await work();
    throw error;
  };
}

/** The call is applied, and its answer never comes. */
export function swallowsReply(): Fault {
  return async (work) => {
    await work();
    return new Promise(() => {});
  };
}

/** Nothing is applied, and no answer ever comes. */
export function hangs(): Fault {
  return () => new Promise(() => {});
}

/** The call throws before it returns a promise, as no store should. */
export function throwsAtOnce(error: unknown = new Error("The store threw.")): Fault {
  return () => {
    throw error;
  };
}

/** The call is applied, and answers with something else. */
export function answers(garbage: unknown): Fault {
  return async (work) => {
    await work();
    return garbage;
  };
}

/** The call is applied when the gate opens. */
export function waitsBefore(gate: Gate): Fault {
  return async (work) => {
    await gate.passage();
    return work();
  };
}

/** The call is applied at once, and answers when the gate opens. */
export function waitsAfter(gate: Gate): Fault {
  return async (work) => {
    const answer = await work();
    await gate.passage();
    return answer;
  };
}

/** The call is applied after `ms` milliseconds of the clock. */
export function takes(ms: number, clock: Clock): Fault {
  return async (work) => {
    await new Promise<void>((resolve) => void clock.after(ms, resolve));
    return work();
  };
}

/** Makes a closed gate. */
export function gate(): Gate {
  let waiting = 0;
  let release = (): void => {};
  const opened = new Promise<void>((resolve) => (release = resolve));
  const watchers = new Set<() => void>();

  async function passage(): Promise<void> {
    waiting += 1;
    for (const watch of watchers) watch();
    await opened;
    waiting -= 1;
  }

  function reached(count = 1): Promise<void> {
    return new Promise((resolve) => {
      const watch = (): void => {
        if (waiting < count) return;
        watchers.delete(watch);
        resolve();
      };
      watchers.add(watch);
      watch();
    });
  }

  return {
    get waiting() {
      return waiting;
    },
    reached,
    open: () => release(),
    passage,
  };
}

/**
 * Wraps a store so that a test can make its calls slow, failing or wrong, and see which calls were made. Without
 * faults every call goes through unchanged.
 *
 * @example
 * const faulty = faultyStore(memoryStore());
 * faulty.next("update", losesReply());
 */
export function faultyStore<Store extends AnyStore>(store: Store): FaultyStore<Store> {
  const calls: StoreCall[] = [];
  const ordered = new Map<StoreOperation, Fault[]>();
  const standing = new Map<StoreOperation, Fault>();
  let working = 0;

  async function counted(operation: StoreOperation, args: readonly unknown[]): Promise<unknown> {
    working += 1;
    try {
      return await invoke(store, operation, args);
    } finally {
      working -= 1;
    }
  }

  function run(operation: StoreOperation, args: readonly unknown[]): unknown {
    calls.push(callOf(operation, args));
    const work = (): Promise<unknown> => counted(operation, args);
    const fault = ordered.get(operation)?.shift() ?? standing.get(operation);
    return fault === undefined ? work() : fault(work);
  }

  return {
    store: wrapped(store, run) as SessionStore & Store,
    get calls() {
      return calls;
    },
    get working() {
      return working;
    },
    count: (operation) =>
      calls.filter((call) => operation === undefined || call.operation === operation).length,
    forget: () => void calls.splice(0),
    next(operation, fault, times = 1) {
      const queue = ordered.get(operation) ?? [];
      ordered.set(operation, queue);
      for (let time = 0; time < times; time += 1) queue.push(fault);
    },
    always: (operation, fault) => void standing.set(operation, fault),
    heal(operation) {
      for (const one of operation === undefined ? OPERATIONS : [operation]) {
        ordered.delete(one);
        standing.delete(one);
      }
    },
  };
}

type Run = (operation: StoreOperation, args: readonly unknown[]) => unknown;

/** The same store, with each operation that it has led through `run`. Everything else of it stays as it is. */
function wrapped<Store extends AnyStore>(store: Store, run: Run): Store {
  const cover: Record<PropertyKey, unknown> = {};
  for (const operation of OPERATIONS) {
    if (store[operation] !== undefined)
      cover[operation] = (...args: unknown[]): unknown => run(operation, args);
  }
  // An empty heir as the target: a proxy of a frozen store itself could not answer with another method than its own.
  return new Proxy(Object.create(store) as Store, {
    get(_heir, property) {
      if (Object.hasOwn(cover, property)) return cover[property];
      // Read from the store itself and bound to it, since private fields do not see through a proxy.
      const value: unknown = Reflect.get(store, property, store);
      return typeof value === "function" ? value.bind(store) : value;
    },
  });
}

type Method = (...args: readonly unknown[]) => Promise<unknown>;

function invoke(store: AnyStore, operation: StoreOperation, args: readonly unknown[]): Promise<unknown> {
  const method = store[operation] as unknown as Method;
  return method.apply(store, [...args]);
}

function callOf(operation: StoreOperation, args: readonly unknown[]): StoreCall {
  const [first] = args;
  if (operation === "create") return { operation, subject: (first as { readonly id: string }).id };
  return typeof first === "string" ? { operation, subject: first } : { operation };
}
