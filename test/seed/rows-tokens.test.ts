import { describe, expect, test } from "vitest";
import type { Session } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { COOKIE_NAME, onEveryStore, site, stored } from "./support.ts";

describe("rows 18 and 19: tokens inside a session", () => {
  onEveryStore("row 18: a form token is good once", async ({ store }) => {
    const visitor = site(store).visitor();
    let token = "";
    await visitor.visit((session) => (token = session.createFormToken()));
    expect(await visitor.see((session) => session.hasFormToken(token))).toBe(true);
    const used: boolean[] = [];
    await visitor.visit((session) => used.push(session.removeFormToken(token)));
    await visitor.visit((session) => used.push(session.removeFormToken(token)));
    expect(used).toEqual([true, false]);
  });

  test("row 18: 32 form tokens are outstanding at most, and the oldest goes first", async () => {
    const visitor = site().visitor();
    const tokens: string[] = [];
    for (let form = 0; form < 40; form += 1)
      await visitor.visit((session) => tokens.push(session.createFormToken()));
    expect(new Set(tokens).size).toBe(40);
    const outstanding = await visitor.see((session) => tokens.map((token) => session.hasFormToken(token)));
    expect(outstanding).toEqual([...Array<boolean>(8).fill(false), ...Array<boolean>(32).fill(true)]);
  });

  test("row 18: whatever else a client sends is no form token, and removing it is no error", async () => {
    const visitor = site().visitor();
    let token = "";
    await visitor.visit((session) => (token = session.createFormToken()));
    await visitor.visit((session) => {
      for (const sent of [undefined, null, 1, "", "x", [token], { token }, `${token}x`, token.slice(0, -1)]) {
        expect(session.hasFormToken(sent)).toBe(false);
        expect(session.removeFormToken(sent)).toBe(false);
      }
    });
    expect(
      await site()
        .visitor()
        .see((session) => session.hasFormToken(token)),
    ).toBe(false);
  });

  onEveryStore(
    "row 18: of two requests that use one form token at the same time, one succeeds",
    async ({ store }) => {
      const visitor = site(store).visitor();
      let token = "";
      await visitor.visit((session) => (token = session.createFormToken()));
      const requests = [await visitor.arrive(), await visitor.arrive()];
      for (const { session } of requests) {
        expect(session.removeFormToken(token)).toBe(true);
        // Kept alive by other data, so that using up the last token does not end the session.
        session.set("sent", true);
      }
      const outcomes = await Promise.allSettled(requests.map((request) => request.leave()));
      expect(outcomes.map((outcome) => outcome.status).toSorted()).toEqual(["fulfilled", "rejected"]);
      expect(outcomes).toContainEqual(
        expect.objectContaining({
          reason: expect.objectContaining({ code: "ERR_SESSION_CONFLICT" }) as unknown,
        }),
      );
    },
  );

  test("row 19: the token against forged requests stays the same for a session and differs between two", async () => {
    const shop = site();
    const visitor = shop.visitor();
    const tokens: string[] = [];
    await visitor.visit((session) => tokens.push(session.csrfToken(), session.csrfToken()));
    await visitor.visit((session) => tokens.push(session.csrfToken()));
    await shop.visitor().visit((session) => tokens.push(session.csrfToken()));
    expect(new Set(tokens.slice(0, 3)).size).toBe(1);
    expect(tokens[3]).not.toBe(tokens[0]);
  });

  test("row 19: only the very text is the token: no list, no other type, nothing before one was made", async () => {
    const visitor = site().visitor();
    expect(await visitor.see((session) => session.isCsrfToken(""))).toBe(false);
    expect(await visitor.see((session) => session.isCsrfToken(undefined))).toBe(false);
    let token = "";
    await visitor.visit((session) => (token = session.csrfToken()));
    await visitor.visit((session) => {
      expect(session.isCsrfToken(token)).toBe(true);
      for (const sent of [undefined, null, "", [token], { token }, `${token} `, token.slice(1)])
        expect(session.isCsrfToken(sent)).toBe(false);
    });
  });
});

describe("rows 21 and 22: ids and secrets", () => {
  test("row 21: an id that is taken is not given again: another one is minted", async () => {
    const store = memoryStore();
    const shop = site(store);
    const tried: string[] = [];
    shop.calls.next("create", () => Promise.resolve(false), 2);
    const visitor = shop.visitor();
    await visitor.visit((session) => session.set("cart", ["tea"]));
    for (const one of shop.calls.calls) if (one.operation === "create") tried.push(String(one.subject));
    expect(new Set(tried).size).toBe(3);
    expect(await visitor.see((session) => session.id)).toBe(tried[2]);
    expect(await stored(store)).toHaveLength(1);
  });

  test("row 21: an id has 144 random bits and a secret 192", async () => {
    const shop = site();
    expect(shop.manager.describePolicy().token).toEqual({
      idBits: 144,
      secretBits: 192,
      storedAs: "SHA-256",
    });
    const values = new Set<string>();
    for (let visit = 0; visit < 200; visit += 1) {
      const { cookies } = await shop.visitor().visit((session) => session.set("count", visit));
      expect(cookies[0]?.value).toMatch(/^[\w-]{56}$/);
      values.add(cookies[0]?.value.slice(0, 24) ?? "").add(cookies[0]?.value.slice(24) ?? "");
    }
    expect(values.size).toBe(400);
  });

  onEveryStore(
    "row 22: login, reauthenticate and rotate give a new secret to the same session, and the old one is dead at once",
    async ({ store }) => {
      const shop = site(store);
      const visitor = shop.visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      const id = await visitor.see((session) => session.id);
      const verbs: readonly ((session: Session) => void)[] = [
        (session) => session.login("ann"),
        (session) => session.reauthenticate(),
        (session) => session.rotate(),
      ];
      for (const verb of verbs) {
        const old = visitor.cookie ?? "";
        await visitor.visit((session) => verb(session));
        expect(visitor.cookie).not.toBe(old);
        expect(await visitor.see((session) => session.id)).toBe(id);
        const thief = await shop.visitor().arrive({ cookie: old });
        expect(thief.session.isNew).toBe(true);
        expect(await stored(store)).toHaveLength(1);
      }
      expect(await visitor.see((session) => session.get("cart"))).toEqual(["tea"]);
    },
  );

  test("row 22: with rotateEvery the secret is renewed by itself, and the one before opens for a short grace", async () => {
    const shop = site(memoryStore(), { rotateEvery: "10m", rotationGrace: "30s" });
    const visitor = shop.visitor();
    await visitor.visit((session) => session.set("cart", ["tea"]));
    const old = visitor.cookie ?? "";
    shop.clock.advance(600_000);
    await visitor.visit((session) => session.get("cart"));
    expect(visitor.cookie).not.toBe(old);
    await visitor.visit();
    const late = await shop.visitor().arrive({ cookie: old });
    expect(late.session.get("cart")).toEqual(["tea"]);
    shop.clock.advance(30_000);
    const tooLate = await shop.visitor().arrive({ cookie: old });
    expect(tooLate.session.isNew).toBe(true);
    expect(old).toContain(COOKIE_NAME);
  });
});
