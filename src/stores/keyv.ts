import { refuseConfig } from "../core/errors.ts";
import { checkOptionNames } from "../core/option-names.ts";
import type { SessionId } from "../core/record.ts";
import type { IterableStore, LabelIndex, SessionStore } from "../core/store.ts";
import { type KeyValueEngine, type Listed, Unreadable } from "./key-value/engine.ts";
import { listedIn } from "./key-value/envelope.ts";
import { idOfKey, keyOf } from "./key-value/keys.ts";
import { UnconditionalStore } from "./key-value/store.ts";
import { type DeclaredTraits, declaredTraits } from "./key-value/traits.ts";

/** What is called of a `Keyv`. */
export interface KeyvLike {
  get(key: string): Promise<unknown>;
  set(key: string, value: string, ttl: number): Promise<boolean>;
  delete(key: string): Promise<boolean>;
  on(event: "error", listener: (error: unknown) => void): unknown;
  // oxlint-disable-next-line typescript/no-explicit-any -- its type differs by version and adapter
  readonly iterator?: any;
  // oxlint-disable-next-line typescript/no-explicit-any -- any adapter
  readonly store: any;
}

export interface KeyvStoreOptions extends DeclaredTraits {
  /** What the keys begin with, within the namespace of the `Keyv`; default `"holdfast:"`. */
  readonly prefix?: string;
}

/** Walks over everything, and finds sessions by label, where the adapter can list. */
export type KeyvStore = SessionStore & Partial<IterableStore & LabelIndex>;

/**
 * Keeps sessions in whatever Keyv reaches. Within one process it keeps every rule of the contract; between processes it cannot, for Keyv has no
 * conditions: see `traits.conditions`. A call costs one read before each write, and a create another after it.
 *
 * Keyv tells a failure by an event and then answers as if nothing were there. Here a call during which it told one rejects.
 *
 * @param keyv A `Keyv` of version 5 or later. It stays the application's: nothing disconnects it.
 * @throws {SessionError} `ERR_SESSION_CONFIG` for options that cannot work and for what is no `Keyv`.
 */
export function keyvStore(keyv: KeyvLike, options: KeyvStoreOptions = {}): KeyvStore {
  checkOptionNames(options, ["durability", "shared", "prefix"], "keyvStore");
  if ([keyv?.get, keyv?.set, keyv?.delete, keyv?.on].some((method) => typeof method !== "function"))
    refuseConfig("keyvStore takes a Keyv, such as new Keyv({ store: adapter }).");
  const { prefix = "holdfast:" } = options;
  if (typeof prefix !== "string") refuseConfig("keyvStore: prefix is a text.");
  return new UnconditionalStore(engineOf(keyv, prefix), keyv, declaredTraits("keyvStore", options, true));
}

function engineOf(keyv: KeyvLike, prefix: string): KeyValueEngine {
  const errors = errorsOf(keyv);
  const named = (id: SessionId): string => prefix + keyOf(id);
  return {
    async get(id) {
      // What is read in spite of an error is another call's.
      return await errors.during(
        () => keyv.get(named(id)),
        (value) => value !== undefined && value !== null,
      );
    },
    async set(id, text, lifeMs) {
      const isSet = await errors.during(
        () => keyv.set(named(id), text, lifeMs),
        (value) => value,
      );
      if (!isSet) throw new Error("Keyv did not store the session and told no reason.");
    },
    async remove(id) {
      await errors.during(
        () => keyv.delete(named(id)),
        (value) => value,
      );
    },
    ...(canIterate(keyv) && { list: () => listedBy(keyv, prefix, errors) }),
  };
}

/** Keyv lists nothing of an adapter that cannot list, and says so only in the capabilities that it found. */
function canIterate({ iterator, store }: KeyvLike): boolean {
  if (typeof iterator !== "function") return false;
  const found = store?.capabilities;
  if (store instanceof Map || found?.store === "mapLike") return true;
  return found === undefined
    ? typeof store?.iterator === "function"
    : found.methods?.iterator?.exists === true;
}

async function listedBy(keyv: KeyvLike, prefix: string, errors: Errors): Promise<Listed[]> {
  return await errors.duringMany(async () => {
    const listed: Listed[] = [];
    for await (const [key, value] of keyv.iterator() as AsyncIterable<[string, unknown]>) {
      const id = key.startsWith(prefix) ? idOfKey(key.slice(prefix.length)) : null;
      if (id !== null) listed.push(...listedIn(value, id));
    }
    return listed;
  });
}

/** The errors that a Keyv tells. One told for a neighbour fails a call as well: that is an outage more, and no session less. */
class Errors {
  // Each in a box of its own, so that the same error told twice is told twice.
  #failures: readonly unknown[] = [];
  #unreadable: readonly unknown[] = [];

  note(error: unknown): void {
    // What was stored cannot be decoded: that is told of content, and everything else of the engine.
    if (error instanceof SyntaxError) this.#unreadable = [error];
    else this.#failures = [error];
  }

  async during<T>(work: () => Promise<T>, isGood: (value: T) => boolean): Promise<T> {
    const [failures, unreadable] = [this.#failures, this.#unreadable];
    const value = await work();
    if (isGood(value)) return value;
    if (this.#failures !== failures) throw this.#failures[0];
    if (this.#unreadable === unreadable) return value;
    throw new Unreadable("Not what Keyv writes.", { cause: this.#unreadable[0] });
  }

  /** As {@link during}, of many: those that cannot be read are passed over, and no reason to doubt the rest. */
  async duringMany<T>(work: () => Promise<T>): Promise<T> {
    const failures = this.#failures;
    const value = await work();
    if (this.#failures !== failures) throw this.#failures[0];
    return value;
  }
}

const ERRORS = new WeakMap<object, Errors>();

function errorsOf(keyv: KeyvLike): Errors {
  const known = ERRORS.get(keyv);
  if (known !== undefined) return known;
  const errors = new Errors();
  ERRORS.set(keyv, errors);
  keyv.on("error", (error) => errors.note(error));
  return errors;
}
