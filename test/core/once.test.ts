import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { AnyStore } from "../../src/core/store.ts";
import { markId } from "../../src/core/token.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { failsBefore, gate, losesReply } from "../../src/testing/index.ts";
import { codeOf, noUnhandledRejections, recordsOf, rig, sibling } from "../races/rig.ts";

noUnhandledRejections();

const folders: string[] = [];
const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const STORES: Readonly<Record<string, () => AnyStore>> = {
  memory: () => memoryStore(),
  sqlite: () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-once-"));
    folders.push(folder);
    const store = sqliteStore(join(folder, "sessions.db"));
    opened.push(store);
    return store;
  },
};

for (const [name, open] of Object.entries(STORES)) {
  describe(`once, on ${name}`, () => {
    test("is true for the first call of a key and false for every other, by any manager", async () => {
      const where = rig({ store: open() });
      const other = sibling(where);
      expect(await where.manager.once("a", "1m")).toBe(true);
      expect(await where.manager.once("a", "1m")).toBe(false);
      expect(await other.manager.once("a", "1m")).toBe(false);
      expect(await other.manager.once("b", "1m")).toBe(true);
    });

    test("is true for one of many that race", async () => {
      const where = rig({ store: open() });
      const managers = [where.manager, sibling(where).manager, sibling(where).manager];
      const found = await Promise.all(
        Array.from({ length: 24 }, async (_, turn) => await managers[turn % 3]?.once("a", "1m")),
      );
      expect(found.filter((first) => first === true)).toHaveLength(1);
    });

    test("is forgotten after its time, not before, and taken anew by one", async () => {
      const where = rig({ store: open() });
      await where.manager.once("a", "1m");
      where.clock.advance(59_999);
      expect(await where.manager.once("a", "1m")).toBe(false);
      where.clock.advance(1);
      const other = sibling(where);
      const found = await Promise.all([where.manager.once("a", "1m"), other.manager.once("a", "1m")]);
      expect(found.filter((first) => first)).toHaveLength(1);
    });

    test("outlives a sweep, and is swept when its time is over", async () => {
      const where = rig({ store: open() });
      await where.manager.once("a", "1m");
      await where.manager.sweep();
      expect(await where.manager.once("a", "1m")).toBe(false);
      where.clock.advance(60_000);
      expect((await where.manager.sweep()).deleted).toBe(1);
    });

    test("does work once, and remembers it for as long as was said", async () => {
      const where = rig({ store: open() });
      const other = sibling(where);
      let count = 0;
      const work = (): void => void (count += 1);
      expect(await where.manager.once("a", "1h", work)).toBe(true);
      where.clock.advance(3_599_999);
      expect(await other.manager.once("a", "1h", work)).toBe(false);
      expect(count).toBe(1);
      where.clock.advance(1);
      expect(await other.manager.once("a", "1h", work)).toBe(true);
      expect(count).toBe(2);
    });

    test("refuses while another does the work, and tells no one that it is done", async () => {
      const where = rig({ store: open() });
      const other = sibling(where);
      const hold = gate();
      const working = where.manager.once("a", "1h", () => hold.passage());
      await hold.reached();
      expect(await codeOf(other.manager.once("a", "1h", () => undefined))).toBe("ERR_SESSION_CONFLICT");
      expect(await codeOf(other.manager.once("a", "1h"))).toBe("ERR_SESSION_CONFLICT");
      hold.open();
      expect(await working).toBe(true);
      expect(await other.manager.once("a", "1h", () => undefined)).toBe(false);
    });

    test("work that fails leaves the key free at once", async () => {
      const where = rig({ store: open() });
      const failing = where.manager.once("a", "1h", () => Promise.reject(new Error("work")));
      await expect(failing).rejects.toThrow("work");
      expect(await sibling(where).manager.once("a", "1h", () => undefined)).toBe(true);
    });

    test("the work of one that died is taken over when 30 s have passed", async () => {
      const where = rig({ store: open() });
      const other = sibling(where);
      const hold = gate();
      const dead = where.manager.once("a", "1h", () => hold.passage());
      await hold.reached();
      where.clock.advance(29_999);
      expect(await codeOf(other.manager.once("a", "1h", () => undefined))).toBe("ERR_SESSION_CONFLICT");
      where.clock.advance(1);
      expect(await other.manager.once("a", "1h", () => undefined)).toBe(true);
      // It was only slow, and what it did is done; it says so.
      hold.open();
      expect(await dead).toBe(true);
      expect(await other.manager.once("a", "1h", () => undefined)).toBe(false);
    });
  });
}

describe("once, when the store fails", () => {
  test("before the work, does none", async () => {
    const where = rig();
    where.faulty.next("create", failsBefore());
    let count = 0;
    const working = where.manager.once("a", "1h", () => void (count += 1));
    expect(await codeOf(working)).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(count).toBe(0);
    expect(await where.manager.once("a", "1h", () => void (count += 1))).toBe(true);
    expect(count).toBe(1);
  });

  test("before the work, whose announcement is stored all the same, leaves the key free after 30 s", async () => {
    const where = rig();
    where.faulty.next("create", losesReply());
    expect(await codeOf(where.manager.once("a", "1h", () => undefined))).toBe(
      "ERR_SESSION_STORE_UNAVAILABLE",
    );
    where.clock.advance(30_000);
    expect(await where.manager.once("a", "1h", () => undefined)).toBe(true);
  });

  test("after the work, does not use the key up", async () => {
    const where = rig();
    let count = 0;
    where.faulty.next("update", failsBefore());
    const working = where.manager.once("a", "1h", () => void (count += 1));
    expect(await codeOf(working)).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    where.clock.advance(30_000);
    expect(await where.manager.once("a", "1h", () => void (count += 1))).toBe(true);
    expect(count).toBe(2);
  });

  test("as the work failed, throws what the work threw, and frees the key after 30 s", async () => {
    const where = rig();
    where.faulty.next("delete", failsBefore());
    const failing = where.manager.once("a", "1h", () => Promise.reject(new Error("work")));
    await expect(failing).rejects.toThrow("work");
    expect(await codeOf(where.manager.once("a", "1h"))).toBe("ERR_SESSION_CONFLICT");
    where.clock.advance(30_000);
    expect(await where.manager.once("a", "1h")).toBe(true);
  });
});

describe("once", () => {
  test.each(["", 7, null, undefined])("refuses the key %j", async (key) => {
    expect(await codeOf(rig().manager.once(key as string, "1m"))).toBe("ERR_SESSION_USE");
  });

  test.each([0, -1, Number.NaN, "soon", undefined])("refuses the time %j", async (ttl) => {
    expect(await codeOf(rig().manager.once("a", ttl as number))).toBe("ERR_SESSION_USE");
  });

  test("leaves no session, and nothing of the key in the store", async () => {
    const where = rig();
    await where.manager.once("the key", "1m");
    expect(await recordsOf(where)).toEqual([]);
    expect(await where.manager.hasSession(markId("once, the key"))).toBe(false);
    const page = await where.store.all?.({ limit: 10 }, { signal: new AbortController().signal });
    expect(JSON.stringify(page)).not.toContain("the key");
  });

  test("takes keys of any length", async () => {
    const where = rig();
    expect(await where.manager.once("k".repeat(100_000), "1m")).toBe(true);
    expect(await where.manager.once("k".repeat(100_001), "1m")).toBe(true);
  });
});

test("an announcement whose answer is lost does not keep the key from the next call", async () => {
  const { manager, faulty } = rig();
  faulty.next("create", losesReply());
  await expect(manager.once("a key", "1h", () => undefined)).rejects.toThrow("The session store failed");
  expect(await manager.once("a key", "1h", () => undefined)).toBe(true);
});
