import { expect, test } from "vitest";
import { NullSessionManager } from "../../src/index.ts";
import { testExchange } from "../support/exchange.ts";

test("a session of the null manager takes every verb, and lasts as long as its request", async () => {
  const manager = new NullSessionManager();
  const exchange = testExchange({ cookie: `__Host-Http-sid=${"A".repeat(56)}` });
  const session = manager.startRequest(exchange);
  session.set("a", 1).set("state", "s");
  session.data["list"] = [1];
  (session.data["list"] as number[]).push(2);
  session.increment("n");
  session.flash("notice", "m");
  session.login("ann", { methods: ["pwd"], remember: "30d" });
  session.reauthenticate();
  session.requireFresh("5m");
  session.rotate();
  expect(session.isCsrfToken(session.csrfToken())).toBe(true);
  expect(session.removeFormToken(session.createFormToken())).toBe(true);
  await session.commit();
  expect(await session.claim("state")).toBe("s");
  expect(await session.claim("state")).toBeUndefined();
  expect(session).toMatchObject({ user: "ann", id: null, isNew: true });
  expect({ ...session.data }).toEqual({ a: 1, list: [1, 2], n: 1 });
  expect(session.flash("notice")).toEqual(["m"]);
  expect(manager.startRequest(exchange)).toBe(session);
  session.logout();
  expect(session.user).toBeNull();

  manager.commitEarly(exchange);
  await manager.commitByHand(exchange, "always");
  manager.finishSuccessfulRequest(exchange);
  manager.finishFailedRequest(exchange);
  manager.finishLate(exchange);
  manager.abandon(exchange);
  expect([exchange.cookies, [...exchange.headers]]).toEqual([[], []]);
  expect(manager.startRequest(testExchange()).keys()).toEqual([]);
});

test("sessions of two requests know nothing of each other", () => {
  const manager = new NullSessionManager();
  manager.startRequest(testExchange()).set("a", 1);
  expect(manager.newSession().get("a")).toBeUndefined();
});
