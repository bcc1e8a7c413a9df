import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { fetchSessions } from "../../src/adapters/fetch.ts";
import { nodeSessions } from "../../src/adapters/node.ts";
import { Session, SessionError, type SessionId, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { cookieJar, failsBefore, faultyStore, manualClock } from "../../src/testing/index.ts";

/** What docs/guide.md says in words, tried: the headings here are those of the page. */

type Options = Partial<ConstructorParameters<typeof SessionManager>[0]>;
type Visit<T> = (session: Session) => T | Promise<T>;

const URL_OF_SITE = "https://shop.test/";
const DAY = 86_400_000;

function site(options: Options = {}) {
  const clock = manualClock();
  const faulty = faultyStore(memoryStore());
  const manager = new SessionManager({ sweepEvery: false, clock, store: faulty.store, ...options });
  const told: string[] = [];
  for (const name of ["gone", "late", "ended", "login", "conflict"] as const)
    manager.on(name, (event) => void told.push(`${name} ${JSON.stringify(event)}`));
  return { clock, faulty, manager, told, visitor: () => visitorOf(manager, clock) };
}

/** A browser. `visit` gives what the handler gave; an error of the commit is thrown. */
function visitorOf(manager: SessionManager, clock: ReturnType<typeof manualClock>) {
  const jar = cookieJar({ clock });
  const sessions = fetchSessions(manager, {
    renderFailure(error) {
      throw error;
    },
  });
  async function visit<T>(handler: Visit<T>): Promise<T> {
    let given: T | undefined;
    const handle = sessions.wrap(async (_request, session) => {
      given = await handler(session);
      return new Response("done");
    });
    const headers = { cookie: jar.header(URL_OF_SITE) ?? "" };
    const response = await handle(new Request(URL_OF_SITE, { headers }));
    jar.take(response.headers.getSetCookie(), URL_OF_SITE);
    return given as T;
  }
  return { jar, visit };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "no error",
    (error: unknown) => (SessionError.is(error) ? error.code : String(error)),
  );
}

const colour = (session: Session): unknown => session.get("colour");

describe("Users and devices", () => {
  test("revoking first and logging in afterwards works in one request, and keeps only what that request assigned", async () => {
    const { manager, visitor } = site();
    const { visit } = visitor();
    await visit((session) => {
      session.login("ann");
      session.set("colour", "red");
    });
    const before = await visit((session) => session.id);
    const elsewhere = visitor();
    await elsewhere.visit((session) => session.login("ann"));
    await visit(async (session) => {
      expect(await manager.revokeUser("ann")).toBe(2);
      session.set("size", 7);
      session.login("ann");
    });
    expect(await elsewhere.visit((session) => session.user)).toBeNull();
    expect(await visit((session) => [session.user, session.get("colour"), session.get("size")])).toEqual([
      "ann",
      undefined,
      7,
    ]);
    expect(await visit((session) => session.id)).not.toBe(before);
  });

  test("a session named in except stays, with all that is in it", async () => {
    const { manager, visitor } = site();
    const { visit } = visitor();
    await visit((session) => session.set("colour", "red").login("ann"));
    await visit(async (session) => {
      await manager.revokeUser("ann", { except: session.id });
      session.reauthenticate({ methods: ["pwd"] });
    });
    expect(await visit((session) => [session.user, session.get("colour")])).toEqual(["ann", "red"]);
  });

  test("revoking after a login that was only staged voids it, and after a commit does not when it is named", async () => {
    const { manager, visitor } = site();
    const { visit } = visitor();
    const wrong = visit(async (session) => {
      session.login("ann");
      await manager.revokeUser("ann");
    });
    expect(await codeOf(wrong)).toBe("ERR_SESSION_REVOKED");
    await visit(async (session) => {
      session.login("ann");
      await session.commit();
      await manager.revokeUser("ann", { except: session.id });
    });
    expect(await visit((session) => session.user)).toBe("ann");
  });

  test("without an index only what needs one is refused", async () => {
    const { create, read, update, delete: remove, traits } = memoryStore();
    const bare = { create, read, update, delete: remove, traits };
    const full = memoryStore();
    const store = Object.fromEntries(
      Object.entries(bare).map(([name, value]) => [
        name,
        typeof value === "function" ? value.bind(full) : value,
      ]),
    ) as unknown as typeof bare;
    const { manager, visitor } = site({ store });
    const { visit } = visitor();
    await visit((session) => session.login("ann"));
    expect(await codeOf(manager.sessionsOf("ann"))).toBe("ERR_SESSION_USE");
    expect(await codeOf(manager.revokeUser("ann"))).toBe("ERR_SESSION_USE");
    expect(await codeOf(manager.revokeAll())).toBe("ERR_SESSION_USE");
    const id = (await visit((session) => session.id)) as SessionId;
    expect(await manager.revoke(id)).toBe(true);
  });
});

describe("When the session ended meanwhile", () => {
  async function late(options: Options, work: Visit<unknown>) {
    const { told, manager, visitor } = site(options);
    const { visit, jar } = visitor();
    await visit((session) => session.set("colour", "red").set("count", 1));
    const slow = visit(async (session) => {
      if (session.id !== null) await manager.revoke(session.id);
      return await work(session);
    });
    return { code: await codeOf(slow), told, visit, cookie: jar.value("__Host-Http-sid") };
  }

  test("a request that only read answers", async () => {
    expect((await late({ onGone: "fail" }, colour)).code).toBe("no error");
  });

  test("assignments and flash messages are dropped with an event, or refused by option", async () => {
    const assign: Visit<unknown> = (session) => session.set("colour", "blue").flash("notice", "hello");
    const dropped = await late({}, assign);
    expect([dropped.code, dropped.told.filter((one) => one.startsWith("gone"))]).toEqual([
      "no error",
      [expect.stringContaining('"fields":["colour"]')],
    ]);
    expect(await dropped.visit(colour)).toBeUndefined();
    expect((await late({ onGone: "fail" }, assign)).code).toBe("ERR_SESSION_GONE");
  });

  test.each([
    ["update", (session) => session.update("count", (count) => Number(count) + 1)],
    ["increment", (session) => session.increment("count")],
    ["take", (session) => session.take("colour")],
    ["rotate", (session) => session.rotate()],
  ] satisfies [string, Visit<unknown>][])("%s is refused", async (_name, work) => {
    expect((await late({}, work)).code).toBe("ERR_SESSION_GONE");
  });

  test("login makes a new session, with what this request assigned or updated and nothing of the old one", async () => {
    const { code, visit } = await late({}, (session) => {
      session.set("size", 7);
      session.increment("count");
      session.login("ann");
    });
    expect(code).toBe("no error");
    expect(
      await visit((session) => [
        session.user,
        session.get("size"),
        session.get("count"),
        session.get("colour"),
      ]),
    ).toEqual(["ann", 7, 1, undefined]);
  });

  test("such a request leaves the cookie alone", async () => {
    expect((await late({}, (session) => session.set("colour", "blue"))).cookie).toBeDefined();
  });
});

describe("Login and logout", () => {
  test("what an anonymous visitor collected is kept; another user begins anew", async () => {
    const { visitor } = site();
    const { visit } = visitor();
    await visit((session) => session.set("colour", "red"));
    const id = await visit((session) => session.id);
    await visit((session) => session.login("ann"));
    expect(await visit((session) => [session.id, colour(session)])).toEqual([id, "red"]);
    await visit((session) => session.set("size", 7).login("bob"));
    expect(await visit((session) => [session.user, colour(session), session.get("size")])).toEqual([
      "bob",
      undefined,
      7,
    ]);
    expect(await visit((session) => session.id)).not.toBe(id);
  });

  test("what is put into a session after its logout goes into a new one", async () => {
    const { visitor } = site();
    const { visit } = visitor();
    await visit((session) => session.set("colour", "red").login("ann"));
    await visit((session) => {
      session.logout();
      expect([session.user, session.keys()]).toEqual([null, []]);
      session.flash("notice", "Goodbye.");
    });
    expect(await visit((session) => [session.user, session.flash("notice")])).toEqual([null, ["Goodbye."]]);
  });
});

describe("Lifetimes", () => {
  test("remember is both the idle and the absolute limit of its session, until a login without it", async () => {
    const { clock, visitor } = site();
    const { visit, jar } = visitor();
    await visit((session) => session.login("ann", { remember: "30d" }));
    jar.endBrowserSession();
    clock.advance(29 * DAY);
    expect(await visit((session) => session.user)).toBe("ann");
    clock.advance(DAY);
    expect(await visit((session) => session.user)).toBeNull();
    await visit((session) => session.login("ann", { remember: "30d" }));
    await visit((session) => session.login("ann"));
    clock.advance(DAY);
    expect(await visit((session) => session.user)).toBeNull();
  });

  test.each([
    ["aal2", 60],
    ["aal3", 15],
  ] as const)(
    "with preset %s a remembered session ends after %i idle minutes all the same",
    async (preset, minutes) => {
      const { clock, visitor } = site({ preset });
      const { visit, jar } = visitor();
      await visit((session) => session.login("ann", { remember: "12h" }));
      jar.endBrowserSession();
      clock.advance(minutes * 60_000 - 1);
      expect(await visit((session) => session.user)).toBe("ann");
      clock.advance(minutes * 60_000);
      expect(await visit((session) => session.user)).toBeNull();
    },
  );
});

describe("Failures", () => {
  test("an anonymous session of an outage refuses every change and leaves the cookie", async () => {
    const { faulty, visitor } = site({ onStoreFailure: "anonymous" });
    const { visit, jar } = visitor();
    await visit((session) => session.set("colour", "red"));
    const cookie = jar.value("__Host-Http-sid");
    faulty.always("read", failsBefore());
    expect(await visit(colour)).toBeUndefined();
    const refused = visit((session) => session.set("colour", "blue"));
    expect(await codeOf(refused)).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    faulty.heal();
    expect([jar.value("__Host-Http-sid"), await visit(colour)]).toEqual([cookie, "red"]);
  });

  test("a logout that cannot reach the store fails and leaves the cookie, so that it can be repeated", async () => {
    const { faulty, visitor } = site();
    const { visit } = visitor();
    await visit((session) => session.login("ann"));
    faulty.always("delete", failsBefore());
    expect(await codeOf(visit((session) => session.logout()))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    faulty.heal();
    expect(await visit((session) => session.user)).toBe("ann");
    await visit((session) => session.logout());
    expect(await visit((session) => session.user)).toBeNull();
  });

  test("what a refused commit staged is tried again at the end", async () => {
    const { visitor } = site();
    const { visit } = visitor();
    await visit((session) => session.set("size", 7));
    await visit(async (session) => {
      session.set("colour", () => "red");
      expect(await codeOf(session.commit())).toBe("ERR_SESSION_VALUE");
      session.set("colour", "red");
    });
    expect(await visit(colour)).toBe("red");
    const again = visit(async (session) => {
      session.set("colour", () => "red");
      expect(await codeOf(session.commit())).toBe("ERR_SESSION_VALUE");
    });
    expect(await codeOf(again)).toBe("ERR_SESSION_VALUE");
  });
});

describe("A session class of your own", () => {
  class Cart extends Session {
    override hasInfo(): boolean {
      return this.has("cart");
    }
  }

  test("while hasInfo is false nothing is stored, and a stored session is ended", async () => {
    const { told, visitor } = site({ sessionClass: Cart as never });
    const { visit, jar } = visitor();
    await visit((session) => session.set("colour", "red"));
    expect(jar.cookies()).toEqual([]);
    await visit((session) => session.set("colour", "red").set("cart", []));
    expect(await visit(colour)).toBe("red");
    await visit((session) => session.delete("cart"));
    expect(jar.cookies()).toEqual([]);
    expect(told).toEqual([expect.stringContaining('"reason":"emptied"')]);
  });
});

describe("Saving now, and streams", () => {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  async function streaming(work: (session: Session, response: ServerResponse) => unknown) {
    const { manager, told } = site();
    let handler: typeof work = (session, response) => {
      session.login("ann");
      response.end();
    };
    const listener = nodeSessions(manager).wrap((_request, response, session) => handler(session, response));
    const server = createServer(listener);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const jar = cookieJar();
    async function visit(): Promise<void> {
      const response = await fetch(url, { headers: { cookie: jar.header(url) ?? "" } });
      await response.text();
      jar.take(response.headers.getSetCookie(), url);
    }
    await visit();
    told.splice(0);
    handler = work;
    return { manager, told, jar, visit };
  }

  /** The headers are out: what was held before them is stored. */
  async function begun(session: Session, response: ServerResponse): Promise<void> {
    session.has("colour");
    response.write("first");
    await new Promise((resolve) => {
      response.write("second", resolve);
    });
  }

  test("a change after the headers is stored with an event in node, and a login throws", async () => {
    const { visit, told } = await streaming(async (session, response) => {
      await begun(session, response);
      expect(() => session.login("bob")).toThrow(/has left/);
      session.set("colour", "red");
      response.end();
    });
    await visit();
    expect(told).toEqual([expect.stringMatching(/^late .*"fields":\["colour"\],"saved":true/)]);
  });

  test("what is put into a session that is not stored is lost with an event", async () => {
    const { visit, told, jar } = await streaming(async (session, response) => {
      await begun(session, response);
      session.set("colour", "red");
      response.end();
    });
    jar.endBrowserSession();
    await visit();
    expect(told).toEqual([expect.stringMatching(/^late .*"fields":\["colour"\],"saved":false/)]);
    expect(jar.cookies()).toEqual([]);
  });

  test("a logout after the headers deletes the record; the cookie stays and opens nothing", async () => {
    const { visit, manager, jar } = await streaming(async (session, response) => {
      await begun(session, response);
      session.logout();
      response.end();
    });
    await visit();
    expect(jar.cookies()).toHaveLength(1);
    expect(await manager.sessionsOf("ann")).toEqual([]);
  });
});
