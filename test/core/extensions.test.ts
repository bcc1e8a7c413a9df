import { describe, expect, test } from "vitest";
import { type ExtensionHost, SessionError, type SessionExtension, Token } from "../../src/index.ts";
import { testExchange } from "../support/exchange.ts";
import { refusal, rejection, site } from "../support/site.ts";

/** An extension that counts the requests of a session, and shows the count on the response. */
function counter(over: Partial<SessionExtension> = {}) {
  let host: ExtensionHost | undefined;
  const extension: SessionExtension = {
    name: "counter",
    attach: (given) => void (host = given),
    loaded: (session) => void host?.update(session, (count) => Number(count ?? 0) + 1),
    leaving: (session, exchange) =>
      exchange.setResponseHeader("x-count", String(host?.read(session) ?? "none")),
    ...over,
  };
  return { extension, host: () => host as ExtensionHost };
}

describe("an extension that finds sessions", () => {
  const token = Token.parse("i".repeat(24) + "s".repeat(32)) as Token;
  /** Takes every request without a session for the one of a token, and begins that where there is none. */
  function finder() {
    const { extension, host } = counter({
      find: async (exchange) => {
        const found = await host().open(exchange, token);
        if (found !== null) return found;
        const session = host().begin(exchange, token);
        session.set("begun", true);
        await session.commit();
        return session;
      },
    });
    return extension;
  }

  test("begins one that its token opens until the first secret is shown, and never stores that token", async () => {
    const { visit, store } = site({ extensions: [finder()] });
    const first = await visit(undefined, (session) => expect(session.get("begun")).toBe(true));
    const again = await visit(undefined, (session) => expect(session.id).toBe(token.id));
    expect(again.cookie).toBe(first.cookie);
    const page = await store.all({ limit: 9 }, { signal: new AbortController().signal });
    expect(JSON.stringify(page)).not.toContain(token.reveal().slice(24));
    expect(first.cookie).not.toContain(token.reveal());
  });

  test("is not asked where a cookie opens one", async () => {
    let asked = 0;
    const { extension } = counter({ find: async () => ((asked += 1), null) });
    const { visit } = site({ extensions: [extension] });
    const { cookie } = await visit(undefined, (session) => void (session.data["a"] = 1));
    await visit(cookie, () => undefined);
    expect(asked).toBe(1);
  });

  test("fails a request as a store does, and as the policy for outages says", async () => {
    const failing = { find: () => Promise.reject(new SessionError("ERR_SESSION_STORE_UNAVAILABLE", "no")) };
    const strict = site({ extensions: [counter(failing).extension] });
    await expect(strict.visit(undefined, () => undefined)).rejects.toThrow("no");
    const lenient = site({ extensions: [counter(failing).extension], onStoreFailure: "anonymous" });
    await lenient.visit(undefined, (session) => expect(session.isNew).toBe(true));
  });
});

describe("an extension", () => {
  test("keeps its state with the session, out of the application's sight", async () => {
    const { visit, store } = site({ extensions: [counter().extension] });
    const first = await visit(undefined, (session) => void (session.data["a"] = 1));
    expect(first.exchange.headers.get("x-count")).toBe("none");
    await visit(first.cookie, () => undefined);
    const third = await visit(first.cookie, (session) => expect(session.keys()).toEqual(["a"]));
    expect(third.exchange.headers.get("x-count")).toBe("2");
    expect(JSON.stringify(await store.all({ limit: 9 }, { signal: new AbortController().signal }))).toContain(
      '"~~counter":"2"',
    );
  });

  test("changes it exactly, however many requests overlap", async () => {
    const { visit } = site({ extensions: [counter().extension] });
    const { cookie } = await visit(undefined, (session) => void (session.data["a"] = 1));
    await Promise.all(Array.from({ length: 16 }, () => visit(cookie, () => undefined)));
    const last = await visit(cookie, () => undefined);
    expect(last.exchange.headers.get("x-count")).toBe("17");
  });

  test("sees a session once a request, and no visitor without one", async () => {
    let seen = 0;
    const { extension } = counter({ loaded: () => void (seen += 1) });
    const { manager, visit, open } = site({ extensions: [extension] });
    const { cookie } = await visit(undefined, (session) => void (session.data["a"] = 1));
    expect(seen).toBe(0);
    const { exchange } = await open(cookie);
    await manager.startRequest(exchange);
    expect(seen).toBe(1);
  });

  test("can refuse a request, and end the session for good", async () => {
    const { extension, host } = counter({
      loaded: async ({ id }) => {
        if (id !== null) await host().revoke(id);
        throw new SessionError("ERR_SESSION_REVOKED", "This cookie was stolen.");
      },
    });
    const { manager, visit, open } = site({ extensions: [extension] });
    const { cookie } = await visit(undefined, (session) => session.login("ann"));
    expect(await rejection(open(cookie))).toMatchObject({ code: "ERR_SESSION_REVOKED", status: 401 });
    expect(await manager.sessionsOf("ann")).toEqual([]);
  });

  test("stores what it notes at a login together with the login, or not at all", async () => {
    const { extension, host } = counter({
      loaded: () => undefined,
      login: (session) => void host().update(session, () => "logged in"),
    });
    const { manager, visit, open } = site({ extensions: [extension] });
    const { cookie, session } = await visit(undefined, (session) => session.login("ann"));
    expect(host().read((await open(cookie)).session)).toBe("logged in");
    expect(await host().peek(session.id as never)).toBe("logged in");
    const failed = await open(undefined);
    failed.session.login("bob");
    await manager.finishFailedRequest(failed.exchange);
    expect(failed.exchange.headers.get("x-count")).toBe("none");
    expect(await manager.sessionsOf("bob")).toEqual([]);
  });

  test("keeps nothing of another user's session when a login replaces it", async () => {
    const { extension, host } = counter({
      loaded: () => undefined,
      login: (session) =>
        void host().update(session, (seen) => `${String(seen ?? "")}${String(session.user)};`),
    });
    const { visit, open } = site({ extensions: [extension] });
    const ann = await visit(undefined, (session) => session.login("ann"));
    const bob = await visit(ann.cookie, (session) => session.login("bob"));
    expect(host().read((await open(bob.cookie)).session)).toBe("bob;");
  });

  test("learns at the end whether the request ended the session of a user", async () => {
    const seen: boolean[] = [];
    const { extension } = counter({
      loaded: () => undefined,
      leaving: (_session, _exchange, userLeft) => void seen.push(userLeft),
    });
    const { visit } = site({ extensions: [extension] });
    const { cookie } = await visit(undefined, (session) => session.login("ann"));
    await visit(cookie, (session) => void session.user);
    const other = await visit(cookie, (session) => session.login("bob"));
    await visit(other.cookie, (session) => session.logout());
    expect(seen).toEqual([false, false, true, true]);
  });

  test("can tell what cannot be read from what is not there", async () => {
    const { extension, host } = counter({ loaded: () => undefined });
    const { visit, open, store } = site({ extensions: [extension] });
    const { cookie, session } = await visit(undefined, (session) => void (session.data["a"] = 1));
    expect(host().isStored((await open(cookie)).session)).toBe(false);
    const call = { signal: new AbortController().signal };
    const record = await store.read(session.id as never, call);
    if (record === null) throw new Error("it is gone");
    await store.update(
      record.id,
      { now: record.accessedAt, epoch: record.epoch, set: { "~~counter": "{half" } },
      call,
    );
    const again = (await open(cookie)).session;
    expect([host().read(again), host().isStored(again)]).toEqual([undefined, true]);
  });

  test("looks at no session but a live one by its id", async () => {
    const { extension, host } = counter({
      loaded: () => undefined,
      login: (s) => void host().update(s, () => 1),
    });
    const { manager, visit, clock } = site({ extensions: [extension] });
    const one = (await visit(undefined, (session) => session.login("ann"))).session.id as never;
    const two = (await visit(undefined, (session) => session.login("bob"))).session.id as never;
    await manager.revoke(one);
    expect([await host().peek(one), await host().peek("nonsense" as never)]).toEqual([undefined, undefined]);
    expect(await host().peek(two)).toBe(1);
    clock.advance(400 * 86_400_000);
    expect(await host().peek(two)).toBe(undefined);
  });

  test("guards its own requests by itself against forgery, and the manager all others", () => {
    const { extension } = counter({ owns: ({ method, url }) => method === "POST" && url === "/mine" });
    const { manager } = site({ extensions: [extension] });
    const requestHeaders = { host: "shop.example", "sec-fetch-site": "same-site" };
    const exchange = testExchange({ method: "POST", requestHeaders });
    expect(() => manager.startRequest({ ...exchange, url: "/mine" })).not.toThrow();
    expect(refusal(() => manager.startRequest({ ...exchange, url: "/theirs" })).code).toBe(
      "ERR_SESSION_FORGED",
    );
  });

  test("tells of what happens by the manager's events", () => {
    const { extension, host } = counter();
    const { manager } = site({ extensions: [extension] });
    const told: unknown[] = [];
    manager.on("extension", (event) => void told.push(event));
    const event = { extension: "counter", what: "full", id: null, user: null, address: null, alarming: true };
    host().emit(event);
    expect(told).toEqual([event]);
  });

  test.each([
    [{}, /list/],
    [[null], /no extension/],
    [[{ name: "Upper", attach: () => undefined }], /no extension/],
    [[{ name: "counter" }], /no extension/],
    [[counter().extension, counter().extension], /same name/],
  ])("is refused when it is none: %j", (extensions, message) => {
    expect(refusal(() => site({ extensions: extensions as never })).message).toMatch(message);
  });
});
