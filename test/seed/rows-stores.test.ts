import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { type AnyStore, type SessionId } from "../../src/index.ts";
import { directoryStore } from "../../src/stores/directory.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { checkStore, failsBefore, storeRules, type StoreSubject } from "../../src/testing/index.ts";
import { damageOf } from "../stores/directory/damage.ts";
import { call, DIRECTORY, HOUR, listed, onEveryStore, onStore, site, SQLITE, stored } from "./support.ts";

describe("rows 28 to 34: the stores", () => {
  onStore(
    DIRECTORY,
    "row 28: a folder keeps sessions over a restart, under names that hold nothing of a cookie",
    async (place) => {
      const folder = place.path ?? "";
      const visitor = site(place.store).visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      const value = visitor.cookie?.slice(-56) ?? "";

      const names = await readdir(folder, { recursive: true });
      expect(names.length).toBeGreaterThan(3);
      for (const name of names) {
        expect(name).not.toContain(value.slice(0, 24));
        expect(name).not.toContain(value.slice(24));
        expect(name).toBe(name.toLowerCase());
      }
      const after = await site(directoryStore(folder))
        .visitor()
        .arrive({ cookie: visitor.cookie ?? "" });
      expect(after.session.get("cart")).toEqual(["tea"]);
    },
  );

  onStore(DIRECTORY, "row 28: two processes of one folder see each other's writes at once", async (place) => {
    const visitor = site(place.store).visitor();
    const other = site(place.again());
    await visitor.visit((session) => session.set("cart", ["tea"]));
    for (let round = 0; round < 5; round += 1) {
      const there = await other.visitor().arrive({ cookie: visitor.cookie ?? "" });
      there.session.increment("views");
      await there.leave();
      expect(await visitor.see((session) => session.get("views"))).toBe(round + 1);
    }
  });

  test("row 29: the memory store hands out nothing that a request could change", async () => {
    const store = memoryStore();
    const visitor = site(store).visitor();
    await visitor.visit((session) => session.set("cart", { items: ["tea"] }));
    const [record] = await stored(store);
    expect(() => Object.assign(record?.fields ?? {}, { cart: "[]" })).toThrow(TypeError);
    await visitor.visitThatFails((session) =>
      (session.get("cart") as { items: string[] }).items.push("rice"),
    );
    expect(await visitor.see((session) => session.get("cart"))).toEqual({ items: ["tea"] });
  });

  test("row 29: a full memory store makes room by the least recently used session without a user", async () => {
    const shop = site(memoryStore({ maxSessions: 3 }));
    const [member, first, second, third] = [shop.visitor(), shop.visitor(), shop.visitor(), shop.visitor()];
    await member.visit((session) => session.login("ann"));
    await first.visit((session) => session.set("number", 1));
    await second.visit((session) => session.set("number", 2));
    await first.visit((session) => session.get("number"));
    await third.visit((session) => session.set("number", 3));
    const kept = [member, first, second, third].map((visitor) => visitor.see((session) => !session.isNew));
    expect(await Promise.all(kept)).toEqual([true, true, false, true]);
  });

  onStore(
    SQLITE,
    "row 32: the SQL store uses the table name it was given, and its set-up drops nothing",
    async (place) => {
      const database = new DatabaseSync(place.path ?? "");
      database.exec("CREATE TABLE shop_notes (text TEXT); INSERT INTO shop_notes VALUES ('kept')");
      const store = sqliteStore(database, { tablePrefix: "shop_" });
      const visitor = site(store).visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      await store.setup(call());
      expect(await visitor.see((session) => session.get("cart"))).toEqual(["tea"]);
      expect(database.prepare("SELECT count(*) AS rows FROM shop_sessions").get()).toEqual({ rows: 1 });
      expect(database.prepare("SELECT text FROM shop_notes").get()).toEqual({ text: "kept" });
      database.close();
    },
  );

  onStore(
    SQLITE,
    "row 33: one file keeps sessions over a restart and between two processes",
    async (place) => {
      const visitor = site(place.store).visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      await place.store.close?.();
      const after = await site(place.again())
        .visitor()
        .arrive({ cookie: visitor.cookie ?? "" });
      expect(after.session.get("cart")).toEqual(["tea"]);
      const raw = new DatabaseSync(place.path ?? "", { readOnly: true });
      expect(raw.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
      raw.close();
    },
  );

  test("row 34: a store whose engine expires records by itself needs no sweep, and the manager starts none", async () => {
    const store = memoryStore();
    const expiring: AnyStore = {
      traits: { ...store.traits, expires: true },
      create: store.create.bind(store),
      read: store.read.bind(store),
      update: store.update.bind(store),
      delete: store.delete.bind(store),
    };
    const shop = site(expiring);
    await shop.visitor().visit((session) => session.set("cart", ["tea"]));
    expect(shop.clock.pending).toBe(0);
    expect(await shop.manager.sweep()).toEqual({ deleted: 0 });
  });
});

describe("rows 36 to 38 and 46: what every store promises", () => {
  onEveryStore("row 36: what one request changed is stored whole or not at all", async ({ store }) => {
    const shop = site(store);
    const visitor = shop.visitor();
    await visitor.visit((session) => session.set("stock", 3).set("cart", []));
    const request = await visitor.arrive();
    request.session.set("stock", 2);
    request.session.set("cart", ["tea"]);
    shop.calls.always("update", failsBefore());
    await expect(request.leave()).rejects.toMatchObject({ status: 503 });
    shop.calls.heal();
    expect(await visitor.see((session) => ({ ...session.data }))).toEqual({ cart: [], stock: 3 });
    await visitor.visit((session) => session.set("stock", 2).set("cart", ["tea"]));
    expect(await visitor.see((session) => ({ ...session.data }))).toEqual({ cart: ["tea"], stock: 2 });
  });

  onEveryStore(
    "row 37: of two requests that read and change one field the later wins, and an event tells of it",
    async ({ store }) => {
      const shop = site(store);
      const conflicts: string[] = [];
      shop.manager.on("conflict", (event) => conflicts.push(event.field));
      const visitor = shop.visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      const [one, other] = [await visitor.arrive(), await visitor.arrive()];
      (one.session.get("cart") as string[]).push("rice");
      (other.session.get("cart") as string[]).push("salt");
      await one.leave();
      await other.leave();
      expect(conflicts).toEqual(["cart"]);
      expect(await visitor.see((session) => session.get("cart"))).toEqual(["tea", "salt"]);
    },
  );

  onEveryStore(
    'row 37: with onConflict "fail" the later of them is refused and changes nothing',
    async ({ store }) => {
      const visitor = site(store, { onConflict: "fail" }).visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      const [one, other] = [await visitor.arrive(), await visitor.arrive()];
      (one.session.get("cart") as string[]).push("rice");
      (other.session.get("cart") as string[]).push("salt");
      other.session.set("note", "x");
      await one.leave();
      await expect(other.leave()).rejects.toMatchObject({ code: "ERR_SESSION_CONFLICT", status: 409 });
      expect(await visitor.see((session) => ({ ...session.data }))).toEqual({ cart: ["tea", "rice"] });
    },
  );

  onStore(
    DIRECTORY,
    "row 38: a corrupt file is no session, is told by an event, and harms no other session",
    async (place) => {
      const shop = site(place.store);
      const [harmed, other] = [shop.visitor(), shop.visitor()];
      await harmed.visit((session) => session.login("ann"));
      await other.visit((session) => session.login("bob"));
      const id = (await harmed.see((session) => session.id)) as SessionId;
      await damageOf(place.path ?? "")["random bytes"]?.(id);

      const corrupt: SessionId[] = [];
      shop.manager.on("corrupt", (event) => corrupt.push(event.id));
      await harmed.visit((session) => {
        expect(session.isNew).toBe(true);
        session.login("ann");
      });
      expect(corrupt).toEqual([id]);
      expect(await harmed.see((session) => session.user)).toBe("ann");
      expect(await other.see((session) => session.user)).toBe("bob");
      expect(await listed(shop.manager.all())).toHaveLength(2);
      shop.clock.advance(48 * HOUR);
      expect(await shop.manager.sweep()).toEqual({ deleted: 3 });
    },
  );

  onStore(
    SQLITE,
    "row 38: a corrupt row is no session, is told by an event, and harms no other session",
    async (place) => {
      const shop = site(place.store);
      const [harmed, other] = [shop.visitor(), shop.visitor()];
      await harmed.visit((session) => session.set("cart", ["tea"]));
      await other.visit((session) => session.set("cart", ["salt"]));
      const id = (await harmed.see((session) => session.id)) as SessionId;
      const raw = new DatabaseSync(place.path ?? "");
      raw.prepare("UPDATE holdfast_sessions SET labels = '{' WHERE id = ?").run(id);
      raw.close();

      const corrupt: SessionId[] = [];
      shop.manager.on("corrupt", (event) => corrupt.push(event.id));
      expect(await harmed.see((session) => session.isNew)).toBe(true);
      expect(corrupt).toEqual([id]);
      expect(await other.see((session) => session.get("cart"))).toEqual(["salt"]);
    },
  );

  onEveryStore(
    "row 38: a stored text that is no value reads as absent, is told by an event, and leaves the rest",
    async ({ store }) => {
      const shop = site(store);
      const visitor = shop.visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]).set("note", "x"));
      const [record] = await stored(store);
      const change = { now: shop.clock.now(), epoch: 1, set: { cart: '["tea' } };
      await store.update(record?.id as SessionId, change, call());
      const invalid: string[] = [];
      shop.manager.on("invalid", (event) => invalid.push(event.field));
      expect(await visitor.see((session) => [session.get("cart"), session.get("note")])).toEqual([
        undefined,
        "x",
      ]);
      expect(invalid).toEqual(["cart"]);
    },
  );

  test("row 46: one published list of rules judges every store, and finds the one that revives", async () => {
    const rules = storeRules.filter((rule) => rule.group === "update");
    expect(rules.length).toBeGreaterThan(5);
    const sound = await checkStore(
      subject("memory", () => memoryStore()),
      rules,
    );
    expect(sound.map((outcome) => outcome.kind)).not.toContain("broken");
    const revived = await checkStore(subject("reviving", revivingStore), rules);
    const broken = revived.filter((outcome) => outcome.kind === "broken").map((outcome) => outcome.rule.name);
    expect(broken.join("\n")).toMatch(/gone|create|brings? back|delet/i);
  });
});

function subject(name: string, make: () => AnyStore): StoreSubject {
  const none = "not what is tried here";
  return {
    name,
    async open() {
      return { store: make(), close: async () => {} };
    },
    abilities: {
      labels: none,
      iterate: none,
      sweep: none,
      setup: none,
      subscribe: none,
      dispose: none,
      "second handle": none,
      processes: none,
      damage: none,
    },
  };
}

/** Saves as the seed did: what is not there is written anew. */
function revivingStore(): AnyStore {
  const store = memoryStore();
  const known = new Map<SessionId, Parameters<AnyStore["create"]>[0]>();
  return {
    traits: store.traits,
    async create(record, bound) {
      known.set(record.id, record);
      return await store.create(record, bound);
    },
    read: store.read.bind(store),
    delete: store.delete.bind(store),
    async update(id, change, bound) {
      const outcome = await store.update(id, change, bound);
      const record = known.get(id);
      if (outcome.kind !== "gone" || record === undefined) return outcome;
      await store.create(record, bound);
      return await store.update(id, change, bound);
    },
  };
}

test("the helpers of these rows read what a file holds", async () => {
  // A guard against a row that passes because it looked at nothing.
  const place = await DIRECTORY.open();
  await site(place.store)
    .visitor()
    .visit((session) => session.set("cart", ["needle"]));
  const names = await readdir(place.path ?? "", { recursive: true, withFileTypes: true });
  const texts = names
    .filter((entry) => entry.isFile())
    .map((entry) => readFile(join(entry.parentPath, entry.name), "utf8"));
  expect((await Promise.all(texts)).join("\n")).toContain("needle");
  await place.close();
});
