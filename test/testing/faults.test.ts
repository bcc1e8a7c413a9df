import assert from "node:assert/strict";
import { describe, test } from "vitest";
import type { SessionId, SessionRecord } from "../../src/core/record.ts";
import type { AnyStore } from "../../src/core/store.ts";
import { memoryStore, type MemoryStore } from "../../src/stores/memory.ts";
import {
  answers,
  checkStore,
  failsBefore,
  faultyStore,
  gate,
  hangs,
  losesReply,
  manualClock,
  swallowsReply,
  takes,
  throwsAtOnce,
  waitsAfter,
  waitsBefore,
  type FaultyStore,
} from "../../src/testing/index.ts";
import { memorySubject } from "./memory-subject.ts";

const ID = "session_________________" as SessionId;
const CALL = { signal: new AbortController().signal };
const RECORD: SessionRecord = {
  id: ID,
  epoch: 1,
  version: 1,
  secretHash: "hash",
  labels: ["user:1"],
  createdAt: 0,
  accessedAt: 0,
  expiresAt: 10,
  endsAt: 10,
  fields: {},
};

async function faultyWithRecord(): Promise<FaultyStore<MemoryStore>> {
  const faulty = faultyStore(memoryStore());
  await faulty.store.create(RECORD, CALL);
  faulty.forget();
  return faulty;
}

async function write(store: AnyStore): Promise<unknown> {
  return await store.update(ID, { now: 0, epoch: 1, set: { a: "1" } }, CALL);
}

async function written(store: AnyStore): Promise<boolean> {
  return (await store.read(ID, CALL))?.fields["a"] === "1";
}

/** Whether a promise is still pending after everything that can run has run. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const turn = new Promise<"pending">((resolve) => setImmediate(() => resolve("pending")));
  return (await Promise.race([promise.catch(() => "settled"), turn])) === "pending";
}

describe("a faulty store", () => {
  test("without faults keeps the whole contract", async () => {
    const subject = memorySubject(async () => {
      const { store } = faultyStore(memoryStore());
      return { store, close: () => store.close() };
    });
    const outcomes = await checkStore({ ...subject, effort: 0.1 });
    assert.deepEqual(
      outcomes.filter(({ kind }) => kind === "broken"),
      [],
    );
  });

  test("has the abilities of the store that it wraps, and no other", () => {
    const bare = Object.freeze({
      traits: memoryStore().traits,
      create: async () => true,
      read: async () => null,
      update: async () => ({ kind: "gone" as const }),
      delete: async () => "gone" as const,
    });
    const { store } = faultyStore<AnyStore>(bare);
    assert.equal(store.traits, bare.traits);
    for (const ability of ["listByLabel", "all", "sweep", "setup", "subscribe", "close"] as const) {
      assert.equal(store[ability], undefined);
      assert.equal(ability in store, false);
    }
    assert.equal("sweep" in faultyStore(memoryStore()).store, true);
  });

  test("notes each call with its operation and its subject", async () => {
    const faulty = await faultyWithRecord();
    await faulty.store.read(ID, CALL);
    await faulty.store.listByLabel("user:1", { limit: 1 }, CALL);
    await faulty.store.sweep(0, 1, CALL);
    assert.deepEqual(faulty.calls, [
      { operation: "read", subject: ID },
      { operation: "listByLabel", subject: "user:1" },
      { operation: "sweep" },
    ]);
    assert.deepEqual([faulty.count(), faulty.count("read"), faulty.count("create")], [3, 1, 0]);
    faulty.forget();
    assert.equal(faulty.count(), 0);
  });

  test("that fails before applies nothing, as often as ordered", async () => {
    const faulty = await faultyWithRecord();
    faulty.next("update", failsBefore(new Error("down")), 2);
    await assert.rejects(write(faulty.store), /down/);
    await assert.rejects(write(faulty.store), /down/);
    assert.equal(await written(faulty.store), false);
    await write(faulty.store);
    assert.equal(await written(faulty.store), true);
    assert.equal(faulty.count("update"), 3);
  });

  test("that loses its reply has applied the call", async () => {
    const faulty = await faultyWithRecord();
    faulty.next("update", losesReply(new Error("lost")));
    await assert.rejects(write(faulty.store), /lost/);
    assert.equal(await written(faulty.store), true);
  });

  test("that swallows its reply has applied the call and never answers", async () => {
    const faulty = await faultyWithRecord();
    faulty.next("update", swallowsReply());
    assert.equal(await isPending(write(faulty.store)), true);
    assert.equal(await written(faulty.store), true);
  });

  test("that hangs applies nothing and never answers", async () => {
    const faulty = await faultyWithRecord();
    faulty.next("update", hangs());
    assert.equal(await isPending(write(faulty.store)), true);
    assert.equal(await written(faulty.store), false);
  });

  test("can reject with what is no error, throw at once, and answer garbage", async () => {
    const faulty = await faultyWithRecord();
    faulty.next("read", failsBefore(undefined));
    faulty.next("read", failsBefore("a text"));
    faulty.next("read", throwsAtOnce(new Error("thrown")));
    faulty.next("read", answers({ not: "a record" }));
    // Left out means the error that comes with the fault; undefined counts as left out.
    await assert.rejects(faulty.store.read(ID, CALL), Error);
    assert.equal(await faulty.store.read(ID, CALL).catch((reason: unknown) => reason), "a text");
    assert.throws(() => void faulty.store.read(ID, CALL), /thrown/);
    assert.deepEqual(await faulty.store.read(ID, CALL), { not: "a record" });
    assert.equal((await faulty.store.read(ID, CALL))?.id, ID);
  });

  test("that waits at a gate before applies when the gate opens", async () => {
    const faulty = await faultyWithRecord();
    const door = gate();
    faulty.next("update", waitsBefore(door));
    const update = write(faulty.store);
    await door.reached();
    assert.equal(door.waiting, 1);
    assert.equal(await written(faulty.store), false);
    door.open();
    await update;
    assert.equal(await written(faulty.store), true);
    assert.equal(door.waiting, 0);
  });

  test("that waits at a gate after has applied already", async () => {
    const faulty = await faultyWithRecord();
    const door = gate();
    faulty.always("update", waitsAfter(door));
    const updates = Promise.all([write(faulty.store), write(faulty.store)]);
    await door.reached(2);
    assert.equal(await written(faulty.store), true);
    assert.equal(await isPending(updates), true);
    door.open();
    await updates;
    await write(faulty.store);
  });

  test("that takes its time takes it by the clock", async () => {
    const faulty = await faultyWithRecord();
    const clock = manualClock();
    faulty.next("update", takes(500, clock));
    const update = write(faulty.store);
    clock.advance(499);
    assert.equal(await isPending(update), true);
    assert.equal(await written(faulty.store), false);
    clock.advance(1);
    await update;
    assert.equal(await written(faulty.store), true);
  });

  test("stays faulty until it is healed, after the ordered faults are used up", async () => {
    const faulty = await faultyWithRecord();
    faulty.always("read", failsBefore(new Error("standing")));
    faulty.always("delete", failsBefore(new Error("other")));
    faulty.next("read", failsBefore(new Error("ordered")));
    await assert.rejects(faulty.store.read(ID, CALL), /ordered/);
    for (let time = 0; time < 3; time += 1) await assert.rejects(faulty.store.read(ID, CALL), /standing/);
    faulty.heal("read");
    assert.equal((await faulty.store.read(ID, CALL))?.id, ID);
    await assert.rejects(faulty.store.delete(ID, {}, CALL), /other/);
    faulty.heal();
    assert.equal(await faulty.store.delete(ID, {}, CALL), "done");
  });
});
