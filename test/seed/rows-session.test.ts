import { describe, expect, test } from "vitest";
import { type AnyStore, Session, type SessionId, type SessionInit, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { manualClock } from "../../src/testing/clock.ts";
import { testExchange } from "../support/exchange.ts";
import { COOKIE_NAME, onEveryStore, site, stored } from "./support.ts";

/** The least that can be a store: the four methods and no ability. */
function bareStore(): AnyStore {
  const { traits, create, read, update, delete: remove } = memoryStore();
  const store = memoryStore();
  return {
    traits,
    create: create.bind(store),
    read: read.bind(store),
    update: update.bind(store),
    delete: remove.bind(store),
  };
}

class Cart extends Session<{ cart: string[] }> {
  add(item: string): void {
    this.update("cart", (items = []) => [...items, item]);
  }
}

describe("rows 1 to 4: a session and its store", () => {
  test("row 1: a store of one's own with the four methods alone serves a whole life of a session", async () => {
    const shop = site(bareStore());
    const visitor = shop.visitor();
    await visitor.visit((session) => session.set("cart", ["tea"]));
    expect(await visitor.see((session) => session.get("cart"))).toEqual(["tea"]);
    await visitor.visit((session) => session.login("ann"));
    await visitor.visit((session) => session.logout());
    expect(await visitor.see((session) => session.isNew)).toBe(true);
  });

  test("row 1: requests get sessions of the class that the manager was given", async () => {
    const shop = site<Cart>(memoryStore(), { sessionClass: Cart });
    const visitor = shop.visitor();
    await visitor.visit((session) => session.add("tea"));
    await visitor.visit((session) => session.add("rice"));
    expect(await visitor.see((session) => session.data.cart)).toEqual(["tea", "rice"]);
  });

  test("row 1: a manager that overrides newSession decides about each session object", async () => {
    const made: SessionInit[] = [];
    class Counting extends SessionManager {
      override newSession(init: SessionInit): Session {
        made.push(init);
        return super.newSession(init);
      }
    }
    const manager = new Counting({ store: memoryStore(), clock: manualClock() });
    const exchange = testExchange();
    const first = await manager.getSession(exchange);
    expect(await manager.getSession(exchange)).toBe(first);
    expect(made).toHaveLength(1);
  });

  test("row 2: visits without information cost no store call and get no cookie, however many", async () => {
    const shop = site();
    for (let number = 0; number < 200; number += 1) {
      const exchange = await shop.visitor().visit((session) => {
        expect(session.id).toBeNull();
        expect(session.isNew).toBe(true);
        expect(session.data["cart"]).toBeUndefined();
      });
      expect(exchange.cookies).toEqual([]);
    }
    expect(shop.calls.count()).toBe(0);
  });

  onEveryStore(
    "row 2: the id is null until the session is stored, and from then on always the same",
    async ({ store }) => {
      const visitor = site(store).visitor();
      const ids: (SessionId | null)[] = [];
      await visitor.visit((session) => {
        session.set("cart", ["tea"]);
        ids.push(session.id);
      });
      await visitor.visit((session) => ids.push(session.id));
      await visitor.visit((session) => ids.push(session.id));
      expect(ids[0]).toBeNull();
      expect(ids[1]).toMatch(/^[\w-]{24}$/);
      expect(ids[2]).toBe(ids[1]);
    },
  );

  test("row 3: a class that overrides hasInfo decides what is kept", async () => {
    class Kept extends Session {
      override hasInfo(): boolean {
        return super.hasInfo() && this.get("keep") === true;
      }
    }
    const store = memoryStore();
    const visitor = site<Kept>(store, { sessionClass: Kept }).visitor();
    expect((await visitor.visit((session) => session.set("count", 1))).cookies).toEqual([]);
    expect(await stored(store)).toEqual([]);
    await visitor.visit((session) => session.set("count", 1).set("keep", true));
    expect(await stored(store)).toHaveLength(1);
    await visitor.visit((session) => session.set("keep", false));
    expect(await stored(store)).toEqual([]);
  });

  onEveryStore(
    "row 3: a session that lost its information is deleted and its cookie revoked",
    async ({ store }) => {
      const visitor = site(store).visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      const exchange = await visitor.visit((session) => session.delete("cart"));
      expect(exchange.cookies).toMatchObject([{ value: "", maxAge: 0 }]);
      expect(visitor.cookie).toBeUndefined();
      expect(await stored(store)).toEqual([]);
    },
  );

  test("row 3: maintainSession tells by a boolean whether a session will be kept, and ends one that lost its information", async () => {
    const shop = site();
    const visitor = shop.visitor();
    const anonymous = await visitor.arrive();
    expect(await shop.manager.maintainSession(anonymous.exchange)).toBe(false);
    anonymous.session.set("cart", ["tea"]);
    expect(await shop.manager.maintainSession(anonymous.exchange)).toBe(true);
    expect(shop.calls.count()).toBe(0);
    await anonymous.leave();

    const emptying = await visitor.arrive();
    emptying.session.delete("cart");
    expect(await shop.manager.maintainSession(emptying.exchange)).toBe(false);
    await emptying.leave();
    expect(emptying.exchange.cookies).toMatchObject([{ value: "", maxAge: 0 }]);
  });

  onEveryStore(
    "row 4: an unknown token is an anonymous visit, and its id is never adopted",
    async ({ store }) => {
      const { manager } = site(store);
      const planted = "A".repeat(56);
      const exchange = testExchange({ cookie: `${COOKIE_NAME}=${planted}` });
      const session = await manager.startRequest(exchange);
      expect(session.isNew).toBe(true);
      session.set("cart", ["tea"]);
      await manager.finishSuccessfulRequest(exchange);

      const [record] = await stored(store);
      expect(record?.id).not.toBe(planted.slice(0, 24));
      expect(exchange.cookies[0]?.value).not.toBe(planted);
      expect(exchange.cookies[0]?.value.startsWith(String(record?.id))).toBe(true);
    },
  );

  test("row 4: the cookie of an unknown session is left alone, since a newer login may have set it", async () => {
    const { manager } = site();
    const exchange = testExchange({ cookie: `${COOKIE_NAME}=${"A".repeat(56)}` });
    const session = await manager.startRequest(exchange);
    expect(session.data["cart"]).toBeUndefined();
    await manager.finishSuccessfulRequest(exchange);
    expect(exchange.cookies).toEqual([]);
  });
});
