import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { SessionError } from "../../src/core/errors.ts";
import type { SessionId, SessionRecord } from "../../src/core/record.ts";
import type { AnyStore } from "../../src/core/store.ts";
import { memoryStore, type MemoryStore } from "../../src/stores/memory.ts";
import { seededRandom, storeContract } from "../../src/testing/index.ts";
import { memorySubject } from "../testing/memory-subject.ts";

storeContract(
  { test, describe },
  memorySubject(async () => {
    const store = memoryStore();
    return { store, close: () => store.close() };
  }),
);

const NOW = Date.UTC(2100, 0, 1);
const CALL = { signal: new AbortController().signal };

function idOf(name: string): SessionId {
  return name.padEnd(24, "_") as SessionId;
}

function recordOf(name: string, given: Partial<SessionRecord> = {}): SessionRecord {
  const times = { createdAt: NOW, accessedAt: NOW, expiresAt: NOW + 60_000, endsAt: NOW + 600_000 };
  return {
    id: idOf(name),
    epoch: 1,
    version: 1,
    secretHash: "hash",
    labels: [],
    fields: {},
    ...times,
    ...given,
  };
}

/** A full store of records made in this order: `user` and `mark` by their name, others without a user. */
async function filled(names: readonly string[], maxSessions: number = names.length): Promise<MemoryStore> {
  const store = memoryStore({ maxSessions });
  for (const name of names) await add(store, name);
  return store;
}

async function add(store: AnyStore, name: string): Promise<void> {
  const labels = name.startsWith("user") ? [`user:${name}`] : ["tenant:7"];
  const given = name.startsWith("mark") ? { secretHash: "", labels: [] } : { labels };
  assert.equal(await store.create(recordOf(name, given), CALL), true);
}

async function held(store: MemoryStore): Promise<string[]> {
  const { records } = await store.all({ limit: 1_000_000 }, CALL);
  return records.map(({ id }) => id.replace(/_+$/, "")).sort();
}

describe("a full memory store", () => {
  test("makes room by the least recently used session without a user", async () => {
    const store = await filled(["user1", "guest1", "guest2", "mark1"]);
    await add(store, "guest3");
    assert.deepEqual(await held(store), ["guest2", "guest3", "mark1", "user1"]);
    await add(store, "user2");
    assert.deepEqual(await held(store), ["guest3", "mark1", "user1", "user2"]);
  });

  test("counts a read and a change as use, but neither a listing nor a refused change", async () => {
    const store = await filled(["guest1", "guest2", "guest3", "guest4"]);
    await store.read(idOf("guest1"), CALL);
    await store.update(idOf("guest2"), { now: NOW, epoch: 1, accessedAt: NOW + 1 }, CALL);
    await store.update(idOf("guest3"), { now: NOW, epoch: 9 }, CALL);
    await store.listByLabel("tenant:7", { limit: 9 }, CALL);
    await add(store, "guest5");
    await add(store, "guest6");
    assert.deepEqual(await held(store), ["guest1", "guest2", "guest5", "guest6"]);
  });

  test("takes sessions with a user only when there are none without", async () => {
    const store = await filled(["user1", "user2", "mark1"]);
    await add(store, "user3");
    assert.deepEqual(await held(store), ["mark1", "user2", "user3"]);
    await add(store, "guest1");
    assert.deepEqual(await held(store), ["guest1", "mark1", "user3"]);
    await add(store, "guest2");
    assert.deepEqual(await held(store), ["guest2", "mark1", "user3"]);
  });

  test("takes marks last of all: what they hold must outlive sessions", async () => {
    const store = await filled(["mark1", "mark2", "user1"]);
    await add(store, "mark3");
    assert.deepEqual(await held(store), ["mark1", "mark2", "mark3"]);
    await add(store, "user2");
    assert.deepEqual(await held(store), ["mark2", "mark3", "user2"]);
  });

  test("takes what has expired before anything that is live", async () => {
    const store = memoryStore({ maxSessions: 3 });
    await store.create(recordOf("user1", { labels: ["user:1"], expiresAt: NOW + 5 }), CALL);
    await store.create(recordOf("guest1", { expiresAt: NOW + 6 }), CALL);
    await store.create(recordOf("guest2"), CALL);
    await store.create(recordOf("later", { accessedAt: NOW + 5 }), CALL);
    assert.deepEqual(await held(store), ["guest1", "guest2", "later"]);
  });

  test("counts a session as one with a user from its login on", async () => {
    const store = await filled(["guest1", "guest2"]);
    const renew = { secretHash: "next", nextEpoch: 2, labels: ["user:1"] };
    await store.update(idOf("guest1"), { now: NOW, epoch: 1, renew }, CALL);
    await add(store, "guest3");
    assert.deepEqual(await held(store), ["guest1", "guest3"]);
  });

  test("refuses a taken id without making room", async () => {
    const store = await filled(["guest1", "guest2"]);
    assert.equal(await store.create(recordOf("guest1"), CALL), false);
    assert.deepEqual(await held(store), ["guest1", "guest2"]);
  });

  test("takes what was evicted out of the index, tells of it, and gives its writers gone", async () => {
    const store = await filled(["user1", "user2"]);
    const heard: string[] = [];
    store.subscribe((id) => heard.push(id));
    await add(store, "user3");
    assert.deepEqual(heard, [idOf("user1")]);
    assert.deepEqual((await store.listByLabel("user:user1", { limit: 9 }, CALL)).records, []);
    const outcome = await store.update(idOf("user1"), { now: NOW, epoch: 1, set: { a: "1" } }, CALL);
    assert.deepEqual(outcome, { kind: "gone" });
  });

  test("keeps a walk under way whole: what stays is seen once, what came later is not", async () => {
    const store = await filled(Array.from({ length: 20 }, (_, index) => `user${index}`));
    const seen: string[] = [];
    let after: string | undefined;
    for (let turn = 0; ; turn += 1) {
      const page = await store.all({ limit: 3, ...(after !== undefined && { after }) }, CALL);
      seen.push(...page.records.map(({ id }) => id));
      after = page.next;
      if (after === undefined) break;
      await add(store, `user9${turn}`);
    }
    assert.deepEqual(seen, [...new Set(seen)]);
    for (const name of await held(store)) {
      const isNew = name.startsWith("user9") && name !== "user9";
      assert.equal(seen.includes(idOf(name)), !isNew, name);
    }
  });

  test("shows nothing twice in a walk, not even what was deleted and made again meanwhile", async () => {
    const store = await filled(["user0", "user1", "user2", "user3"], 10);
    const first = await store.all({ limit: 2 }, CALL);
    assert.deepEqual(
      first.records.map(({ id }) => id),
      [idOf("user0"), idOf("user1")],
    );
    // The new record takes the place that was freed last, which the walk has yet to pass.
    for (const name of ["user0", "user3"]) await store.delete(idOf(name), {}, CALL);
    await add(store, "user0");
    const rest = await store.all({ limit: 9, ...(first.next !== undefined && { after: first.next }) }, CALL);
    assert.deepEqual(
      rest.records.map(({ id }) => id),
      [idOf("user2")],
    );
  });

  test("holds no more than its limit, and its orders and indexes agree, whatever happens", async () => {
    const random = seededRandom(7);
    const store = memoryStore({ maxSessions: 12 });
    for (let turn = 0; turn < 5000; turn += 1) {
      const name = `${random.pick(["user", "guest", "mark"])}${random.below(20)}`;
      const now = NOW + turn;
      const id = idOf(name);
      switch (random.below(6)) {
        case 0:
          await store.delete(id, {}, CALL);
          break;
        case 1:
          await store.read(id, CALL);
          break;
        case 2:
          await store.update(id, { now, epoch: 1, expiresAt: now + random.below(500) }, CALL);
          break;
        case 3:
          await store.sweep(now - random.below(300), 2, CALL);
          break;
        default: {
          const labels = ["user:1", "user:2", "tenant:7"].filter(() => random.oneIn(2));
          await store.create(
            recordOf(name, { accessedAt: now, expiresAt: now + random.below(500), labels }),
            CALL,
          );
        }
      }
      const { records } = await store.all({ limit: 1_000_000 }, CALL);
      assert.ok(records.length <= 12);
      for (const label of ["user:1", "user:2", "tenant:7"]) {
        const listed = (await store.listByLabel(label, { limit: 99 }, CALL)).records
          .map((one) => one.id)
          .sort();
        const bearers = records.filter((one) => one.labels.includes(label)).map((one) => one.id);
        assert.deepEqual(listed, bearers.sort());
      }
    }
    const { deleted } = await store.sweep(NOW + 1_000_000, 1_000_000, CALL);
    assert.ok(deleted > 0);
    assert.deepEqual(await held(store), []);
  });
});

describe("a memory store", () => {
  test("keeps 100 000 records unless told otherwise", async () => {
    const store = memoryStore();
    for (let index = 0; index <= 100_000; index += 1) await store.create(recordOf(`n${index}`), CALL);
    assert.equal((await held(store)).length, 100_000);
  });

  test("reads without copying: two reads of an unchanged record give the same frozen object", async () => {
    const store = await filled(["guest1"]);
    const record = await store.read(idOf("guest1"), CALL);
    assert.equal(await store.read(idOf("guest1"), CALL), record);
    assert.ok(Object.isFrozen(record) && Object.isFrozen(record?.fields) && Object.isFrozen(record?.labels));
  });

  test("tells honestly what it promises: nothing beyond this process", () => {
    assert.deepEqual(memoryStore().traits, {
      durability: "none",
      shared: false,
      expires: false,
      resends: false,
    });
  });

  test("refuses a page mark that it never gave", async () => {
    const store = await filled(["guest1"]);
    for (const after of ["", "x", "1", "1.2.3", "-1.0"]) {
      await assert.rejects(
        store.all({ limit: 1, after }, CALL),
        (error) => SessionError.is(error) && error.code === "ERR_SESSION_USE",
      );
    }
  });

  test("refuses a limit that is no whole number of 1 or more, and names the mend", () => {
    for (const maxSessions of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(
        () => memoryStore({ maxSessions }),
        (error) =>
          SessionError.is(error) &&
          error.code === "ERR_SESSION_CONFIG" &&
          error.message.includes("Leave it out"),
      );
    }
  });

  test("tells its listeners of what is swept", async () => {
    const store = await filled(["guest1"]);
    const heard: string[] = [];
    store.subscribe((id) => heard.push(id));
    await store.sweep(NOW + 60_000, 10, CALL);
    assert.deepEqual(heard, [idOf("guest1")]);
  });
});
