import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import expressSession, { type Store } from "express-session";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expressSessions } from "../../src/adapters/express.ts";
import { fromExpressSession } from "../../src/adopt/express-session.ts";
import { fromCookieSession } from "../../src/adopt/cookie-session.ts";
import { fromFastifySession } from "../../src/adopt/fastify-session.ts";
import { fromIronSession } from "../../src/adopt/iron-session.ts";
import { fromKoaSession } from "../../src/adopt/koa-session.ts";
import { adopt, type AdoptSource } from "../../src/adopt.ts";
import { SessionError, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { failsBefore, losesReply } from "../../src/testing/index.ts";
import { testExchange } from "../support/exchange.ts";
import { dataOf, newSite } from "./new-site.ts";
import {
  after,
  type Cookies,
  expressSite,
  headerOf,
  OLDER_SECRET,
  type OldSite,
  SECRET,
} from "./old-sites.ts";

const NONE: Cookies = new Map();
const DATA = { userId: "ann", cart: ["tea"] };
const DAY = 86_400_000;

let site: OldSite;
let store: Store;
beforeAll(async () => {
  store = new expressSession.MemoryStore();
  site = await expressSite(store);
});
afterAll(() => site.close());

/** A source whose store does as told, over the sound one. */
function over(given: Partial<Pick<Store, "get" | "destroy">>): AdoptSource {
  return fromExpressSession({
    secret: SECRET,
    store: {
      get: (sid, done) => store.get(sid, done),
      destroy: (sid, done) => store.destroy(sid, done),
      ...given,
    },
  });
}

describe("economy", () => {
  test("a request with its new cookie, or with none, asks no store more", async () => {
    let asked = 0;
    const source = over({
      get(sid, done) {
        asked += 1;
        store.get(sid, done);
      },
    });
    const { visit, faulty } = newSite(source, { old: "keep" });
    const { cookies } = await visit(await site.visit(DATA), dataOf);
    // The first request with the new secret notes that it arrived.
    await visit(cookies, dataOf);
    expect(asked).toBe(1);
    const before = faulty.calls.length;
    await visit(cookies, dataOf);
    expect(faulty.calls.slice(before).map(({ operation }) => operation)).toEqual(["read"]);
    await visit(NONE, dataOf);
    await visit(new Map([["another", "cookie"]]), dataOf);
    expect(faulty.calls.length).toBe(before + 1);
    expect(asked).toBe(1);
  });

  test("a cookie that is forged costs no call of any store", async () => {
    const { visit, faulty } = newSite(over({ get: () => expect.unreachable("the old store was asked") }));
    await visit(new Map([["connect.sid", "s%3Aabc.def"]]), dataOf);
    expect(faulty.calls).toEqual([]);
  });
});

describe("secrets", () => {
  test("every secret of a list is taken, and none besides", async () => {
    const older = await expressSite(store, { secret: OLDER_SECRET });
    const other = await expressSite(store, { secret: "quite another secret" });
    const { visit } = newSite(site.source);
    expect((await visit(await older.visit(DATA), (session) => session.user)).given).toBe("ann");
    expect((await visit(await other.visit(DATA), (session) => session.user)).given).toBeNull();
    await older.close();
    await other.close();
  });

  test("what the old store holds does not open the new session", async () => {
    const { visit } = newSite(site.source, { old: "keep" });
    const old = await site.visit(DATA);
    await visit(old, dataOf);
    const [, sid = ""] = /^s%3A([^.]+)\./.exec(old.get("connect.sid") ?? "") ?? [];
    for (const value of [sid, `s:${sid}`, `s:${sid}.`, `s:${sid}.${sid}`])
      expect((await visit(new Map([["connect.sid", value]]), (session) => session.user)).given).toBeNull();
  });
});

describe("one old session becomes one new one", () => {
  test("in two processes at the same time too", async () => {
    const shared = memoryStore();
    const [one, other] = [
      newSite(site.source, {}, { store: shared }),
      newSite(site.source, {}, { store: shared }),
    ];
    const old = await site.visit(DATA);
    const visits = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? one : other).visit(old, (session) => {
          session.increment("seen");
          return session.id;
        }),
      ),
    );
    expect(new Set(visits.map(({ given }) => given)).size).toBe(1);
    expect((await one.visit(visits[7]?.cookies ?? NONE, (session) => session.get("seen"))).given).toBe(20);
  });

  test("its answer may be lost: the old cookie leads to the same session until the new one is shown, and a little longer", async () => {
    const { visit, clock } = newSite(site.source);
    const old = await site.visit(DATA);
    const lost = await visit(old, (session) => session.id);
    const again = await visit(old, (session) => session.id);
    expect([again.given, again.cookies.get("__Host-Http-sid")]).toEqual([
      lost.given,
      lost.cookies.get("__Host-Http-sid"),
    ]);
    await visit(again.cookies, dataOf);
    expect((await visit(old, (session) => session.id)).given).toBe(lost.given);
    clock.advance(10 * 60_000);
    expect((await visit(old, (session) => session.id)).given).toBeNull();
    expect((await visit(again.cookies, (session) => session.id)).given).toBe(lost.given);
  });

  test("a process that dies on the way loses nothing: another adopts it", async () => {
    const { visit, faulty } = newSite(site.source);
    const old = await site.visit(DATA);
    // The read of the session, the mark that announces, the session itself, the mark again.
    const faults = [
      ["read", failsBefore()],
      ["create", failsBefore()],
      ["create", losesReply()],
      ["update", failsBefore()],
    ] as const;
    for (const [operation, fault] of faults) {
      faulty.next(operation, fault);
      const { status } = await visit(old, dataOf);
      expect([operation, [200, 503].includes(status)]).toEqual([operation, true]);
    }
    expect((await visit(old, dataOf)).given).toEqual(DATA);
  });
});

describe("a store that fails", () => {
  test("the old one: the request fails, or has no session, as said; and the next one adopts", async () => {
    let fails = true;
    const source = over({
      get: (sid, done) => (fails ? done(new Error("the old store is down")) : store.get(sid, done)),
    });
    const old = await site.visit(DATA);
    const strict = newSite(source, { old: "keep" });
    expect((await strict.visit(old, dataOf)).status).toBe(503);
    const lenient = newSite(source, { onFailure: "none" });
    const { given, status, lines } = await lenient.visit(old, dataOf);
    expect([given, status, lines]).toEqual([{}, 200, []]);
    expect(lenient.told.map(({ what }) => what)).toEqual(["old store failed"]);
    fails = false;
    expect((await strict.visit(old, dataOf)).given).toEqual(DATA);
    expect((await lenient.visit(old, dataOf)).given).toEqual(DATA);
  });

  test("the old one, that never answers: within the deadline", async () => {
    const { visit, clock } = newSite(over({ get: () => undefined }), { deadline: "1s" });
    const visiting = visit(await site.visit(DATA), dataOf);
    clock.advance(1000);
    expect((await visiting).status).toBe(503);
  });

  test("the old one, while it is to delete: the session is adopted, and not again", async () => {
    const source = over({ destroy: (_sid, done) => void done?.(new Error("no")) });
    const { visit, told } = newSite(source);
    const old = await site.visit(DATA);
    const first = await visit(old, (session) => session.user);
    expect(first.given).toBe("ann");
    expect(told.map(({ what }) => what)).toEqual(["adopted", "not removed"]);
    await visit(first.cookies, (session) => session.logout());
    expect((await visit(old, (session) => session.user)).given).toBeNull();
  });

  test("a garbled record of the old one is no session", async () => {
    const { visit } = newSite(over({ get: (_sid, done) => done(new SyntaxError("Unexpected token")) }));
    expect((await visit(await site.visit(DATA), dataOf)).given).toEqual({});
  });
});

describe("who is revoked stays so", () => {
  test("a revocation of the user voids their sessions that are not adopted yet", async () => {
    const { visit, manager, clock } = newSite(site.source);
    const [one, other] = [await site.visit(DATA), await site.visit(DATA)];
    await visit(one, dataOf);
    clock.advance(1000);
    expect(await manager.revokeUser("ann")).toBe(1);
    clock.advance(3_600_000);
    expect((await visit(other, (session) => [dataOf(session), session.user])).given).toEqual([{}, null]);
    clock.advance(2 * DAY);
    expect((await visit(other, (session) => session.user)).given).toBeNull();
    expect(await manager.sessionsOf("ann")).toEqual([]);
  });

  test("the new session is ended by its label like any other", async () => {
    const { visit, manager } = newSite(site.source, { old: "keep" });
    const old = await site.visit(DATA);
    const { cookies } = await visit(old, dataOf);
    expect(await manager.revokeUser("ann")).toBe(1);
    expect((await visit(new Map([...old, ...cookies]), (session) => session.user)).given).toBeNull();
  });
});

describe("going back", () => {
  test("with the old sessions kept, the old application finds them, and the next round adopts them anew", async () => {
    const shared = memoryStore();
    const first = newSite(site.source, { old: "keep" }, { store: shared });
    const { cookies } = await first.visit(await site.visit(DATA), (session) => session.set("cart", ["new"]));
    // The old application is back, and goes on with what it had.
    expect(await site.shown(cookies)).toEqual(DATA);
    const later = await site.visit({ cart: ["tea", "milk"] }, cookies);
    const withoutNew = new Map([...later].filter(([name]) => name === "connect.sid"));
    // Whoever still has the new cookie goes on with the new session; whoever has lost it is not adopted twice, unless it is another round.
    const second = newSite(site.source, { round: "2" }, { store: shared });
    expect((await second.visit(later, (session) => session.get("cart"))).given).toEqual(["new"]);
    expect((await second.visit(withoutNew, (session) => session.get("cart"))).given).toEqual(["tea", "milk"]);
  });

  test("a logout in the new application is one in the old application too", async () => {
    const { visit } = newSite(site.source, { old: "keep" });
    const { cookies } = await visit(await site.visit(DATA), dataOf);
    const left = await visit(cookies, (session) => session.logout());
    expect(await site.shown(left.cookies)).toEqual({});
  });
});

describe("what becomes of the data", () => {
  test("the application makes the new data of the old, and says who it is and how it is remembered", async () => {
    const { visit, manager } = newSite(site.source, {
      data: async ({ cart }) => ({ basket: cart }),
      login: ({ userId }) => ({ user: `user-${String(userId)}`, methods: ["pwd"], tenant: "7" }),
    });
    const { given } = await visit(await site.visit(DATA), (session) => [
      dataOf(session),
      session.user,
      session.methods,
    ]);
    expect(given).toEqual([{ basket: ["tea"] }, "user-ann", ["pwd"]]);
    expect(await manager.revokeWhere({ tenant: "7" })).toBe(1);
  });

  test("one that the application does not want stays where it is", async () => {
    const { visit } = newSite(site.source, { data: () => null });
    const old = await site.visit(DATA);
    const { given, cookies } = await visit(old, dataOf);
    expect([given, cookies]).toEqual([{}, old]);
    expect((await newSite(site.source).visit(old, dataOf)).given).toEqual(DATA);
  });

  test("one that breaks the new limits is told and left, and the visitor served", async () => {
    const { visit, told } = newSite(site.source, {}, { maxRecordBytes: 1024 });
    const old = await site.visit({ ...DATA, large: "x".repeat(2000) });
    const { given, status } = await visit(old, dataOf);
    expect([given, status]).toEqual([{}, 200]);
    expect(told.map(({ what, details }) => [what, details?.["code"]])).toEqual([
      ["refused", "ERR_SESSION_LIMIT"],
    ]);
    expect((await newSite(site.source).visit(old, (session) => session.user)).given).toBe("ann");
  });

  test("one without anything in it becomes none, and is cleared away", async () => {
    const empty = await expressSite(store, { saveUninitialized: true });
    const { visit, manager } = newSite(site.source);
    const { given } = await visit(await empty.visit({}), (session) => session.isNew);
    expect(given).toBe(true);
    for await (const one of manager.all()) expect.unreachable(`${one.id} is there`);
    await empty.close();
  });

  test("nobody is logged in by data alone", async () => {
    const { visit } = newSite(site.source, { login: () => null });
    expect((await visit(await site.visit(DATA), (session) => [dataOf(session), session.user])).given).toEqual(
      [DATA, null],
    );
  });
});

test("two sources of one cookie are tried in their order, and the cookie is expired once", async () => {
  const elsewhere = await expressSite(new expressSession.MemoryStore());
  const { visit } = newSite([elsewhere.source, site.source], { old: "keep" });
  const { given, cookies } = await visit(await site.visit(DATA), (session) => session.user);
  expect(given).toBe("ann");
  const left = await visit(cookies, (session) => session.logout());
  expect(left.lines.filter((line) => line.startsWith("connect.sid="))).toHaveLength(1);
  await elsewhere.close();
});

test("where no cookie can be set nothing is adopted, and nothing lost", async () => {
  const { manager, visit } = newSite(site.source);
  const old = await site.visit(DATA);
  const exchange = testExchange({ cookie: headerOf(old), readOnly: "a server component has no response" });
  const session = await manager.startRequest(exchange);
  expect(dataOf(session)).toEqual({});
  expect((await visit(old, dataOf)).given).toEqual(DATA);
});

test("a request that fails after it was adopted has its new cookie all the same", async () => {
  const { manager } = newSite(site.source);
  const exchange = testExchange({ cookie: headerOf(await site.visit(DATA)) });
  const session = await manager.startRequest(exchange);
  session.set("cart", ["lost"]);
  await manager.finishFailedRequest(exchange);
  expect(exchange.cookies.map(({ name }) => name)).toEqual(["__Host-Http-sid", "connect.sid"]);
});

test("in an Express application", async () => {
  const manager = new SessionManager<{ cart: string[] }>({
    store: memoryStore(),
    extensions: [adopt({ sources: [site.source], login: ({ userId }) => String(userId) })],
  });
  const sessions = expressSessions(manager);
  const app = express();
  app.use(sessions);
  app.get("/", (req, res) => {
    const session = sessions.of(req);
    session.data.cart = [...(session.data.cart ?? []), "milk"];
    res.redirect(`/${session.user ?? "nobody"}/${session.data.cart.join("-")}`);
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const visit = async (cookies: Cookies): Promise<[string | null, Cookies]> => {
    const response = await fetch(url, { headers: { cookie: headerOf(cookies) }, redirect: "manual" });
    return [response.headers.get("location"), after(cookies, response.headers.getSetCookie())];
  };
  const [first, cookies] = await visit(await site.visit(DATA));
  expect([first, [...cookies.keys()]]).toEqual(["/ann/tea-milk", ["__Host-Http-sid"]]);
  expect((await visit(cookies))[0]).toBe("/ann/tea-milk-milk");
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test("options that cannot work are refused, and the mend is named", () => {
  const wrong: (() => unknown)[] = [
    () => adopt({ sources: [] }),
    () => adopt({ sources: [site.source], old: "forget" as never }),
    () => adopt({ sources: [site.source], logins: () => null } as never),
    () => fromExpressSession({ store, secret: [] }),
    () => fromExpressSession({ store: {} as never, secret: SECRET }),
    () => fromFastifySession({ store, secret: SECRET, algorithm: "no such one" }),
    () => fromKoaSession({ keys: SECRET as never }),
    () => fromCookieSession({ keys: [""] }),
    () => fromIronSession({ cookieName: "iron" } as never),
  ];
  for (const make of wrong)
    expect(make).toThrow(
      expect.toSatisfy((error) => SessionError.is(error) && error.code === "ERR_SESSION_CONFIG"),
    );
});
