import { describe, expect, test } from "vitest";
import { carriedOut, type Steps, waited } from "../../src/core/answer.ts";
import { Events } from "../../src/core/events.ts";
import { Gate } from "../../src/core/gate.ts";
import type { AnyStore } from "../../src/core/store.ts";
import type { SessionId } from "../../src/index.ts";
import { type AnySession, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { manualClock } from "../../src/testing/index.ts";
import { codeOf, noUnhandledRejections } from "../races/rig.ts";
import { cookieAfter, testExchange } from "../support/exchange.ts";

noUnhandledRejections();

const ID = "A".repeat(24) as SessionId;

function managed(store: AnyStore = memoryStore()): SessionManager {
  return new SessionManager({ store, setup: false, sweepEvery: false });
}

/** A whole request in one turn. Gives the cookie that its client holds afterwards. */
function inOneTurn(
  manager: SessionManager,
  cookie: string | undefined,
  handler: (session: AnySession) => unknown,
): string | undefined {
  const exchange = testExchange(cookie === undefined ? {} : { cookie });
  const session = manager.startRequest(exchange);
  if (session instanceof Promise) throw new Error("The session was waited for.");
  handler(session);
  expect(manager.finishSuccessfulRequest(exchange)).toBeUndefined();
  return exchange.cookies.length > 0 ? cookieAfter(exchange) : cookie;
}

describe("where the store answers at once, a request never leaves its turn", () => {
  test("neither one that creates a session, nor one that reads or writes it, logs in or out", () => {
    const manager = managed();
    let cookie = inOneTurn(manager, undefined, ({ data }) => (data["colour"] = "red"));
    inOneTurn(manager, cookie, ({ data }) => expect(data["colour"]).toBe("red"));
    inOneTurn(manager, cookie, ({ data }) => (data["colour"] = "blue"));
    const before = cookie;
    cookie = inOneTurn(manager, cookie, (session) => session.login("ada"));
    inOneTurn(manager, before, (session) => expect(session.user).toBeNull());
    inOneTurn(manager, cookie, ({ user, data }) => expect([user, data["colour"]]).toEqual(["ada", "blue"]));
    inOneTurn(manager, cookie, (session) => session.logout());
    inOneTurn(manager, cookie, (session) => expect(session.isNew).toBe(true));
  });

  test("no timer is set for what is there already, and none is left", () => {
    const clock = manualClock();
    const gate = new Gate(memoryStore(), clock, 2000, new Events(), { setup: false });
    expect(gate.read(ID)).toBeNull();
    expect(gate.delete(ID, {})).toBe("gone");
    expect(clock.pending).toBe(0);
  });

  test("a failure is a rejection all the same, and told by an event", async () => {
    const broken = new Error("the memory is broken");
    const store: AnyStore = Object.assign(memoryStore(), {
      read: () => {
        throw broken;
      },
    });
    const failures: unknown[] = [];
    const manager = managed(store);
    manager.on("storeFailure", ({ error }) => void failures.push(error));
    const exchange = testExchange({ cookie: `x=1; ${cookieName(manager)}=${"A".repeat(56)}` });
    const starting = manager.startRequest(exchange);
    expect(starting).toBeInstanceOf(Promise);
    expect(await codeOf(Promise.resolve(starting))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(failures).toEqual([broken]);
  });

  test("a thenable of another make is waited for", async () => {
    const store: AnyStore = Object.assign(memoryStore(), {
      // oxlint-disable-next-line unicorn/no-thenable -- that is what it is about
      read: () => ({ then: (resolve: (found: null) => void) => resolve(null) }),
    }) as never;
    const gate = new Gate(store, manualClock(), 2000, new Events(), { setup: false });
    expect(await gate.read(ID)).toBeNull();
  });

  test("a listener that commits from inside of a commit stores nothing twice", async () => {
    const manager = managed();
    let inside: Promise<void> | undefined;
    const session = await manager.startRequest(testExchange({}));
    manager.on("created", () => (inside = session.commit()));
    session.data["colour"] = "red";
    await session.commit();
    await inside;
    const ids: string[] = [];
    for await (const { id } of manager.all()) ids.push(id);
    expect(ids).toHaveLength(1);
  });
});

describe("work in steps", () => {
  function* sum(...parts: readonly (number | Promise<number>)[]): Steps<number> {
    let total = 0;
    for (const part of parts) total += yield* waited(part);
    return total;
  }

  test("is done at once where nothing is waited for", () => {
    expect(carriedOut(sum(1, 2))).toBe(3);
  });

  test("waits where it has to, and goes on", async () => {
    const work = carriedOut(sum(1, Promise.resolve(2), 3));
    expect(work).toBeInstanceOf(Promise);
    expect(await work).toBe(6);
  });

  test("is told of a rejection where it waited, and may go on from there", async () => {
    function* patient(): Steps<string> {
      try {
        yield* waited(Promise.reject(new Error("lost")));
      } catch (error) {
        return (yield* waited(Promise.resolve("then "))) + (error as Error).message;
      }
      return "nothing";
    }
    expect(await carriedOut(patient())).toBe("then lost");
  });

  test("rejects with what it throws, at once or later", async () => {
    function* failing(first: unknown): Steps<void> {
      yield* waited(first);
      throw new Error("failed");
    }
    await expect(Promise.resolve(carriedOut(failing(1)))).rejects.toThrow("failed");
    await expect(Promise.resolve(carriedOut(failing(Promise.resolve())))).rejects.toThrow("failed");
  });
});

function cookieName(manager: SessionManager): string {
  return manager.describePolicy().cookie.name;
}
