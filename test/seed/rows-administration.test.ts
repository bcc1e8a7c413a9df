import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { type AnyStore, type SessionId, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { isFromElsewhere } from "./address-binding.ts";
import {
  call,
  DAY,
  DIRECTORY,
  HOUR,
  listed,
  MINUTE,
  onEveryStore,
  onStore,
  setUp,
  site,
  SQLITE,
  stored,
} from "./support.ts";

describe("rows 23 to 27: lifetime, sweep, listing, set-up, safety", () => {
  onEveryStore(
    "row 23: a session that idled to its limit is over, at that very millisecond",
    async ({ store }) => {
      const shop = site(store, { idle: "30m" });
      const visitor = shop.visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      shop.clock.advance(30 * MINUTE - 1);
      expect(await visitor.see((session) => session.isNew)).toBe(false);
      shop.clock.advance(30 * MINUTE);
      expect(await visitor.see((session) => session.isNew)).toBe(true);
    },
  );

  onEveryStore("row 23: no activity carries a session beyond its absolute limit", async ({ store }) => {
    const shop = site(store, { idle: "8h", absolute: "1d" });
    const visitor = shop.visitor();
    await visitor.visit((session) => session.set("cart", ["tea"]));
    for (let visits = 0; visits < 4; visits += 1) {
      shop.clock.advance(6 * HOUR - 1);
      expect(await visitor.see((session) => session.isNew)).toBe(false);
    }
    shop.clock.advance(4);
    expect(await visitor.see((session) => session.isNew)).toBe(true);
  });

  onEveryStore(
    "row 23: a request that outlasts its session's limit changes nothing and revives nothing",
    async ({ store }) => {
      const shop = site(store, { idle: "30m" });
      const visitor = shop.visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      const slow = await visitor.arrive();
      slow.session.set("cart", ["tea", "rice"]);
      shop.clock.advance(30 * MINUTE);
      await slow.leave();
      expect(slow.exchange.cookies).toEqual([]);
      expect((await stored(store)).map((record) => record.fields["cart"])).toEqual(['["tea"]']);
      expect(await visitor.see((session) => session.isNew)).toBe(true);
    },
  );

  onEveryStore("row 24: a sweep deletes what expired and leaves what is fresh", async ({ store }) => {
    const shop = site(store, { idle: "1h" });
    for (let number = 0; number < 3; number += 1)
      await shop.visitor().visit((session) => session.set("number", number));
    shop.clock.advance(40 * MINUTE);
    for (let number = 0; number < 2; number += 1)
      await shop.visitor().visit((session) => session.set("number", number));
    expect(await shop.manager.sweep()).toEqual({ deleted: 0 });
    shop.clock.advance(20 * MINUTE);
    expect(await shop.manager.sweep()).toEqual({ deleted: 3 });
    expect(await listed(shop.manager.all())).toHaveLength(2);
    expect(await stored(store)).toHaveLength(2);
    expect(await shop.manager.sweep()).toEqual({ deleted: 0 });
  });

  onEveryStore("row 24: sweeps at the same time count each deletion once, and none fails", async (place) => {
    const { store } = place;
    const shop = site(store, { idle: "1h" });
    for (let number = 0; number < 20; number += 1)
      await shop.visitor().visit((session) => session.set("number", number));
    shop.clock.advance(HOUR);
    const other = place.again();
    const now = shop.clock.now();
    const swept = await Promise.all(
      [store, other, store].map(async (one) => await one.sweep?.(now, 1000, call())),
    );
    expect(swept.reduce((sum, one) => sum + (one?.deleted ?? 0), 0)).toBe(20);
    expect(await stored(store)).toEqual([]);
  });

  test("row 24: the manager sweeps by itself from the first visit on, and stops when it is closed", async () => {
    const store = memoryStore();
    const shop = site(store, { idle: "1h", sweepEvery: "10m" });
    const startedAt = shop.clock.now();
    await shop.visitor().visit((session) => session.set("cart", ["tea"]));
    // Some turns at ten minutes, give or take a quarter; each arms the next only after it is done.
    for (let turn = 0; turn < 100 && (await stored(store)).length > 0; turn += 1) shop.clock.advance(MINUTE);
    expect(await stored(store)).toEqual([]);
    expect(shop.clock.now()).toBeGreaterThanOrEqual(startedAt + HOUR);
    await shop.manager.close();
    expect(shop.clock.pending).toBe(0);
  });

  onEveryStore(
    "row 25: all() walks over every live session, and what it tells opens nothing",
    async ({ store }) => {
      const shop = site(store);
      const cookies: string[] = [];
      const ids: (SessionId | null)[] = [];
      for (let number = 0; number < 12; number += 1) {
        const visitor = shop.visitor();
        await visitor.visit((session) => session.login(`user ${number}`));
        cookies.push(visitor.cookie ?? "");
        ids.push(await visitor.see((session) => session.id));
      }
      const found = await listed(shop.manager.all());
      expect(found.map((one) => String(one.id)).toSorted()).toEqual(ids.map(String).toSorted());
      const told = JSON.stringify(found);
      for (const cookie of cookies) expect(told).not.toContain(cookie.slice(-32));
      for (const record of await stored(store)) expect(told).not.toContain(record.secretHash);
    },
  );

  onEveryStore(
    "row 26: set-up may run any number of times, at once too, and destroys nothing",
    async (place) => {
      const visitor = site(place.store).visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      await Promise.all([place.store, place.again(), place.store].map(setUp));
      expect(await visitor.see((session) => session.get("cart"))).toEqual(["tea"]);
    },
  );

  test("row 26: a manager sets its store up at first use, and with setup false leaves that to its operator", async () => {
    const byItself = site();
    await byItself.visitor().visit((session) => session.set("cart", ["tea"]));
    expect(byItself.calls.count("setup")).toBe(1);
    const byHand = site(memoryStore(), { setup: false });
    await byHand.visitor().visit((session) => session.set("cart", ["tea"]));
    expect(byHand.calls.count("setup")).toBe(0);
  });

  test("row 27: a manager refuses to start on a store that promises less than it requires", () => {
    const manage = (requires: { shared?: true; durability?: "process" | "power" }) => () =>
      new SessionManager({ store: memoryStore(), requires });
    expect(manage({ shared: true })).toThrow(/processes share/);
    expect(manage({ durability: "process" })).toThrow(/survives "none" only/);
    expect(manage({})).not.toThrow();
  });

  test("row 27: each store says truthfully whether processes share it and what it survives", async () => {
    const traits: unknown[] = [memoryStore().traits];
    for (const opener of [DIRECTORY, SQLITE]) {
      const place = await opener.open();
      traits.push(place.store.traits);
      expect(
        () => new SessionManager({ store: place.store, requires: { shared: true, durability: "process" } }),
      ).not.toThrow();
      await place.close();
    }
    expect(traits).toMatchObject([
      { shared: false, durability: "none" },
      { shared: true, durability: "process" },
      { shared: true, durability: "process" },
    ]);
  });
});

describe("rows 41 to 43: seeing, binding and ending sessions", () => {
  test("row 41: a session and its manager print what helps an operator and nothing that opens", async () => {
    const shop = site();
    const visitor = shop.visitor();
    const anonymous = await visitor.see((session) => String(session));
    expect(anonymous).toBe("Session (not stored) (no user)");
    await visitor.visit((session) => {
      session.login("ann");
      session.set("card", "4111");
    });
    const secret = visitor.cookie?.slice(-32) ?? "";
    const { session, exchange } = await visitor.arrive();
    expect(String(session)).toBe(`Session ${session.id} (user ann)`);
    expect(inspect(session)).toContain("card");
    for (const printed of [String(session), inspect(session, { depth: 9 }), JSON.stringify(session)]) {
      expect(printed).not.toContain(secret);
      expect(printed).not.toContain("4111");
    }
    expect(String(shop.manager)).toBe("SessionManager (__Host-Http-sid)");
    expect(inspect(shop.manager, { depth: 9, showHidden: true })).not.toContain(secret);
    await shop.manager.finishSuccessfulRequest(exchange);
  });

  test("row 42: an application that binds sessions to an address can tell when one is used from elsewhere", async () => {
    const visitor = site().visitor();
    const fresh = await visitor.arrive({ remoteAddress: "192.0.2.1" });
    expect(isFromElsewhere(fresh.session, "192.0.2.1")).toBe(false);
    fresh.session.set("cart", ["tea"]);
    await fresh.leave();
    const { session } = await visitor.arrive({ remoteAddress: "192.0.2.2" });
    expect(isFromElsewhere(session, "192.0.2.1")).toBe(false);
    expect(isFromElsewhere(session, "192.0.2.2")).toBe(true);
  });

  onEveryStore(
    "row 43: a session is ended by its id, and only for its owner where one is named",
    async ({ store }) => {
      const shop = site(store);
      const visitor = shop.visitor();
      await visitor.visit((session) => session.login("ann"));
      const id = (await visitor.see((session) => session.id)) as SessionId;
      expect(await shop.manager.revoke(id, { user: "bob" })).toBe(false);
      expect(await visitor.see((session) => session.user)).toBe("ann");
      expect(await shop.manager.revoke(id, { user: "ann" })).toBe(true);
      expect(await shop.manager.revoke(id)).toBe(false);
      expect(await visitor.see((session) => session.user)).toBeNull();
    },
  );

  onEveryStore(
    "row 43: all sessions of a user are listed, and ended but for the one that is spared",
    async ({ store }) => {
      const shop = site(store);
      const [phone, laptop, other] = [shop.visitor(), shop.visitor(), shop.visitor()];
      const signIn = await phone.arrive({ remoteAddress: "192.0.2.1" });
      signIn.session.login("ann");
      await signIn.leave();
      await laptop.visit((session) => session.login("ann"));
      await other.visit((session) => session.login("bob"));
      const here = await laptop.see((session) => session.id);
      const found = await shop.manager.sessionsOf("ann");
      expect(found.map((one) => one.user)).toEqual(["ann", "ann"]);
      expect(new Set(found.map((one) => one.address))).toEqual(new Set(["192.0.2.1", null]));

      expect(await shop.manager.revokeUser("ann", { except: here })).toBe(1);
      expect(await phone.see((session) => session.user)).toBeNull();
      expect(await laptop.see((session) => session.user)).toBe("ann");
      expect(await other.see((session) => session.user)).toBe("bob");
      expect(await shop.manager.revokeAll()).toBe(2);
      expect(await listed(shop.manager.all())).toEqual([]);
    },
  );

  onStore(SQLITE, "row 43: ending costs no walk over what is stored", async ({ store }) => {
    const shop = site(store, { absolute: 2 * DAY });
    const visitor = shop.visitor();
    await visitor.visit((session) => session.login("ann"));
    shop.calls.forget();
    await shop.manager.revokeUser("ann");
    const operations = shop.calls.calls.map((one) => one.operation);
    expect(operations).not.toContain("all");
    expect(operations).toContain("deleteByLabel");
  });

  test("row 43: a store without an index says so instead of walking", async () => {
    const { listByLabel: _list, deleteByLabel: _delete, ...rest } = bound(memoryStore());
    const { manager } = site(rest);
    await expect(manager.sessionsOf("ann")).rejects.toMatchObject({ code: expect.any(String) as string });
  });
});

/** The store's methods as properties of a plain object, so that some can be left out. */
function bound(store: AnyStore): AnyStore {
  const names = ["create", "read", "update", "delete", "all", "listByLabel", "deleteByLabel"] as const;
  const methods = names.map((name) => [name, store[name]?.bind(store as never)] as const);
  return { traits: store.traits, ...Object.fromEntries(methods) } as unknown as AnyStore;
}
