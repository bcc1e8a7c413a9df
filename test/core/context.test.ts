import { expect, test, vi } from "vitest";
import { currentSession, NullSessionManager, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { testExchange } from "../support/exchange.ts";

test("the current session is that of the request one is in, over any await", async () => {
  const manager = new SessionManager({ store: memoryStore(), context: true });
  const handle = async (name: string): Promise<unknown> => {
    const session = await manager.startRequest(testExchange());
    return manager.within(session, async () => {
      currentSession()?.set("name", name);
      await new Promise((resolve) => setImmediate(resolve));
      expect(currentSession()).toBe(session);
      return currentSession()?.get("name");
    });
  };
  expect(await Promise.all([handle("a"), handle("b"), handle("c")])).toEqual(["a", "b", "c"]);
  expect(currentSession()).toBeNull();
});

test("inside another manager's request the current session is the inner one's, and the outer's afterwards", async () => {
  const outer = new SessionManager({ store: memoryStore(), context: true });
  const inner = new SessionManager({ store: memoryStore(), context: true, cookie: { name: "inner" } });
  const one = await outer.startRequest(testExchange());
  const two = await inner.startRequest(testExchange());
  outer.within(one, () => {
    inner.within(two, () => expect(currentSession()).toBe(two));
    expect(currentSession()).toBe(one);
  });
});

test("without the option, and outside, there is no current session", async () => {
  for (const manager of [new SessionManager({ store: memoryStore() }), new NullSessionManager()]) {
    const session = await manager.startRequest(testExchange());
    expect(manager.within(session as never, () => currentSession())).toBeNull();
  }
});

test("what the handler throws comes out as it is", async () => {
  const manager = new SessionManager({ store: memoryStore(), context: true });
  const session = await manager.startRequest(testExchange());
  const error = new Error("mine");
  expect(() =>
    manager.within(session, () => {
      throw error;
    }),
  ).toThrow(error);
});

test("another copy of the package, which a bundler may have made, knows the current session too", async () => {
  const manager = new SessionManager({ store: memoryStore(), context: true });
  const session = await manager.startRequest(testExchange());
  vi.resetModules();
  const copy = await import("../../src/index.ts");
  expect(copy.SessionManager).not.toBe(SessionManager);
  expect(manager.within(session, () => copy.currentSession())).toBe(session);
  expect(copy.currentSession()).toBeNull();
});
