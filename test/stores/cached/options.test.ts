import { Cluster, Redis } from "ioredis";
import { expect, test } from "vitest";
import { SessionError } from "../../../src/core/errors.ts";
import type { AnyStore } from "../../../src/core/store.ts";
import { cached, type CachedOptions } from "../../../src/stores/cached.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { call, idOf, NOW, recordOf } from "../records.ts";
import { sharedMemory } from "./support.ts";

const KEPT = { ...call(), kept: true } as const;

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (SessionError.is(error) && error.code === "ERR_SESSION_CONFIG") return error.message;
    throw error;
  }
  return "none";
}

test.for<[string, CachedOptions, RegExp]>([
  ["a bound of nothing", { staleness: 0 }, /staleness is 0/],
  ["a bound that is no span", { staleness: "soon" as never }, /staleness is "soon"/],
  ["room for nothing", { maxEntries: 0 }, /maxEntries is a whole number of 1/],
  ["bytes in parts", { maxBytes: 1.5 }, /maxBytes is a whole number of 1/],
  ["less than no ids", { ended: -1 }, /ended is a whole number of 0/],
  ["a misspelt option", { stale: "1s" } as never, /no option "stale"/],
])("refuses %s, and names the mend", ([, options, message]) => {
  expect(refusal(() => cached(sharedMemory(), options))).toMatch(message);
});

test("refuses what is no store, one in the memory of this process, and one that keeps records already", () => {
  expect(refusal(() => cached({} as AnyStore))).toMatch(/takes a store/);
  expect(refusal(() => cached(memoryStore()))).toMatch(/Use it without cached/);
  expect(refusal(() => cached(cached(sharedMemory())))).toMatch(/Wrap it once/);
});

test("has the abilities of the store beneath and no other, its traits and the bound", () => {
  const { create, read, update, delete: remove, traits } = sharedMemory();
  const bare = cached({ create, read, update, delete: remove, traits });
  expect(Object.keys(bare).toSorted()).toEqual([
    "cacheFigures",
    "create",
    "delete",
    "read",
    "traits",
    "update",
  ]);
  expect(bare.traits).toEqual({ ...traits, keptForMs: 1000 });
  const whole = Object.keys(cached(sharedMemory()));
  expect(whole).toEqual(
    expect.arrayContaining(["all", "close", "deleteByLabel", "listByLabel", "setup", "subscribe", "sweep"]),
  );
  expect(whole).not.toContain("track");
});

test("Redis tells of changes where there is one server; where there are several nobody claims that all is told", () => {
  const lazy = { lazyConnect: true } as const;
  const one = new Redis(lazy);
  const bySentinel = new Redis({ ...lazy, sentinels: [{ host: "127.0.0.1", port: 1 }], name: "none" });
  const cluster = new Cluster([{ host: "127.0.0.1", port: 1 }], lazy);
  const told = [one, bySentinel, cluster].map((client) => "track" in cached(redisStore(client)));
  expect(told).toEqual([true, false, false]);
  for (const client of [one, bySentinel, cluster]) client.disconnect();
});

test("two caches over one store in a process see each other's writes at once", async () => {
  const beneath = sharedMemory();
  const [one, other] = [cached(beneath, { staleness: "1h" }), cached(beneath, { staleness: "1h" })];
  await one.create(recordOf("a"), call());
  expect(await other.read(idOf("a"), KEPT)).toMatchObject({ version: 1 });
  await one.update(idOf("a"), { now: NOW, epoch: 1, set: { a: "2" } }, call());
  expect(await other.read(idOf("a"), KEPT)).toMatchObject({ version: 2, fields: { a: "2" } });
  await one.deleteByLabel("user:1", [], call());
  expect(await other.read(idOf("a"), KEPT)).toBeNull();
  await other.close();
});

test("what it hands out cannot be changed by one request for another", async () => {
  const store = cached(sharedMemory());
  await store.create(recordOf("a"), call());
  const record = await store.read(idOf("a"), KEPT);
  expect(() => Object.assign(record?.fields ?? {}, { a: "spoilt" })).toThrow(TypeError);
  expect((await store.read(idOf("a"), KEPT))?.fields).toEqual({ a: "1" });
});

test("a record that a store will not tell is not kept, and its error comes through each time", async () => {
  const beneath = sharedMemory();
  beneath.read = () => Promise.reject(new SessionError("ERR_SESSION_CORRUPT", "Not a record."));
  const store = cached(beneath);
  for (let time = 0; time < 2; time += 1)
    await expect(store.read(idOf("a"), KEPT)).rejects.toThrow("Not a record.");
  beneath.read = async () => ({ nonsense: 1 }) as never;
  await store.read(idOf("a"), KEPT);
  expect(store.cacheFigures()).toMatchObject({ records: 0, ended: 0 });
});

test("a write whose outcome is not known leaves nothing of its record", async () => {
  const beneath = sharedMemory();
  const store = cached(beneath, { staleness: "1h" });
  await store.create(recordOf("a"), call());
  await store.read(idOf("a"), KEPT);
  const update = beneath.update.bind(beneath);
  beneath.update = async (...args) => {
    await update(...args);
    throw new Error("The answer was lost.");
  };
  await expect(store.update(idOf("a"), { now: NOW, epoch: 1, set: { a: "2" } }, call())).rejects.toThrow(
    "lost",
  );
  expect(await store.read(idOf("a"), KEPT)).toMatchObject({ fields: { a: "2" } });
});

test("a store that was closed answers nothing by what it kept", async () => {
  const beneath = sharedMemory();
  const store = cached(beneath, { staleness: "1h" });
  await store.create(recordOf("a"), call());
  await store.read(idOf("a"), KEPT);
  await store.close();
  expect(store.cacheFigures()).toMatchObject({ records: 0, ended: 0, bytes: 0 });
  beneath.read = () => Promise.reject(new Error("Closed."));
  await expect(store.read(idOf("a"), KEPT)).rejects.toThrow("Closed.");
});
