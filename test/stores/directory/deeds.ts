import type { SessionRecord } from "../../../src/core/record.ts";
import type { Call, IterableStore, LabelIndex, RecordStore, Sweepable } from "../../../src/core/store.ts";
import { HOUR, ID, NOW, call, change, record } from "./support.ts";

export type Store = RecordStore & LabelIndex & IterableStore & Sweepable;

/** One thing that is done to a store, and what it resolves, without what stores may differ in. */
export type Deed = (store: Store, call: Call) => Promise<unknown>;

const kind = async (outcome: ReturnType<Store["update"]>): Promise<unknown> => (await outcome).kind;

/** Things that one call does to a stored record. */
export const DEEDS: Readonly<Record<string, Deed>> = {
  set: (store, by) => kind(store.update(ID, change({ set: { cart: "[1]", a: "1" } }), by)),
  "set if version 1": (store, by) => kind(store.update(ID, change({ ifVersion: 1, set: { b: "1" } }), by)),
  touch: (store, by) =>
    kind(store.update(ID, change({ accessedAt: NOW + 1, expiresAt: NOW + 3 * HOUR }), by)),
  "renew with one more label": (store, by) =>
    kind(
      store.update(
        ID,
        change({
          renew: { secretHash: "second", nextEpoch: 2, labels: ["user:1", "tenant:2"] },
          expiresAt: NOW + 5 * HOUR,
        }),
        by,
      ),
    ),
  "renew with another label and a shorter life": (store, by) =>
    kind(
      store.update(
        ID,
        change({
          renew: { secretHash: "third", nextEpoch: 1, labels: ["tenant:2"] },
          expiresAt: NOW + 60_000,
        }),
        by,
      ),
    ),
  delete: async (store, by) => await store.delete(ID, {}, by),
  "delete if version 1": async (store, by) => await store.delete(ID, { ifVersion: 1 }, by),
  "delete if user:1": async (store, by) => await store.delete(ID, { label: "user:1" }, by),
  "delete by label": (store, by) => store.deleteByLabel("user:1", [], by),
  sweep: async (store, by) => (await store.sweep(NOW + 2 * HOUR, 100, by)).deleted,
};

export const CREATE: Deed = async (store, by) =>
  await store.create(record({ labels: ["user:1", "tenant:2"] }), by);

/** The same id again, as marks do. */
export const RECREATE: Deed = async (store, by) => {
  const deleted = await store.delete(ID, {}, by);
  return [deleted, await store.create(record({ secretHash: "another", labels: ["user:1"] }), by)];
};

export const NOTHING: Deed = async () => undefined;

/** All that can be seen of the one record, by every way that leads to it. */
export async function view(store: Store): Promise<unknown> {
  const page = { limit: 10 };
  const lists = ["user:1", "tenant:2"].map(
    async (label) => (await store.listByLabel(label, page, call())).records,
  );
  return {
    record: plain(await store.read(ID, call())),
    listed: (await Promise.all(lists)).map((records) => records.map(({ id, version }) => ({ id, version }))),
    all: (await store.all(page, call())).records.map(plain),
  };
}

/** A record whose fields are in one order. */
function plain(found: SessionRecord | null): unknown {
  if (found === null) return null;
  const names = Object.keys(found.fields).toSorted();
  return { ...found, fields: names.map((name) => [name, found.fields[name]]) };
}
