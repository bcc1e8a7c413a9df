import { expect, test } from "vitest";
import { currentSession, NullSessionManager, type Session } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { testExchange } from "../support/exchange.ts";
import { COOKIE_NAME, onEveryStore, site } from "./support.ts";

onEveryStore("row 39: the three hooks carry a request from its cookie to its commit", async ({ store }) => {
  const { manager } = site(store);
  const exchange = testExchange();
  const session = await manager.startRequest(exchange);
  expect(await manager.startRequest(exchange)).toBe(session);
  session.set("cart", ["tea"]);
  expect(exchange.cookies).toEqual([]);
  await manager.finishSuccessfulRequest(exchange);
  expect(exchange.cookies).toHaveLength(1);

  const failing = testExchange({ cookie: `${COOKIE_NAME}=${exchange.cookies[0]?.value}` });
  (await manager.startRequest(failing)).set("cart", []);
  await manager.finishFailedRequest(failing);
  const last = testExchange({ cookie: `${COOKIE_NAME}=${exchange.cookies[0]?.value}` });
  expect((await manager.startRequest(last)).get("cart")).toEqual(["tea"]);
});

test("row 39: a hook that comes twice, or for a request that never started, does nothing", async () => {
  const shop = site();
  const exchange = testExchange();
  await shop.manager.finishSuccessfulRequest(exchange);
  await shop.manager.finishFailedRequest(exchange);
  const session = await shop.manager.startRequest(exchange);
  session.set("cart", ["tea"]);
  await shop.manager.finishSuccessfulRequest(exchange);
  await shop.manager.finishSuccessfulRequest(exchange);
  await shop.manager.finishFailedRequest(exchange);
  expect(shop.calls.count("create")).toBe(1);
  expect(exchange.cookies).toHaveLength(1);
});

test("row 39: a change after the response left is stored late where the adapter can, and refused where it cannot", async () => {
  const shop = site();
  const visitor = shop.visitor();
  await visitor.visit((session) => session.set("cart", ["tea"]));

  const whole = await visitor.arrive();
  await whole.leave();
  expect(() => whole.session.set("cart", [])).toThrow(
    expect.objectContaining({ code: "ERR_SESSION_SENT" }) as Error,
  );

  const late: unknown[] = [];
  shop.manager.on("late", (event) => late.push(event));
  const streaming = await visitor.arrive({ commitsLate: true });
  await streaming.leave();
  streaming.session.set("cart", ["rice"]);
  // Only the hook for what is late stores it.
  await streaming.leave();
  expect(await visitor.see((session) => session.get("cart"))).toEqual(["tea"]);
  await shop.manager.finishLate(streaming.exchange);
  expect(late).toMatchObject([{ fields: ["cart"], saved: true }]);
  expect(await visitor.see((session) => session.get("cart"))).toEqual(["rice"]);
});

test("row 39: overlapping requests each see their own session by currentSession", async () => {
  const shop = site(memoryStore(), { context: true });
  const [ann, bob] = [shop.visitor(), shop.visitor()];
  await ann.visit((session) => session.login("ann"));
  await bob.visit((session) => session.login("bob"));
  const seen = await Promise.all(
    [ann, bob].map(async (visitor) => {
      const { session } = await visitor.arrive();
      return await shop.manager.within(session, async () => {
        await Promise.resolve();
        return currentSession()?.user;
      });
    }),
  );
  expect(seen).toEqual(["ann", "bob"]);
});

test("row 40: the manager that manages nothing gives each request an empty session and stores nothing", async () => {
  const manager = new NullSessionManager();
  const exchange = testExchange({ cookie: `${COOKIE_NAME}=${"A".repeat(56)}` });
  const session: Session = manager.startRequest(exchange);
  expect(manager.startRequest(exchange)).toBe(session);
  session.set("cart", ["tea"]);
  session.login("ann");
  expect(session.get("cart")).toEqual(["tea"]);
  expect(session.id).toBeNull();
  manager.finishSuccessfulRequest(exchange);
  expect(exchange.cookies).toEqual([]);
  expect(manager.startRequest(testExchange()).keys()).toEqual([]);
});
