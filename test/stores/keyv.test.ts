import assert from "node:assert/strict";
import { Keyv } from "keyv";
import { describe, test } from "vitest";
import { keyOf } from "../../src/stores/key-value/keys.ts";
import { keyvStore } from "../../src/stores/keyv.ts";
import { storeContract } from "../../src/testing/index.ts";
import { unconditionalSubject } from "./key-value/subject.ts";
import { call, idOf, NOW, recordOf } from "./records.ts";

storeContract(
  { test, describe },
  unconditionalSubject("Keyv, a Map", async () => {
    const map = new Map<string, unknown>();
    const keyv = new Keyv({ store: map });
    const put = async (key: string, value: unknown): Promise<void> => void (await keyv.set(key, value));
    return {
      store: () => keyvStore(keyv),
      close: async () => {},
      damage: {
        "of another application": (id) => put(`holdfast:${keyOf(id)}`, { user: 1 }),
        "another text": (id) => put(`holdfast:${keyOf(id)}`, "user 1"),
        async "not JSON"(id) {
          map.set(`holdfast:${keyOf(id)}`, { value: "{", expires: undefined });
        },
      },
    };
  }),
);

describe("a store upon Keyv", () => {
  const records = ["a", "b"].map((name) => recordOf(name));

  /** An adapter that can be made to fail as engines do. */
  function failing() {
    const map = new Map<string, unknown>();
    let error: Error | null = null;
    const act =
      <T>(work: () => T) =>
      async (): Promise<T> => {
        if (error !== null) throw error;
        return work();
      };
    const adapter = {
      get: (key: string) => act(() => map.get(key))(),
      set: (key: string, value: unknown) => act(() => void map.set(key, value))(),
      delete: (key: string) => act(() => map.delete(key))(),
      clear: act(() => map.clear()),
    };
    return { keyv: new Keyv({ store: adapter }), fail: (what: Error | null) => (error = what) };
  }

  test("rejects where Keyv answers that nothing is there after a failure (P9)", async () => {
    const { keyv, fail } = failing();
    const store = keyvStore(keyv);
    const [record] = records as [(typeof records)[0]];
    await store.create(record, call());
    fail(new Error("down"));
    await assert.rejects(store.read(record.id, call()), /down/);
    await assert.rejects(store.update(record.id, { now: NOW, epoch: 1, set: { a: "1" } }, call()), /down/);
    await assert.rejects(store.delete(record.id, {}, call()), /down/);
    await assert.rejects(store.create(recordOf("c"), call()), /down/);
    fail(null);
    assert.deepEqual((await store.read(record.id, call()))?.id, record.id);
  });

  test("has no listing where the adapter has none", () => {
    assert.equal(keyvStore(failing().keyv).all, undefined);
    assert.equal(typeof keyvStore(new Keyv()).all, "function");
  });

  test("keeps to its prefix and its namespace, in listings too", async () => {
    const map = new Map();
    const stores = [
      keyvStore(new Keyv({ store: map, namespace: "one" })),
      keyvStore(new Keyv({ store: map, namespace: "two" })),
      keyvStore(new Keyv({ store: map, namespace: "two" }), { prefix: "other:" }),
    ];
    for (const [index, store] of stores.entries()) await store.create(recordOf(`s${index}`), call());
    for (const [index, store] of stores.entries()) {
      const page = await store.all?.({ limit: 9 }, call());
      assert.deepEqual(
        page?.records.map(({ id }) => id),
        [idOf(`s${index}`)],
      );
    }
  });

  test("lets Keyv forget what has expired, a minute after", async () => {
    const map = new Map<string, { readonly expires?: number }>();
    const keyv = new Keyv({ store: map });
    const expiresAt = Date.now() + 5000;
    await keyvStore(keyv).create(recordOf("a", { expiresAt }), call());
    const [entry] = map.values();
    assert.ok(
      entry?.expires !== undefined && entry.expires >= expiresAt && entry.expires < expiresAt + 90_000,
    );
  });

  test("names mistakes at construction", () => {
    assert.throws(() => keyvStore(new Map() as never), /takes a Keyv/);
    assert.throws(() => keyvStore(new Keyv(), { prefix: 1 as never }), /prefix/);
    assert.throws(() => keyvStore(new Keyv(), { ttl: 1 } as never), /ttl/);
  });
});
