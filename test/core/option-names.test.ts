import { describe, expect, test } from "vitest";

import { expressSessions } from "../../src/adapters/express.ts";
import { fetchSessions } from "../../src/adapters/fetch.ts";
import { nodeSessions } from "../../src/adapters/node.ts";
import { SessionManager } from "../../src/index.ts";
import { directoryStore } from "../../src/stores/directory.ts";
import { lmdbStore } from "../../src/stores/lmdb.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { codeOf, rig, visit } from "../races/rig.ts";

const never = (value: unknown): never => value as never;
const manager = (): SessionManager => new SessionManager({ store: memoryStore() });

describe("refused at construction, with the mend:", () => {
  const wrong: Readonly<Record<string, () => unknown>> = {
    "memoryStore, a misspelt option": () => memoryStore(never({ maxSession: 5 })),
    "memoryStore, null for options": () => memoryStore(never(null)),
    "memoryStore, a text for options": () => memoryStore(never("x")),
    "directoryStore, a misspelt option": () => directoryStore("./sessions", never({ durabilty: "power" })),
    "sqliteStore, a misspelt option": () => sqliteStore("sessions.db", never({ durabilty: "power" })),
    "sqliteStore, null for a file": () => sqliteStore(never(null)),
    "sqliteStore, what is no database": () => sqliteStore(never({})),
    "lmdbStore, a misspelt option": () => lmdbStore("sessions.lmdb", never({ durabilty: "power" })),
    "lmdbStore, null for a file": () => lmdbStore(never(null)),
    "SessionManager, null for the cookie": () =>
      new SessionManager({ store: memoryStore(), cookie: never(null) }),
    "SessionManager, an address for a domain": () =>
      new SessionManager({ store: memoryStore(), cookie: { domain: "127.0.0.1" } }),
    "SessionManager, a domain that DNS cannot have": () =>
      new SessionManager({
        store: memoryStore(),
        cookie: { domain: `${"a".repeat(60)}.`.repeat(5) + "com" },
      }),
    "SessionManager, insecureLoopback for a domain": () =>
      new SessionManager({ store: memoryStore(), cookie: { domain: "example.com", insecureLoopback: true } }),
    "SessionManager, a text for requires.shared": () =>
      new SessionManager({ store: memoryStore(), requires: { shared: never("yes") } }),
  };
  const adapters = { expressSessions, nodeSessions, fetchSessions } as Record<
    string,
    (...given: never[]) => unknown
  >;
  for (const [name, sessions] of Object.entries(adapters)) {
    const make = (given: unknown) => () => sessions(never(manager()), never(given));
    Object.assign(wrong, {
      [`${name}, null for options`]: make(null),
      [`${name}, a misspelt option`]: make({ onyl: () => true }),
      [`${name}, true for only`]: make({ only: true }),
      [`${name}, a number for renderFailure`]: make({ renderFailure: 1 }),
      [`${name}, no manager`]: () => sessions(never({})),
    });
  }

  test.each(Object.entries(wrong))("%s", (_name, make) => {
    expect(make).toThrow(expect.objectContaining({ code: "ERR_SESSION_CONFIG" }) as Error);
  });
});

describe("refused where it is called, with the mend:", () => {
  test("misspelt options of verbs, before anything is staged or written", async () => {
    const where = rig();
    const one = await visit(where);
    expect(await codeOf(() => one.session.login("ann", never({ remeber: "30d" })))).toBe("ERR_SESSION_USE");
    expect(one.session.user).toBeNull();
    expect(await codeOf(where.manager.revokeUser("ann", never({ excpet: "x" })))).toBe("ERR_SESSION_USE");
    expect(await codeOf(where.manager.revokeUser("ann", { except: never(42) }))).toBe("ERR_SESSION_USE");
    expect(await codeOf(where.manager.revokeUser("ann", { except: never(["no id"]) }))).toBe(
      "ERR_SESSION_USE",
    );
    expect(where.faulty.calls).toEqual([]);
  });

  test("an event that there is none of, and a listener that is no function", async () => {
    const { manager: one } = rig();
    expect(await codeOf(() => one.on(never("nope"), () => undefined))).toBe("ERR_SESSION_USE");
    expect(await codeOf(() => one.on("gone", never(undefined)))).toBe("ERR_SESSION_USE");
  });
});

test("after close() a manager refuses every store call, whatever its store", async () => {
  const where = rig();
  await where.manager.close();
  const one = await visit(where);
  one.session.set("a", 1);
  expect(await codeOf(one.finish())).toBe("ERR_SESSION_UNKNOWN");
  expect(one.exchange.cookies).toEqual([]);
});
