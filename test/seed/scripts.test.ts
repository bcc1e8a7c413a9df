import { describe, expect, test } from "vitest";
import { NullSessionManager, Session, type SessionId } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { testExchange } from "../support/exchange.ts";
import {
  call,
  HOUR,
  listed,
  MINUTE,
  onEveryStore,
  site,
  type Site,
  stored,
  type Visitor,
} from "./support.ts";

/** The session of session2's test site: kept only once somebody asked for that. */
class KeptSession extends Session<{ keep: boolean; counter: number }> {
  override hasInfo(): boolean {
    return super.hasInfo() && this.data.keep === true;
  }
}

/** The pages of session2's test site. */
const PAGES = {
  id: (session: KeptSession): unknown => session.id,
  keep: (session: KeptSession): unknown => session.set("keep", true),
  counter: (session: KeptSession): unknown => session.get("counter") ?? 0,
  increment: (session: KeptSession): unknown => session.increment("counter"),
  logout: (session: KeptSession): unknown => session.logout(),
};

async function shown(visitor: Visitor<KeptSession>, page: keyof typeof PAGES): Promise<unknown> {
  return await visitor.see(PAGES[page]);
}

describe("the scripts of session2, as its twill files walked them", () => {
  onEveryStore(
    "the id is none until keep, none yet within keep, and the same ever after",
    async ({ store }) => {
      const visitor = site<KeptSession>(store, { sessionClass: KeptSession }).visitor();
      expect(await shown(visitor, "id")).toBeNull();
      await visitor.visit(PAGES.increment);
      expect(await shown(visitor, "id")).toBeNull();
      await visitor.visit((session) => {
        session.set("keep", true);
        expect(session.id).toBeNull();
      });
      const id = (await shown(visitor, "id")) as SessionId;
      expect(visitor.cookie?.split("=")[1]?.startsWith(id)).toBe(true);
      await visitor.visit(PAGES.increment);
      expect(await shown(visitor, "id")).toBe(id);
    },
  );

  onEveryStore("a counter that is kept counts over requests", async ({ store }) => {
    const visitor = site<KeptSession>(store, { sessionClass: KeptSession }).visitor();
    await visitor.visit(PAGES.increment);
    expect(await shown(visitor, "counter")).toBe(0);
    await visitor.visit(PAGES.keep);
    for (let count = 1; count <= 3; count += 1) {
      await visitor.visit(PAGES.increment);
      expect(await shown(visitor, "counter")).toBe(count);
    }
  });

  onEveryStore("an increment whose request fails is not kept", async ({ store }) => {
    const visitor = site<KeptSession>(store, { sessionClass: KeptSession }).visitor();
    await visitor.visit(PAGES.keep);
    await visitor.visit(PAGES.increment);
    await visitor.visitThatFails(PAGES.increment);
    expect(await shown(visitor, "counter")).toBe(1);
  });

  onEveryStore("logging out, again, and without a session are all well", async ({ store }) => {
    const visitor = site<KeptSession>(store, { sessionClass: KeptSession }).visitor();
    await visitor.visit(PAGES.logout);
    await visitor.visit(PAGES.keep);
    await visitor.visit(PAGES.logout);
    expect(await shown(visitor, "id")).toBeNull();
    await visitor.visit(PAGES.logout);
    expect(await stored(store)).toEqual([]);
  });

  onEveryStore("a logout whose request fails ends the session all the same", async ({ store }) => {
    const visitor = site<KeptSession>(store, { sessionClass: KeptSession }).visitor();
    await visitor.visit(PAGES.keep);
    await visitor.visitThatFails(PAGES.logout);
    expect(visitor.cookie).toBeUndefined();
    expect(await stored(store)).toEqual([]);
  });

  onEveryStore(
    "with endOnFailure false it leaves the visitor logged in, as the script had it",
    async ({ store }) => {
      const visitor = site<KeptSession>(store, { sessionClass: KeptSession, endOnFailure: false }).visitor();
      await visitor.visit(PAGES.keep);
      const id = await shown(visitor, "id");
      const exchange = await visitor.visitThatFails(PAGES.logout);
      expect(exchange.cookies).toEqual([]);
      expect(await shown(visitor, "id")).toBe(id);
    },
  );
});

describe("the eleven checks of session3", () => {
  interface Member {
    readonly shop: Site<Session>;
    readonly visitor: Visitor<Session>;
  }

  function newcomer(store: Parameters<typeof site>[0]): Member {
    const shop = site(store, { idle: "30m" });
    return { shop, visitor: shop.visitor() };
  }

  async function member(store: Parameters<typeof site>[0]): Promise<Member> {
    const one = newcomer(store);
    await one.visitor.visit((session) => session.login("ann"));
    return one;
  }

  onEveryStore("1: an anonymous page has no user", async ({ store }) => {
    const { visitor } = newcomer(store);
    expect(await visitor.see((session) => session.user)).toBeNull();
    expect(visitor.cookie).toBeUndefined();
  });

  onEveryStore("2: logging in sets a cookie", async ({ store }) => {
    expect((await member(store)).visitor.cookie).toMatch(/^__Host-Http-sid=[\w-]{56}$/);
  });

  onEveryStore("3: the user is there on the next page", async ({ store }) => {
    expect(await (await member(store)).visitor.see((session) => session.user)).toBe("ann");
  });

  onEveryStore("4: a counter counts", async ({ store }) => {
    const { visitor } = await member(store);
    for (let count = 1; count <= 3; count += 1)
      await visitor.visit((session) => session.increment("counter"));
    expect(await visitor.see((session) => session.get("counter"))).toBe(3);
  });

  onEveryStore("5: a page can show id, user, address and ages", async ({ store }) => {
    const { shop, visitor } = newcomer(store);
    const login = await visitor.arrive({ remoteAddress: "192.0.2.1" });
    login.session.login("ann");
    await login.leave();
    shop.clock.advance(2 * MINUTE);
    const shownPage = await visitor.see((session) => ({
      id: session.id,
      user: session.user,
      address: session.remoteAddress,
      age: session.age(),
      idle: session.idleFor(),
    }));
    expect(shownPage).toEqual({
      id: visitor.cookie?.slice(-56, -32),
      user: "ann",
      address: "192.0.2.1",
      age: 2 * MINUTE,
      idle: 2 * MINUTE,
    });
  });

  onEveryStore("6: logging out leaves no user", async ({ store }) => {
    const { visitor } = await member(store);
    await visitor.visit((session) => session.logout());
    expect(await visitor.see((session) => session.user)).toBeNull();
  });

  onEveryStore("7: logging out deletes what was stored", async ({ store }) => {
    const { visitor } = await member(store);
    expect(await stored(store)).toHaveLength(1);
    await visitor.visit((session) => session.logout());
    expect(await stored(store)).toEqual([]);
  });

  onEveryStore("8: a form token is there until it is used", async ({ store }) => {
    const { visitor } = await member(store);
    let token = "";
    await visitor.visit((session) => (token = session.createFormToken()));
    expect(await visitor.see((session) => session.hasFormToken(token))).toBe(true);
    await visitor.visit((session) => session.removeFormToken(token));
    expect(await visitor.see((session) => session.hasFormToken(token))).toBe(false);
  });

  onEveryStore("9: old sessions are deleted", async ({ store }) => {
    const { shop, visitor } = await member(store);
    shop.clock.advance(HOUR);
    expect(await shop.manager.sweep()).toEqual({ deleted: 1 });
    expect(await visitor.see((session) => session.user)).toBeNull();
  });

  onEveryStore(
    "10: after what was stored went missing, logging in again gives a new id",
    async ({ store }) => {
      const { visitor } = await member(store);
      const id = (await visitor.see((session) => session.id)) as SessionId;
      await store.delete(id, {}, call());
      await visitor.visit((session) => session.login("ann"));
      const next = await visitor.see((session) => session.id);
      expect(next).toMatch(/^[\w-]{24}$/);
      expect(next).not.toBe(id);
    },
  );

  onEveryStore("11: what was stored and went missing crashes nothing", async ({ store }) => {
    const { visitor } = await member(store);
    const id = (await visitor.see((session) => session.id)) as SessionId;
    const open = await visitor.arrive();
    await store.delete(id, {}, call());
    open.session.set("cart", ["tea"]);
    await open.leave();
    expect(await visitor.see((session) => session.user)).toBeNull();
    expect(await stored(store)).toEqual([]);
  });
});

describe("what session4 added", () => {
  const STEPS: readonly (readonly [string, "clean" | "dirty", (session: Session) => unknown])[] = [
    ["reading", "clean", (session) => session.get("list")],
    ["changing a list in place", "dirty", (session) => (session.get("list") as number[]).push(2)],
    ["reading what was just changed", "clean", (session) => session.get("list")],
    ["assigning equal content", "clean", (session) => session.set("list", [1, 2])],
    ["adding a name", "dirty", (session) => session.set("more", true)],
    ["deleting it", "dirty", (session) => session.delete("more")],
    ["deleting it again", "clean", (session) => session.delete("more")],
    ["changing and changing back", "clean", (session) => session.set("list", []).set("list", [1, 2])],
    ["the passing of time alone", "clean", (session) => session.age()],
  ];

  onEveryStore("a session is stored exactly when something in it changed", async ({ store }) => {
    const shop = site(store);
    const visitor = shop.visitor();
    await visitor.visit((session) => session.set("list", [1]));
    for (const [name, expected, step] of STEPS) {
      shop.calls.forget();
      await visitor.visit(step);
      expect([name, shop.calls.count("update")]).toEqual([name, expected === "dirty" ? 1 : 0]);
    }
    expect(await visitor.see((session) => ({ ...session.data }))).toEqual({ list: [1, 2] });
  });

  onEveryStore(
    "of five sessions the old ones are deleted, the rest counted, and a fresh one is kept",
    async ({ store }) => {
      const shop = site(store, { idle: "20m" });
      for (let number = 0; number < 4; number += 1)
        await shop.visitor().visit((session) => session.set("number", number));
      shop.clock.advance(20 * MINUTE);
      const fresh = shop.visitor();
      await fresh.visit((session) => session.set("number", 4));
      const { deleted } = await shop.manager.sweep();
      const remaining = (await listed(shop.manager.all())).length;
      expect([deleted, remaining]).toEqual([4, 1]);
      expect(await fresh.see((session) => session.get("number"))).toBe(4);
    },
  );

  onEveryStore("deleting what is not there is no error: it says that it was gone", async ({ store }) => {
    const { manager } = site(store);
    const unknown = "A".repeat(24) as SessionId;
    expect(await manager.revoke(unknown)).toBe(false);
    expect(await store.delete(unknown, {}, call())).toBe("gone");
  });
});

describe("the session tests of Quixote", () => {
  test("a new session is empty, and a user is information", async () => {
    await site()
      .visitor()
      .visit((session) => {
        expect([session.id, session.user, session.hasInfo()]).toEqual([null, null, false]);
        session.login("ann");
        expect(session.hasInfo()).toBe(true);
      });
  });

  test("starting a request binds a session without an id to it", async () => {
    const { manager } = site();
    const exchange = testExchange();
    const session = await manager.startRequest(exchange);
    expect(session.id).toBeNull();
    expect(await manager.getSession(exchange)).toBe(session);
  });

  onEveryStore("information is stored, and the cookie's value begins with the id", async ({ store }) => {
    const visitor = site(store).visitor();
    const exchange = await visitor.visit((session) => session.login("ann"));
    const id = await visitor.see((session) => session.id);
    expect(exchange.cookies[0]?.value.slice(0, 24)).toBe(id);
    expect((await stored(store)).map((record) => record.id)).toEqual([id]);
  });

  onEveryStore(
    "a session that lost its information is deleted, with a cookie of value nothing and age 0",
    async ({ store }) => {
      const visitor = site(store).visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      const exchange = await visitor.visit((session) => session.delete("cart"));
      expect(exchange.cookies).toMatchObject([{ value: "", maxAge: 0 }]);
      expect(await stored(store)).toEqual([]);
    },
  );

  onEveryStore("an expired session is gone, and the request goes on with an empty one", async ({ store }) => {
    const shop = site(store);
    const visitor = shop.visitor();
    await visitor.visit((session) => session.login("ann"));
    const request = await visitor.arrive();
    shop.manager.expireSession(request.exchange);
    expect([request.session.user, request.session.isNew, request.session.hasInfo()]).toEqual([
      null,
      true,
      false,
    ]);
    await request.leave();
    expect(await stored(store)).toEqual([]);
  });

  test("the manager that manages nothing gives an empty session and ends nothing", async () => {
    const manager = new NullSessionManager();
    const exchange = testExchange();
    expect(manager.startRequest(exchange).hasInfo()).toBe(false);
    manager.finishSuccessfulRequest(exchange);
    manager.finishFailedRequest(exchange);
    expect(exchange.cookies).toEqual([]);
  });

  test("a session works as a mapping of its fields", async () => {
    const visitor = site(memoryStore()).visitor();
    await visitor.visit((session) => {
      session.data["a"] = 1;
      session.data["b"] = 2;
      delete session.data["a"];
    });
    await visitor.visit((session) => {
      expect("a" in session.data).toBe(false);
      expect("b" in session.data).toBe(true);
      expect(Object.entries(session.data)).toEqual([["b", 2]]);
    });
  });
});
