import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { inspect } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test } from "vitest";
import { fetchSessions } from "../../src/adapters/fetch.ts";
import { serializeCookie, type Session, type SessionId, SessionManager } from "../../src/index.ts";
import { directoryStore } from "../../src/stores/directory.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { manualClock } from "../../src/testing/clock.ts";
import { damageOf } from "../stores/directory/damage.ts";
import { Pause, steppedStore } from "../stores/directory/stepped.ts";
import { change, ID, NOW, record, temporaryFolder } from "../stores/directory/support.ts";
import { testExchange } from "../support/exchange.ts";
import {
  call,
  COOKIE_NAME,
  DAY,
  DIRECTORY,
  HOUR,
  MINUTE,
  onEveryStore,
  onStore,
  type Place,
  setUp,
  site,
  stored,
} from "./support.ts";

describe("D1 to D3: ids, limits, rotation", () => {
  onEveryStore("D1: two ids that differ in case alone are two sessions", async ({ store }) => {
    const lower = record({ id: "abcdefghijklmnopqrstuvwx" as SessionId, fields: { name: '"lower"' } });
    const upper = record({ id: "ABCDEFGHIJKLMNOPQRSTUVWX" as SessionId, fields: { name: '"upper"' } });
    await setUp(store);
    expect(await store.create(lower, call())).toBe(true);
    expect(await store.create(upper, call())).toBe(true);
    expect((await store.read(lower.id, call()))?.fields["name"]).toBe('"lower"');
    expect(await store.delete(upper.id, {}, call())).toBe("done");
    expect((await store.read(lower.id, call()))?.fields["name"]).toBe('"lower"');
  });

  test("D2: a manager without options has an idle and an absolute limit", async () => {
    const shop = site();
    const [idle, busy] = [shop.visitor(), shop.visitor()];
    await idle.visit((session) => session.set("cart", ["tea"]));
    await busy.visit((session) => session.set("cart", ["tea"]));
    shop.clock.advance(DAY);
    expect(await idle.see((session) => session.isNew)).toBe(true);

    await busy.visit((session) => session.set("cart", ["tea"]));
    for (let half = 1; half < 60; half += 1) {
      shop.clock.advance(12 * HOUR);
      expect(await busy.see((session) => session.isNew)).toBe(false);
    }
    shop.clock.advance(12 * HOUR);
    expect(await busy.see((session) => session.isNew)).toBe(true);
  });

  onEveryStore(
    "D3: whoever planted or knew the cookie from before the login holds nothing after it",
    async ({ store }) => {
      const shop = site(store);
      const attacker = shop.visitor();
      await attacker.visit((session) => session.createFormToken());
      const planted = attacker.cookie ?? "";

      const victim = shop.visitor();
      const login = await victim.arrive({ cookie: planted });
      login.session.login("ann");
      await login.leave();
      expect(await victim.see((session) => session.user)).toBe("ann");
      expect(await attacker.see((session) => session.isNew)).toBe(true);
      expect(await stored(store)).toHaveLength(1);
    },
  );

  onEveryStore(
    "D3: ending a session and beginning another deletes the old one and sends a cookie that lasts",
    async ({ store }) => {
      const shop = site(store);
      const visitor = shop.visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      const old = visitor.cookie ?? "";
      const exchange = await visitor.visit((session) => {
        session.logout();
        session.set("cart", ["rice"]);
      });
      expect(exchange.cookies.map(serializeCookie).join()).not.toMatch(/Max-Age/i);
      expect(await visitor.see((session) => session.get("cart"))).toEqual(["rice"]);
      expect((await shop.visitor().arrive({ cookie: old })).session.isNew).toBe(true);
      expect(await stored(store)).toHaveLength(1);
    },
  );
});

describe("D4 to D6: overlapping requests", () => {
  onEveryStore("D4: two requests that change different fields both take effect", async ({ store }) => {
    const visitor = site(store).visitor();
    await visitor.visit((session) => session.set("cart", ["tea"]).set("theme", "light"));
    const [one, other] = [await visitor.arrive(), await visitor.arrive()];
    (one.session.get("cart") as string[]).push("rice");
    other.session.set("theme", "dark");
    await other.leave();
    await one.leave();
    expect(await visitor.see((session) => ({ ...session.data }))).toEqual({
      cart: ["tea", "rice"],
      theme: "dark",
    });
  });

  onEveryStore("D4: so do two that only assign, and one that deletes", async ({ store }) => {
    const visitor = site(store).visitor();
    await visitor.visit((session) => session.set("cart", 1).set("theme", 1).set("note", 1));
    const requests = [await visitor.arrive(), await visitor.arrive(), await visitor.arrive()];
    requests[0]?.session.set("cart", 2);
    requests[1]?.session.set("theme", 2);
    requests[2]?.session.delete("note");
    for (const request of requests) await request.leave();
    expect(await visitor.see((session) => ({ ...session.data }))).toEqual({ cart: 2, theme: 2 });
  });

  onEveryStore("D4: of twenty overlapping increments none is lost, from two processes", async (place) => {
    const shops = [site(place.store), site(place.again())];
    const visitor = shops[0]!.visitor();
    await visitor.visit((session) => session.set("views", 0));
    const requests = [];
    for (let number = 0; number < 20; number += 1)
      requests.push(await shops[number % 2]!.visitor().arrive({ cookie: visitor.cookie ?? "" }));
    for (const { session } of requests) session.increment("views");
    await Promise.all(requests.map((request) => request.leave()));
    expect(await visitor.see((session) => session.get("views"))).toBe(20);
  });

  onEveryStore(
    "D5: a request that finishes after a logout does not bring the session back",
    async ({ store }) => {
      const shop = site(store);
      const visitor = shop.visitor();
      await visitor.visit((session) => session.login("ann"));
      const thief = shop.visitor();
      const old = visitor.cookie ?? "";

      const slow = await visitor.arrive();
      slow.session.set("cart", ["tea"]);
      await visitor.visit((session) => session.logout());
      await slow.leave();
      expect(slow.exchange.cookies).toEqual([]);
      expect(await stored(store)).toEqual([]);
      expect((await thief.arrive({ cookie: old })).session.user).toBeNull();
    },
  );

  onEveryStore("D6: of two logouts at the same time neither fails", async ({ store }) => {
    const visitor = site(store).visitor();
    await visitor.visit((session) => session.login("ann"));
    const requests = [await visitor.arrive(), await visitor.arrive(), await visitor.arrive()];
    for (const { session } of requests) session.logout();
    await Promise.all(requests.map((request) => request.leave()));
    expect(visitor.cookie).toBeUndefined();
    expect(await stored(store)).toEqual([]);
  });
});

describe("D7 and D8: hostile cookies and poisoned records", () => {
  const HOSTILE = [
    "../evil",
    "/etc/passwd",
    "..",
    "a\0b",
    `${"../".repeat(18)}aa`,
    `..%2f${"A".repeat(51)}`,
    "A".repeat(100_000),
    "\u{1F36A}".repeat(28),
    "�".repeat(56),
  ];

  onStore(DIRECTORY, "D7: no cookie reaches a file that the store did not write", async (place) => {
    const folder = place.path ?? "";
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(dirname(folder), "evil"), JSON.stringify(record()));
    const shop = site(place.store);
    for (const value of HOSTILE) {
      const exchange = testExchange({ cookie: `${COOKIE_NAME}=${value}` });
      const session = await shop.manager.startRequest(exchange);
      expect(session.isNew).toBe(true);
      await shop.manager.finishSuccessfulRequest(exchange);
    }
    expect(shop.calls.count()).toBe(0);
    // Not even the store itself, handed such an id by a program, leaves its folder.
    for (const value of HOSTILE) expect(await place.store.read(value as SessionId, call())).toBeNull();
    expect(await readdir(dirname(folder))).toEqual(["evil", "sessions"]);
  });

  const DAMAGES = [
    "emptied",
    "cut short",
    "one byte short",
    "zero bytes",
    "random bytes",
    "not ours",
    "JSON null",
    "wrong types",
    "the data file is missing",
  ];

  for (const damage of DAMAGES) {
    onStore(
      DIRECTORY,
      `D8: a record that is ${damage} ends in one visit without a session, and no loop`,
      async (place) => {
        const shop = site(place.store);
        const visitor = shop.visitor();
        await visitor.visit((session) => session.login("ann"));
        const id = (await visitor.see((session) => session.id)) as SessionId;
        const spoil = damageOf(place.path ?? "")[damage];
        if (spoil === undefined) throw new Error(`There is no such damage: ${damage}`);
        await spoil(id);

        const told: SessionId[] = [];
        shop.manager.on("corrupt", (event) => told.push(event.id));
        shop.calls.forget();
        expect(await visitor.see((session) => session.isNew)).toBe(true);
        expect(shop.calls.count()).toBe(1);
        expect(told).toEqual([id]);
        await visitor.visit((session) => session.login("ann"));
        expect(await visitor.see((session) => session.user)).toBe("ann");
      },
    );
  }

  onEveryStore("D8: a value that cannot be stored leaves the stored state as it was", async ({ store }) => {
    const visitor = site(store).visitor();
    await visitor.visit((session) => session.set("cart", ["tea"]));
    const before = await stored(store);
    const request = await visitor.arrive();
    request.session.set("cart", ["tea", "rice"]).set("bad", () => 1);
    await expect((async () => await request.leave())()).rejects.toMatchObject({ code: "ERR_SESSION_VALUE" });
    expect(await stored(store)).toEqual(before);
    expect(await visitor.see((session) => session.get("cart"))).toEqual(["tea"]);
  });
});

describe("D9 and D10: what counts as information", () => {
  test("D9: a session with a user and no keys is kept, and ends by logout after its keys are gone", async () => {
    const store = memoryStore();
    const visitor = site(store).visitor();
    await visitor.visit((session) => session.login("ann"));
    expect(await visitor.see((session) => [session.user, session.keys()])).toEqual(["ann", []]);
    await visitor.visit((session) => session.set("cart", ["tea"]));
    await visitor.visit((session) => session.delete("cart"));
    expect(await visitor.see((session) => session.user)).toBe("ann");
    await visitor.visit((session) => session.logout());
    expect(await stored(store)).toEqual([]);
  });

  const INFORMATION: Readonly<Record<string, (session: Session) => unknown>> = {
    "a user": (session) => session.login("0"),
    "an empty text": (session) => session.set("value", ""),
    zero: (session) => session.set("value", 0),
    false: (session) => session.set("value", false),
    null: (session) => session.set("value", null),
    "an empty list": (session) => session.set("value", []),
    "a form token": (session) => session.createFormToken(),
    "a token against forged requests": (session) => session.csrfToken(),
    "a message to show": (session) => session.flash("notice", "Saved"),
  };
  for (const [name, put] of Object.entries(INFORMATION)) {
    test(`D10: ${name} is information, and hasInfo says so by true`, async () => {
      const store = memoryStore();
      const visitor = site(store).visitor();
      await visitor.visit((session) => {
        expect(session.hasInfo()).toBe(false);
        put(session);
        expect(session.hasInfo()).toBe(true);
      });
      expect(await stored(store)).toHaveLength(1);
    });
  }
});

describe("D11 and D12: half-done work", () => {
  test("D11: a writer stopped at any step holds nobody up, and nobody sees half of what it writes", async () => {
    let steps = 0;
    for (; ; steps += 1) {
      const folder = await temporaryFolder();
      const { store, arm } = await steppedStore(folder.path);
      await store.create(record(), call());
      const pause = new Pause(steps);
      arm(pause.intercept);
      const writing = store.update(ID, change({ set: { cart: "[1]" } }), call());
      const stands = await pause.stands(writing);

      const others = directoryStore(folder.path);
      expect(["[]", "[1]"]).toContain((await others.read(ID, call()))?.fields["cart"]);
      const rival = await others.update(ID, change({ set: { note: '"x"' } }), call());
      expect(rival.kind).toBe("done");
      pause.resume();
      expect((await writing).kind).toBe("done");
      expect((await others.read(ID, call()))?.fields).toMatchObject({ cart: "[1]", note: '"x"' });
      await folder.remove();
      if (!stands) break;
    }
    expect(steps).toBeGreaterThan(3);
  });

  test("D12: a logout whose request ends in an error page deletes the record and revokes the cookie there too", async () => {
    for (const status of [404, 500]) {
      const store = memoryStore();
      const shop = site(store);
      const visitor = shop.visitor();
      await visitor.visit((session) => session.login("ann"));
      const request = new Request("https://shop.example/", { headers: { cookie: visitor.cookie ?? "" } });
      const response = await fetchSessions(shop.manager).wrap((_request, session) => {
        session.logout();
        return new Response("an error page", { status });
      })(request);
      expect(response.headers.getSetCookie()).toEqual([
        expect.stringMatching(/^__Host-Http-sid=; .*Max-Age=0/),
      ]);
      expect(await stored(store)).toEqual([]);
    }
  });
});

describe("D13 and D14: state of the process and of the store", () => {
  test("D13: a request that no finishing hook ever ends leaves nothing behind", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const { manager } = site();
    const left: WeakRef<object>[] = [];
    async function leaveOpen(): Promise<void> {
      const exchange = testExchange();
      const session = await manager.startRequest(exchange);
      session.set("cart", ["tea"]);
      session.logout();
      left.push(new WeakRef(exchange), new WeakRef(session));
    }
    for (let number = 0; number < 50; number += 1) await leaveOpen();
    for (let turn = 0; turn < 10 && left.some((one) => one.deref() !== undefined); turn += 1) {
      // What a reference gave stays alive until the turn is over.
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    expect(left.filter((one) => one.deref() !== undefined)).toEqual([]);
  });

  test("D13: what one request staged concerns no other, whichever ends first or never", async () => {
    const shop = site();
    const visitor = shop.visitor();
    await visitor.visit((session) => session.set("cart", ["tea"]));
    const [abandoned, failed, other] = [
      await visitor.arrive(),
      await visitor.arrive(),
      await visitor.arrive(),
    ];
    abandoned.session.logout();
    failed.session.set("cart", []);
    other.session.set("note", "x");
    await failed.crash();
    await other.leave();
    expect(await visitor.see((session) => ({ ...session.data }))).toEqual({ cart: ["tea"], note: "x" });
  });

  onEveryStore(
    "D14: of two that create one id at the same time one succeeds, and the other changes nothing",
    async (place) => {
      const other = place.again();
      await setUp(place.store);
      const records = ["first", "second"].map((name) => record({ fields: { name: `"${name}"` } }));
      const created = await Promise.all([
        place.store.create(records[0]!, call()),
        other.create(records[1]!, call()),
      ]);
      expect(created.toSorted()).toEqual([false, true]);
      const winner = created[0] ? '"first"' : '"second"';
      expect((await place.store.read(ID, call()))?.fields["name"]).toBe(winner);
    },
  );
});

describe("D15 to D18: what is shown, written and readable", () => {
  test("D15: nothing that prints holds a secret, a form token or a value", async () => {
    const shop = site();
    const events: unknown[] = [];
    for (const name of ["created", "login", "rotated", "ended", "rejected", "conflict", "gone"] as const)
      shop.manager.on(name, (event) => events.push(event));
    const visitor = shop.visitor();
    const secrets: string[] = [];
    await visitor.visit((session) => {
      secrets.push(session.createFormToken(), session.csrfToken());
      session.set("card", "4111 1111");
    });
    secrets.push(visitor.cookie?.slice(-32) ?? "", "4111 1111");
    await visitor.visit((session) => session.login("ann"));
    secrets.push(visitor.cookie?.slice(-32) ?? "");
    await shop.visitor().arrive({ cookie: `${COOKIE_NAME}=${"A".repeat(56)}` });

    const { session, exchange } = await visitor.arrive();
    session.set("bad", () => secrets);
    const error: unknown = await (async () => await shop.manager.finishSuccessfulRequest(exchange))().catch(
      (caught: unknown) => caught,
    );
    expect(events.length).toBeGreaterThan(3);
    for (const printable of [session, shop.manager, events, error]) {
      const printed = [
        inspect(printable, { depth: 20, showHidden: true }),
        String(printable),
        JSON.stringify(printable),
      ];
      for (const secret of secrets) expect(printed.join("\n")).not.toContain(secret);
    }
  });

  onEveryStore(
    "D16: a request that changed nothing writes nothing, whatever its method and status",
    async ({ store }) => {
      const shop = site(store);
      const visitor = shop.visitor();
      await visitor.visit((session) => session.set("cart", ["tea"]));
      shop.calls.forget();
      for (const [method, status] of [
        ["GET", 200],
        ["HEAD", 200],
        ["POST", 200],
        ["DELETE", 405],
      ] as const) {
        const exchange = { ...testExchange({ cookie: visitor.cookie ?? "" }), method, status };
        (await shop.manager.startRequest(exchange)).get("cart");
        await shop.manager.finishSuccessfulRequest(exchange);
        expect(exchange.cookies).toEqual([]);
      }
      expect(new Set(shop.calls.calls.map((one) => one.operation))).toEqual(new Set(["read"]));
    },
  );

  onEveryStore("D17: whoever reads the whole store can open no session with it", async (place) => {
    const shop = site(place.store, { rotateEvery: "10m", rotationGrace: "30s" });
    const visitor = shop.visitor();
    await visitor.visit((session) => session.login("ann"));
    const values = [visitor.cookie?.slice(-56) ?? ""];
    shop.clock.advance(10 * MINUTE);
    await visitor.visit((session) => session.get("cart"));
    values.push(visitor.cookie?.slice(-56) ?? "");
    expect(values[1]).not.toBe(values[0]);

    const dump = await everythingIn(place);
    expect(dump).toContain(values[0]?.slice(0, 24));
    for (const value of values) {
      expect(dump).not.toContain(value.slice(24));
      expect(dump).not.toContain(Buffer.from(value.slice(24), "base64url").toString("hex"));
    }
    const id = values[0]?.slice(0, 24) ?? "";
    const tried = new Set<string>();
    for (const text of dump.match(/[\w-]{32,}/g) ?? []) {
      for (let start = 0; start + 32 <= text.length; start += 1)
        tried.add(id + text.slice(start, start + 32));
      for (let start = 0; start + 56 <= text.length; start += 1) tried.add(text.slice(start, start + 56));
    }
    expect(tried.size).toBeGreaterThan(10);
    for (const value of tried) {
      const exchange = testExchange({ cookie: `${COOKIE_NAME}=${value}` });
      const session = await shop.manager.startRequest(exchange);
      expect(session.isNew).toBe(true);
    }
  });

  const umaskBefore = process.umask();
  afterEach(() => void process.umask(umaskBefore));

  test("D18: a folder and its files are the owner's alone, whatever the umask", async () => {
    const folder = await temporaryFolder();
    process.umask(0);
    const visitor = site(directoryStore(folder.path)).visitor();
    await visitor.visit((session) => session.login("ann"));
    await visitor.visit((session) => session.set("cart", ["tea"]));
    const entries = await readdir(folder.path, { recursive: true, withFileTypes: true });
    expect(entries.length).toBeGreaterThan(5);
    const modes = entries.map(async (entry) => {
      const { mode } = await stat(join(entry.parentPath, entry.name));
      expect([entry.name, mode & 0o777]).toEqual([entry.name, entry.isDirectory() ? 0o700 : 0o600]);
    });
    await Promise.all(modes);
    expect((await stat(folder.path)).mode & 0o777).toBe(0o700);
    await folder.remove();
  });

  test("D18: a database and what SQLite puts beside it are the owner's alone, whatever the umask", async () => {
    const folder = await temporaryFolder();
    await mkdir(folder.path);
    await chmod(folder.path, 0o755);
    process.umask(0);
    const store = sqliteStore(join(folder.path, "sessions.db"));
    const manager = new SessionManager({ store, clock: manualClock(NOW) });
    const exchange = testExchange();
    (await manager.startRequest(exchange)).login("ann");
    await manager.finishSuccessfulRequest(exchange);
    const names = await readdir(folder.path);
    expect(names).toContain("sessions.db-wal");
    for (const name of names) expect((await stat(join(folder.path, name))).mode & 0o777).toBe(0o600);
    await manager.close();
    await folder.remove();
  });
});

/** All that a thief of the store gets: every record, and every name and byte of its files. */
async function everythingIn(place: Place): Promise<string> {
  const parts = [JSON.stringify(await stored(place.store))];
  if (place.path === null) return parts.join("\n");
  const outer = dirname(place.path);
  for (const entry of await readdir(outer, { recursive: true, withFileTypes: true })) {
    parts.push(entry.name);
    if (entry.isFile()) parts.push(await readFile(join(entry.parentPath, entry.name), "latin1"));
  }
  return parts.join("\n");
}
