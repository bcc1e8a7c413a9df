import { type Answer, upon } from "./answer.ts";
import { BoundedCall } from "./call.ts";
import type { Clock } from "./clock.ts";
import { SessionError } from "./errors.ts";
import type { Events } from "./events.ts";
import { isSealed, judgeRecord, type SessionId, type SessionRecord } from "./record.ts";
import { SealError, unknownSeal } from "./seal.ts";
import type {
  AnyStore,
  Call,
  DeleteCondition,
  DeleteOutcome,
  Page,
  SessionChange,
  SweepOutcome,
  UpdateOutcome,
} from "./store.ts";

/**
 * The only way to the store. Every call has a deadline, whatever the store does; what it throws, rejects with or
 * answers too late becomes one kind of error, with the reason as its `cause`; what it returns is checked.
 */
export class Gate {
  readonly #store: AnyStore;
  /** The store beneath what opens its fields. */
  readonly #bare: AnyStore;
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #events: Events;
  #closed = false;
  #ready: Promise<void> | null | "ready";

  constructor(
    store: AnyStore,
    clock: Clock,
    deadlineMs: number,
    events: Events,
    options: { readonly setup: boolean; readonly bare?: AnyStore },
  ) {
    this.#store = store;
    this.#bare = options.bare ?? store;
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
    this.#events = events;
    this.#ready = options.setup && store.setup !== undefined ? null : "ready";
  }

  /** Reads a record. `null` when there is none, or none that can be read, which is told by an event. */
  read(id: SessionId): Answer<SessionRecord | null> {
    return this.#read(id, readIn);
  }

  /** Reads a record as {@link read}, as it was a while ago where the store keeps records: for whoever asks again where that matters. */
  readKept(id: SessionId): Answer<SessionRecord | null> {
    return this.#read(id, readKeptIn);
  }

  #read(id: SessionId, send: SendOf<SessionId, SessionRecord | null>): Answer<SessionRecord | null> {
    const answer: Answer<unknown> = this.#callFor("read", send, id);
    if (!(answer instanceof Promise)) return upon(answer, (found) => this.#found(id, found));
    return answer.then(
      (found: unknown) => this.#found(id, found),
      (error: unknown) => {
        if (!SessionError.is(error) || error.code !== "ERR_SESSION_CORRUPT") throw error;
        this.#events.emit("corrupt", { id, ...(error instanceof SealError && error.fault) });
        return null;
      },
    );
  }

  create(record: SessionRecord): Answer<boolean> {
    return upon(
      this.#call<unknown>("create", (store, call) => store.create(record, call)),
      (created) => (typeof created === "boolean" ? created : this.#nonsense("create")),
    );
  }

  update(id: SessionId, change: SessionChange): Answer<UpdateOutcome> {
    return upon(
      this.#call<UpdateOutcome | undefined>("update", (store, call) => store.update(id, change, call)),
      (outcome) => {
        const known = UPDATED.includes(outcome?.kind ?? "");
        return known && outcome !== undefined ? outcome : this.#nonsense("update");
      },
    );
  }

  delete(id: SessionId, when: DeleteCondition): Answer<DeleteOutcome> {
    return upon(
      this.#call("delete", (store, call) => store.delete(id, when, call)),
      (outcome) => (DELETED.includes(outcome) ? outcome : this.#nonsense("delete")),
    );
  }

  async listByLabel(label: string, after: string | undefined): Promise<Page> {
    return this.#readable("listByLabel", await this.#labelled(this.#store, label, after));
  }

  /** Lists as {@link listByLabel} what is to be ended: those whose fields cannot be opened too, and sealed as they are. */
  async bareByLabel(label: string, after: string | undefined): Promise<Page> {
    return await this.#labelled(this.#bare, label, after);
  }

  async deleteByLabel(label: string, except: readonly SessionId[]): Promise<number> {
    this.demand("deleteByLabel");
    const count: unknown = await this.#call("deleteByLabel", async (store, call) =>
      store.deleteByLabel?.(label, except, call),
    );
    return typeof count === "number" ? count : this.#nonsense("deleteByLabel");
  }

  async all(after: string | undefined): Promise<Page> {
    return this.#readable("all", await this.#everyone(this.#store, after));
  }

  /** Lists as {@link all} what is to be ended: those whose fields cannot be opened too, and sealed as they are. */
  async bareAll(after: string | undefined): Promise<Page> {
    return await this.#everyone(this.#bare, after);
  }

  async sweep(now: number, limit: number): Promise<SweepOutcome> {
    this.demand("sweep");
    const swept = await this.#call("sweep", (store, call) =>
      this.#ended(call, async (hurried) => store.sweep?.(now, limit, hurried)),
    );
    return typeof swept?.deleted === "number" ? swept : this.#nonsense("sweep");
  }

  /** Calls the listener with the id of each session that the store tells the end of, where it tells any. Returns how to stop. */
  subscribe(listener: (id: SessionId) => void): () => void {
    try {
      return this.#store.subscribe?.(listener) ?? (() => undefined);
    } catch (error) {
      this.#failure("subscribe", error);
      return () => undefined;
    }
  }

  /** Whether the store keeps records, so that {@link readKept} may tell of the past. */
  get keeps(): boolean {
    return this.#store.traits.keptForMs !== undefined;
  }

  get canSweep(): boolean {
    return this.#store.sweep !== undefined;
  }

  /** @throws `ERR_SESSION_USE` when the store lacks an ability. */
  demand(ability: "listByLabel" | "deleteByLabel" | "all" | "sweep"): void {
    if (this.#store[ability] !== undefined) return;
    throw new SessionError(
      "ERR_SESSION_USE",
      `This store cannot ${ability}. Choose one that can, or do without.`,
    );
  }

  /** From here on every call is refused: a manager that was closed must not go on as if it were open. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#store.close?.();
  }

  /** Not an async function: what is answered at once is not waited for, and every request passes here. */
  #callFor<Of, T>(operation: string, send: SendOf<Of, T>, of: Of): Answer<T> {
    if (this.#closed) {
      const closed = new SessionError(
        "ERR_SESSION_STORE_UNAVAILABLE",
        "This session manager was closed. Make a new one, and close it after the last request.",
      );
      return Promise.reject(closed);
    }
    if (this.#ready === "ready") return this.#bounded(operation, send, of);
    return this.#setUp().then(() => this.#bounded(operation, send, of));
  }

  #call<T>(operation: string, send: Send<T>): Answer<T> {
    return this.#callFor(operation, send, undefined);
  }

  /** Prepares the store once. A failure is not remembered: the next call tries again. */
  async #setUp(): Promise<void> {
    const begun = this.#ready;
    if (begun === "ready") return;
    const preparing =
      begun ?? Promise.resolve(this.#bounded("setup", async (store, call) => store.setup?.(call), undefined));
    this.#ready = preparing;
    try {
      await (begun === null ? preparing : this.#joined(preparing));
      this.#ready = "ready";
    } catch (error) {
      // Another may have begun anew meanwhile.
      if (this.#ready === preparing) this.#ready = null;
      throw error;
    }
  }

  /**
   * Waits for what another request began, until the deadline of this one: where a platform ends the work of a request with it, as
   * workers' do, it would never be settled.
   */
  #joined(preparing: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(this.#deadlineMs, () =>
        reject(new SessionError("ERR_SESSION_STORE_UNAVAILABLE", "The session store was not ready in time.")),
      );
      preparing.then(resolve, reject).finally(cancel);
    });
  }

  #bounded<Of, T>(operation: string, send: SendOf<Of, T>, of: Of): Answer<T> {
    const call = new BoundedCall();
    try {
      const answer = send(this.#store, call, of);
      if (!isThenable(answer)) return answer;
      return this.#inTime(operation, answer instanceof Promise ? answer : Promise.resolve(answer), call);
    } catch (error) {
      return Promise.reject(this.#failure(operation, error));
    }
  }

  /** What has to be waited for has a deadline. */
  #inTime<T>(operation: string, answer: Promise<T>, call: BoundedCall): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(this.#deadlineMs, () => {
        const late = new DOMException(`No answer within ${this.#deadlineMs} ms.`, "TimeoutError");
        call.abort(late);
        reject(this.#failure(operation, late));
      });
      // An answer after the deadline finds the promise settled; it is dropped without a trace.
      answer.then(
        (value) => {
          cancel();
          resolve(value);
        },
        (error: unknown) => {
          cancel();
          if (call.reason === null) reject(this.#failure(operation, error));
        },
      );
    });
  }

  /**
   * Asks the store to end at half of the deadline, so that it can tell within the whole what it did until then. Otherwise a
   * slow engine would fail each time, and nobody would ask it to go on.
   */
  async #ended<T>(call: Call, send: (call: Call) => Promise<T>): Promise<T> {
    const half = new AbortController();
    const cancel = this.#clock.after(this.#deadlineMs / 2, () => half.abort());
    call.signal.addEventListener("abort", () => half.abort(call.signal.reason), { once: true });
    try {
      return await send({ signal: half.signal });
    } finally {
      cancel();
    }
  }

  #failure(operation: string, cause: unknown): SessionError {
    if (SessionError.is(cause) && cause.code === "ERR_SESSION_CORRUPT") return cause;
    this.#events.emit("storeFailure", { operation, error: cause });
    if (SessionError.is(cause) && cause.code === "ERR_SESSION_FORMAT") return cause;
    return new SessionError(
      "ERR_SESSION_STORE_UNAVAILABLE",
      "The session store failed or did not answer in time.",
      { cause },
    );
  }

  #nonsense(operation: string): never {
    throw this.#failure(
      operation,
      new TypeError(`The store's ${operation} answered nothing that its contract knows.`),
    );
  }

  async #labelled(store: AnyStore, label: string, after: string | undefined): Promise<Page> {
    this.demand("listByLabel");
    const page = pageRequest(after);
    const found = await this.#call("listByLabel", async (_, call) => store.listByLabel?.(label, page, call));
    return this.#recordsOf("listByLabel", found);
  }

  async #everyone(store: AnyStore, after: string | undefined): Promise<Page> {
    this.demand("all");
    const page = pageRequest(after);
    return this.#recordsOf("all", await this.#call("all", async (_, call) => store.all?.(page, call)));
  }

  #readable(operation: string, page: Page): Page {
    for (const record of page.records) this.#demandOpen(operation, record);
    return page;
  }

  /** Records that are none are passed over, as a store passes over those that it cannot read itself. */
  #recordsOf(operation: string, page: Page | undefined): Page {
    if (!Array.isArray(page?.records)) this.#nonsense(operation);
    const records = page.records.filter((record) => judgeRecord(record) === "record");
    return page.next === undefined ? { records } : { records, next: page.next };
  }

  /** A sealed text that came as far as here is one that nothing opens in this process: to read it as a value would lose it. */
  #demandOpen(operation: string, record: SessionRecord): SessionRecord {
    const { fields } = record;
    for (const name in fields) {
      if (isSealed(fields[name] ?? ""))
        throw this.#failure(operation, unknownSeal(", and this process has no keys"));
    }
    return record;
  }

  #found(id: SessionId, found: unknown): SessionRecord | null {
    if (found === null || found === undefined) return null;
    switch (judgeRecord(found)) {
      case "record":
        return this.#demandOpen("read", found as SessionRecord);
      case "corrupt":
        this.#events.emit("corrupt", { id });
        return null;
      case "newer":
        throw this.#failure(
          "read",
          new SessionError(
            "ERR_SESSION_FORMAT",
            "A newer version of the library wrote this session. Finish the deployment.",
          ),
        );
    }
  }
}

const PAGE_SIZE = 500;

const UPDATED: readonly string[] = ["done", "conflict", "stale", "gone"];
const DELETED: readonly string[] = ["done", "conflict", "gone"];

type Send<T> = (store: AnyStore, call: BoundedCall) => Answer<T>;
/** Without a function for each request, of which most do nothing but read. */
type SendOf<Of, T> = (store: AnyStore, call: BoundedCall, of: Of) => Answer<T>;

function readIn(store: AnyStore, call: BoundedCall, id: SessionId): Answer<SessionRecord | null> {
  return store.read(id, call);
}

function readKeptIn(store: AnyStore, call: BoundedCall, id: SessionId): Answer<SessionRecord | null> {
  return store.read(id, call.keeping());
}

function pageRequest(after: string | undefined): { limit: number; after?: string } {
  return after === undefined ? { limit: PAGE_SIZE } : { limit: PAGE_SIZE, after };
}

/** Not `instanceof Promise` alone: a store may use promises of another make. */
function isThenable<T>(answer: Answer<T>): answer is Promise<T> {
  if (answer instanceof Promise) return true;
  if (typeof answer !== "object" || answer === null) return false;
  return typeof (answer as { readonly then?: unknown }).then === "function";
}
