import { describe, expect, test } from "vitest";
import { Session, type SessionId } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { testExchange } from "../support/exchange.ts";
import { COOKIE_NAME, MINUTE, onEveryStore, SECOND, site, stored } from "./support.ts";

describe("rows 13 to 17 and 20: what a session tells and holds", () => {
  onEveryStore(
    "row 13: hasSession is true for a live session and false for any other id",
    async ({ store }) => {
      const shop = site(store, { idle: "1h" });
      const visitor = shop.visitor();
      // No user and a single empty value: what the seed took for nothing.
      await visitor.visit((session) => session.set("cart", []));
      const id = (await visitor.see((session) => session.id)) as SessionId;
      expect(await shop.manager.hasSession(id)).toBe(true);
      expect(await shop.manager.hasSession("A".repeat(24) as SessionId)).toBe(false);
      shop.clock.advance(60 * MINUTE);
      expect(await shop.manager.hasSession(id)).toBe(false);
    },
  );

  test("row 13: hasSessionCookie is true for any value, with mustExist only for one that opens a session", async () => {
    const shop = site();
    const visitor = shop.visitor();
    await visitor.visit((session) => session.set("cart", ["tea"]));
    const { manager } = shop;
    const has = async (cookie: string | undefined): Promise<readonly boolean[]> => {
      const exchange = testExchange(cookie === undefined ? {} : { cookie });
      return [
        await manager.hasSessionCookie(exchange),
        await manager.hasSessionCookie(exchange, { mustExist: true }),
      ];
    };
    expect(await has(undefined)).toEqual([false, false]);
    expect(await has(`${COOKIE_NAME}=`)).toEqual([true, false]);
    expect(await has(`${COOKIE_NAME}=*del*`)).toEqual([true, false]);
    expect(await has(`${COOKIE_NAME}=${"A".repeat(56)}`)).toEqual([true, false]);
    expect(await has(visitor.cookie)).toEqual([true, true]);
  });

  onEveryStore(
    "row 14: the access time moves only when it is older than the resolution; the creation time never",
    async ({ store }) => {
      const shop = site(store, { accessTimeResolution: "1s" });
      const start = shop.clock.now();
      const visitor = shop.visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      const times = (): Promise<readonly number[]> =>
        visitor.see((session) => [session.createdAt - start, session.accessedAt - start]);

      shop.clock.advance(SECOND);
      shop.calls.forget();
      expect(await times()).toEqual([0, 0]);
      expect(shop.calls.count("update")).toBe(0);
      shop.clock.advance(1);
      expect(await times()).toEqual([0, 0]);
      expect(shop.calls.count("update")).toBe(1);
      expect(await times()).toEqual([0, SECOND + 1]);
    },
  );

  test("row 14: ages are counted from the clock or from the moment that is given, 0 among them", async () => {
    const shop = site();
    const visitor = shop.visitor();
    await visitor.visit((session) => session.set("cart", ["tea"]));
    shop.clock.advance(5 * MINUTE);
    await visitor.visit((session) => {
      expect(session.age()).toBe(5 * MINUTE);
      expect(session.idleFor()).toBe(5 * MINUTE);
      expect(session.age(0)).toBe(-session.createdAt);
      expect(session.idleFor(0)).toBe(-session.accessedAt);
    });
  });

  test("row 14: the address is the one that the session was created from", async () => {
    const visitor = site().visitor();
    const first = await visitor.arrive({ remoteAddress: "192.0.2.1" });
    first.session.set("cart", ["tea"]);
    await first.leave();
    const second = await visitor.arrive({ remoteAddress: "192.0.2.2" });
    expect(second.session.remoteAddress).toBe("192.0.2.1");
  });

  test("row 15: a class stores the id of a user and gives the user it stands for", async () => {
    const accounts = new Map([["7", { name: "Ann" }]]);
    class Member extends Session {
      account(): { name: string } | undefined {
        return accounts.get(this.user ?? "");
      }
    }
    const store = memoryStore();
    const visitor = site<Member>(store, { sessionClass: Member }).visitor();
    expect(await visitor.see((session) => session.account())).toBeUndefined();
    await visitor.visit((session) => session.login("7"));
    expect(await visitor.see((session) => session.account())).toEqual({ name: "Ann" });
    expect(JSON.stringify(await stored(store))).not.toContain("Ann");
  });

  onEveryStore(
    "row 16: what an application puts into a session is there after a restart as it was",
    async ({ store, again }) => {
      const value = {
        text: "grüße",
        when: new Date(0),
        counts: new Map([["tea", 2]]),
        tags: new Set(["a"]),
        big: 2n ** 70n,
        list: [1, null, { deep: [true] }],
      };
      const before = site(store);
      const visitor = before.visitor();
      await visitor.visit((session) => session.set("all", value));

      const after = site(again()).visitor();
      const request = await after.arrive({ cookie: visitor.cookie ?? "" });
      expect(request.session.get("all")).toEqual(value);
    },
  );

  test("row 16: a value that would not come back as it is is refused with its place, never changed in silence", async () => {
    class Money {
      readonly cents = 5;
    }
    const visitor = site().visitor();
    const request = await visitor.arrive();
    request.session.set("cart", { items: [{ price: new Money() }] });
    await expect(async () => request.leave()).rejects.toMatchObject({
      code: "ERR_SESSION_VALUE",
      message: expect.stringMatching(/"cart".*\.items\[0\]\.price/) as string,
    });
  });

  onEveryStore(
    "row 17: keys are a space of their own, apart from the session's properties",
    async ({ store }) => {
      const visitor = site(store).visitor();
      await visitor.visit((session) => {
        session.data["user"] = "a key";
        session.data["id"] = "another";
        session.set("constructor", "a third");
      });
      await visitor.visit((session) => {
        expect(session.user).toBeNull();
        expect(session.id).not.toBe("another");
        expect(Object.keys(session.data).toSorted()).toEqual(["constructor", "id", "user"]);
        expect("user" in session.data).toBe(true);
        expect("toString" in session.data).toBe(false);
        expect(session.data["toString"]).toBeUndefined();
        delete session.data["user"];
      });
      expect(await visitor.see((session) => ({ ...session.data }))).toEqual({
        constructor: "a third",
        id: "another",
      });
    },
  );

  test("row 20: a request that changed nothing writes nothing", async () => {
    const shop = site();
    const visitor = shop.visitor();
    await visitor.visit((session) => session.set("cart", ["tea"]));
    shop.calls.forget();
    await visitor.visit((session) => session.get("cart"));
    expect(shop.calls.calls.map((one) => one.operation)).toEqual(["read"]);
  });

  test("row 20: assigning equal content writes nothing, and changing a list in place writes once", async () => {
    const shop = site();
    const visitor = shop.visitor();
    await visitor.visit((session) => session.set("cart", ["tea"]));
    shop.calls.forget();
    await visitor.visit((session) => session.set("cart", ["tea"]));
    expect(shop.calls.count("update")).toBe(0);
    await visitor.visit((session) => (session.get("cart") as string[]).push("rice"));
    expect(shop.calls.count("update")).toBe(1);
    expect(await visitor.see((session) => session.get("cart"))).toEqual(["tea", "rice"]);
  });

  onEveryStore("row 20: visits that only read keep a session from being swept", async ({ store }) => {
    const shop = site(store, { idle: "30m" });
    const visitor = shop.visitor();
    await visitor.visit((session) => session.set("cart", ["tea"]));
    for (let visit = 0; visit < 4; visit += 1) {
      shop.clock.advance(20 * MINUTE);
      await visitor.visit((session) => session.get("cart"));
      expect(await shop.manager.sweep()).toEqual({ deleted: 0 });
    }
    expect(await visitor.see((session) => session.get("cart"))).toEqual(["tea"]);
  });
});
