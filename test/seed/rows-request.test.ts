import { describe, expect, test } from "vitest";
import { currentSession, Session, type SessionId } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { testExchange } from "../support/exchange.ts";
import { onEveryStore, site, stored } from "./support.ts";

describe("rows 9 to 12: the end of a request", () => {
  onEveryStore(
    "row 9: an ended session is detached at once, and deleted when the request ends",
    async ({ store }) => {
      const shop = site(store);
      const visitor = shop.visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      const request = await visitor.arrive();
      const id = request.session.id as SessionId;

      shop.manager.expireSession(request.exchange);
      expect(request.session.id).toBeNull();
      expect(request.session.keys()).toEqual([]);
      expect(await shop.manager.hasSession(id)).toBe(true);

      await request.leave();
      expect(await shop.manager.hasSession(id)).toBe(false);
      expect(visitor.cookie).toBeUndefined();
    },
  );

  test("row 9: ending a session twice in a request is ending it once", async () => {
    const shop = site();
    const visitor = shop.visitor();
    await visitor.visit((session) => session.set("cart", ["tea"]));
    shop.calls.forget();
    const exchange = await visitor.visit((session) => {
      session.logout();
      session.logout();
    });
    expect(shop.calls.count("delete")).toBe(1);
    expect(exchange.cookies).toHaveLength(1);
  });

  onEveryStore(
    "row 9: the ended record goes also when the request puts another session in its place",
    async ({ store }) => {
      const shop = site(store);
      const visitor = shop.visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      const old = visitor.cookie;
      const oldId = await visitor.see((session) => session.id);
      await visitor.visit((session) => {
        session.logout();
        session.set("notice", "bye");
      });
      const records = await stored(store);
      expect(records.map((record) => record.id)).not.toContain(oldId);
      expect(records).toHaveLength(1);
      expect(visitor.cookie).not.toBe(old);
      expect(await visitor.see((session) => session.keys())).toEqual(["notice"]);
    },
  );

  test("row 9: clearSession forgets a request: nothing it staged is stored and nothing is ended", async () => {
    const shop = site();
    const visitor = shop.visitor();
    await visitor.visit((session) => session.set("cart", ["tea"]));
    const request = await visitor.arrive();
    request.session.logout();
    shop.manager.clearSession(request.exchange);
    await request.leave();
    expect(request.exchange.cookies).toEqual([]);
    expect(await visitor.see((session) => session.get("cart"))).toEqual(["tea"]);
  });

  onEveryStore(
    "row 10: a failed request stores nothing, deletes nothing and leaves the cookie",
    async ({ store }) => {
      const visitor = site(store).visitor();
      await visitor.visit((session) => session.set("cart", { items: ["tea"] }).set("note", "x"));
      const { cookie } = visitor;
      const exchange = await visitor.visitThatFails((session) => {
        (session.get("cart") as { items: string[] }).items.push("rice");
        session.delete("note").set("extra", 1);
      });
      expect(exchange.cookies).toEqual([]);
      expect(visitor.cookie).toBe(cookie);
      expect(await visitor.see((session) => ({ ...session.data }))).toEqual({
        cart: { items: ["tea"] },
        note: "x",
      });

      await visitor.visitThatFails((session) => session.delete("cart").delete("note"));
      expect(await visitor.see((session) => session.keys())).toEqual(["cart", "note"]);
    },
  );

  test("row 10: with endOnFailure false, a logout in a failed request does not take place either", async () => {
    const visitor = site(memoryStore(), { endOnFailure: false }).visitor();
    await visitor.visit((session) => session.login("ann"));
    const exchange = await visitor.visitThatFails((session) => session.logout());
    expect(exchange.cookies).toEqual([]);
    expect(await visitor.see((session) => session.user)).toBe("ann");
  });

  test("row 11: a request that ends in a 4xx is stored as a successful one, and its cookie is on the error page", async () => {
    const visitor = site().visitor();
    const request = await visitor.arrive();
    request.session.set("lastError", "not found");
    // The error page begins a response of its own.
    request.exchange.headers.clear();
    request.exchange.status = 404;
    await request.leave();
    expect(request.exchange.cookies).toHaveLength(1);
    expect(await visitor.see((session) => session.get("lastError"))).toBe("not found");
  });

  test("row 12: the session's startRequest is called once for each request, before the handler", async () => {
    const started: boolean[] = [];
    class Noting extends Session {
      override startRequest(): void {
        started.push(this.isNew);
      }
    }
    const visitor = site<Noting>(memoryStore(), { sessionClass: Noting }).visitor();
    await visitor.visit((session) => {
      expect(started).toEqual([true]);
      session.set("cart", ["tea"]);
    });
    await visitor.visit();
    expect(started).toEqual([true, false]);
  });

  test("row 12: a startRequest that throws fails the request, and nothing is stored", async () => {
    class Failing extends Session {
      override startRequest(): void {
        this.set("cart", ["tea"]);
        throw new Error("no");
      }
    }
    const shop = site<Failing>(memoryStore(), { sessionClass: Failing });
    const exchange = testExchange();
    expect(() => shop.manager.startRequest(exchange)).toThrow("no");
    await shop.manager.finishFailedRequest(exchange);
    expect(shop.calls.count()).toBe(0);
    expect(exchange.cookies).toEqual([]);
  });

  test("row 12: the user is known anywhere below the handler, also after an await", async () => {
    const shop = site(memoryStore(), { context: true });
    const visitor = shop.visitor();
    await visitor.visit((session) => session.login("ann"));
    const { session } = await visitor.arrive();
    const below = async (): Promise<string | null | undefined> => {
      await Promise.resolve();
      return currentSession()?.user;
    };
    expect(await shop.manager.within(session, below)).toBe("ann");
    expect(currentSession()).toBeNull();
  });
});
