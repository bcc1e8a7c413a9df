import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { fastifySessionBridge } from "../../src/bridges/fastify-session.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { startFastify } from "./support/apps.ts";
import { onEveryEngine } from "./support/engines.ts";
import { bridgeScenarios, forgeFastify } from "./support/scenarios.ts";

describe("the bridge to @fastify/session", () => {
  onEveryEngine((open) => bridgeScenarios(startFastify, forgeFastify, open));
});

describe("the bridge to @fastify/session, as a store", () => {
  const cookie = { originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000) };

  class LibrarySession {
    readonly cookie = cookie;
    user = "ann";
  }

  function opened() {
    const bridge = fastifySessionBridge(memoryStore());
    const call = (work: (done: (error?: unknown, value?: unknown) => void) => void): Promise<unknown> =>
      new Promise((resolve, reject) => work((error, value) => (error ? reject(error) : resolve(value))));
    return {
      get: (sid: string) => call((done) => bridge.get(sid, done)) as Promise<Record<string, unknown> | null>,
      set: (sid: string, session: object) => call((done) => bridge.set(sid, session, done)),
      destroy: (sid: string) => call((done) => bridge.destroy(sid, done)),
    };
  }

  test("what it adds to a session is no part of its JSON, nor of what is stored", async () => {
    const store = opened();
    const session = new LibrarySession();
    await store.set("s", session);
    assert.deepEqual(Object.keys(session), ["cookie", "user"]);
    const found = await store.get("s");
    assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(found))).sort(), ["cookie", "user"]);
  });

  test("an id that the library gives again after its session ended is a new session; a copy of the old is not", async () => {
    const store = opened();
    await store.set("s", new LibrarySession());
    const copy = JSON.parse(JSON.stringify(await store.get("s")));
    await store.destroy("s");
    await store.set("s", copy);
    assert.equal(await store.get("s"), null);
    await store.set("s", new LibrarySession());
    assert.equal((await store.get("s"))?.["user"], "ann");
  });
});
