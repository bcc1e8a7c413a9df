import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStorage, type Storage } from "unstorage";
import fsDriver from "unstorage/drivers/fs";
import redisDriver from "unstorage/drivers/redis";
import { afterAll, beforeAll, describe, test } from "vitest";
import { keyOf } from "../../src/stores/key-value/keys.ts";
import { unstorageStore } from "../../src/stores/unstorage.ts";
import { storeContract } from "../../src/testing/index.ts";
import { withServers } from "../support/servers/programs.ts";
import { RedisServer } from "../support/servers/redis.ts";
import { call, idOf, recordOf } from "./records.ts";
import { type OpenedEngine, unconditionalSubject } from "./key-value/subject.ts";

function engine(
  storage: Storage,
  close: () => Promise<void>,
  damage: OpenedEngine["damage"] = {},
): OpenedEngine {
  return {
    store: () => unstorageStore(storage),
    close,
    damage: {
      async "of another application"(id) {
        await storage.setItem(`holdfast:${keyOf(id)}`, { user: 1 });
      },
      async "a number"(id) {
        await storage.setItem(`holdfast:${keyOf(id)}`, 7);
      },
      ...damage,
    },
  };
}

storeContract(
  { test, describe },
  unconditionalSubject(
    "unstorage, memory",
    async () => {
      const storage = createStorage();
      return engine(storage, () => storage.dispose());
    },
    { sweep: true },
  ),
);

storeContract(
  { test, describe },
  unconditionalSubject(
    "unstorage, files",
    async () => {
      const base = mkdtempSync(join(tmpdir(), "holdfast-unstorage-"));
      const storage = createStorage({ driver: fsDriver({ base }) });
      return engine(
        storage,
        async () => {
          await storage.dispose();
          rmSync(base, { recursive: true });
        },
        {
          emptied: (id) => writeFile(join(base, "holdfast", keyOf(id)), ""),
          "cut short": (id) => writeFile(join(base, "holdfast", keyOf(id)), '{"holdfast":"{'),
        },
      );
    },
    { sweep: true },
    0.2,
  ),
);

withServers(["redis"], () => {
  describe("on Redis", () => {
    let server: RedisServer | undefined;
    beforeAll(async () => {
      server = await RedisServer.start();
    });
    afterAll(() => server?.stop());

    storeContract(
      { test, describe },
      unconditionalSubject(
        "unstorage, Redis",
        async () => {
          const url = `redis://127.0.0.1:${server?.port}`;
          const storage = createStorage({ driver: redisDriver({ url, base: randomUUID() }) });
          return engine(storage, () => storage.dispose());
        },
        { sweep: true },
        0.3,
      ),
    );
  });
});

describe("a store upon unstorage", () => {
  test("tells the engine when it may forget a session, where it can be told, a minute after its expiry", async () => {
    const told: unknown[] = [];
    const storage = createStorage({
      driver: {
        hasItem: () => false,
        getItem: () => null,
        getKeys: () => [],
        setItem: (_key, _value, options) => void told.push(options),
      },
    });
    await unstorageStore(storage).create(recordOf("a", { expiresAt: Date.now() + 5000 }), call());
    assert.deepEqual(told, [{ ttl: 65 }]);
  });

  test("keeps to its prefix", async () => {
    const storage = createStorage();
    const stores = ["one", "two:more"].map((prefix) => unstorageStore(storage, { prefix }));
    for (const [index, store] of stores.entries()) await store.create(recordOf(`s${index}`), call());
    for (const [index, store] of stores.entries()) {
      const { records } = await store.all({ limit: 9 }, call());
      assert.deepEqual(
        records.map(({ id }) => id),
        [idOf(`s${index}`)],
      );
    }
    assert.equal((await storage.getKeys("one")).length, 1);
  });

  test("names mistakes at construction", () => {
    assert.throws(() => unstorageStore(new Map() as never), /takes a storage/);
    assert.throws(() => unstorageStore(createStorage(), { prefix: "a/../b" }), /prefix/);
    assert.throws(() => unstorageStore(createStorage(), { ttl: 1 } as never), /ttl/);
  });
});
