import { inspect } from "node:util";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, test } from "vitest";
import { Token } from "../../src/index.ts";
import { failsBefore, gate, waitsBefore } from "../../src/testing/index.ts";
import {
  codeOf,
  done,
  loggedIn,
  noUnhandledRejections,
  recordsOf,
  rig,
  seen,
  setCookies,
  sibling,
  stored,
  visit,
} from "../races/rig.ts";
import { everyStore } from "../races/stores.ts";

noUnhandledRejections();

const NAME = "__Host-Http-sid";
const valueOf = (cookie: string | undefined): string => (cookie ?? "").slice(NAME.length + 1);

everyStore((open) => {
  test("a planted cookie does not become the session of who logs in with it (CVE-2026-43827, fixation)", async () => {
    const where = rig({ store: await open() });
    const planted = await stored(where, { planted: 1 });
    const victim = await done(where, planted, (session) => session.login("ann"));
    expect(victim).not.toBe(planted);
    expect(await seen(where, planted)).toBeNull();
    const attacker = await visit(where, planted);
    expect(attacker.session.user).toBeNull();
  });

  test("an id that the client made up is never adopted (OWASP S4)", async () => {
    const where = rig({ store: await open() });
    const made = `${NAME}=${"A".repeat(56)}`;
    const cookie = await done(where, made, (session) => session.login("ann"));
    expect(valueOf(cookie).slice(0, 24)).not.toBe("A".repeat(24));
    expect(await seen(where, made)).toBeNull();
  });

  test("another user's login starts a record of its own with nothing of the first (GHSA-c9h6-v78w-52wj)", async () => {
    const where = rig({ store: await open() });
    const ann = await loggedIn(where, "ann", { cart: "ann's" });
    const one = await visit(where, ann);
    const { id } = one.session;
    void one.session.data.cart;
    where.faulty.forget();
    one.session.login("bob");
    one.session.data.mine = 1;
    await one.finish();
    const bob = `${NAME}=${setCookies(one.exchange)[0]}`;
    expect(where.faulty.calls.slice(0, 2).map((call) => call.operation)).toEqual(["delete", "create"]);
    expect(await seen(where, ann)).toBeNull();
    const after = await visit(where, bob);
    expect(after.session.id).not.toBe(id);
    expect(after.session.user).toBe("bob");
    expect({ ...after.session.data }).toEqual({ mine: 1 });
  });

  test("a cookie replayed after logout opens nothing (ASVS 7.4.1), whatever was in flight", async () => {
    const where = rig({ store: await open() });
    const other = sibling(where);
    const cookie = await loggedIn(where, "ann", { n: 0 });
    const slow = await visit(other, cookie);
    slow.session.data.n = 1;
    const writing = gate();
    where.faulty.next("update", waitsBefore(writing));
    const finishing = slow.finish();
    await writing.reached();
    await done(where, cookie, (session) => session.logout());
    writing.open();
    await finishing;
    const replay = await visit(where, cookie);
    expect(replay.session.isNew).toBe(true);
    expect(replay.session.user).toBeNull();
  });

  test("the token from before a login opens nothing at once (ASVS 7.2.4), also without grace under rotation", async () => {
    const where = rig({ store: await open(), rotateEvery: "10m" });
    const before = await stored(where);
    const after = await done(where, before, (session) => session.login("ann"));
    const again = await done(where, after, (session) => session.reauthenticate());
    for (const dead of [before, after]) expect(await seen(where, dead)).toBeNull();
    expect(await seen(where, again)).not.toBeNull();
  });

  test("nothing that the store holds is a cookie (CVE-2019-16782)", async () => {
    const where = rig({ store: await open(), rotateEvery: "10m" });
    const first = await loggedIn(where, "ann", { a: 1 });
    where.clock.advance(700_000);
    const second = await done(where, first, () => undefined);
    const dumps = JSON.stringify(await recordsOf(where));
    for (const cookie of [first, second]) {
      expect(dumps).not.toContain(valueOf(cookie));
      expect(dumps).not.toContain(valueOf(cookie).slice(24));
    }
    // Whoever reads the store tries every text of it as a secret.
    const [record] = await recordsOf(where);
    const texts = new Set(dumps.match(/[A-Za-z0-9_-]{16,}/g));
    for (const text of texts) {
      for (const value of [text, `${record?.id}${text}`, `${record?.id}${text}`.slice(0, 56)]) {
        expect(await seen(where, `${NAME}=${value}`)).toBeNull();
      }
    }
  });

  test("a known id with a guessed secret opens nothing and ends nothing", async () => {
    const where = rig({ store: await open() });
    const cookie = await loggedIn(where, "ann");
    const id = valueOf(cookie).slice(0, 24);
    for (const secret of [
      "A".repeat(32),
      "_".repeat(32),
      valueOf(cookie).slice(24).toLowerCase().padEnd(32, "a"),
    ])
      expect(await seen(where, `${NAME}=${id}${secret}`)).toBeNull();
    expect(where.of("theft")).toEqual([]);
    expect(await seen(where, cookie)).not.toBeNull();
  });

  test("an id that differs in case alone is another id", async () => {
    const where = rig({ store: await open() });
    const cookie = await stored(where);
    const value = valueOf(cookie);
    const swapped = value
      .slice(0, 24)
      .replace(/[A-Za-z]/, (letter) =>
        letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
      );
    expect(await seen(where, `${NAME}=${swapped}${value.slice(24)}`)).toBeNull();
    expect(await seen(where, cookie)).not.toBeNull();
  });

  test("a revocation that races a login leaves no session of before it (ASVS 7.4.2)", async () => {
    const where = rig({ store: await open() });
    const other = sibling(where);
    const visits = await Promise.all(Array.from({ length: 10 }, (_, i) => visit(i % 2 ? where : other)));
    for (const one of visits) one.session.login("ann");
    where.clock.advance(1);
    const [, ...codes] = await Promise.all([
      other.manager.revokeUser("ann"),
      ...visits.map((one) => codeOf(one.finish())),
    ]);
    expect(new Set(codes)).not.toContain("ERR_SESSION_STORE_UNAVAILABLE");
    expect(await recordsOf(where)).toEqual([]);
    for (const one of visits) {
      const [value] = setCookies(one.exchange);
      if (value) expect(await seen(where, `${NAME}=${value}`)).toBeNull();
    }
  });

  test("a mark opens for nobody, whatever secret is tried", async () => {
    const where = rig({ store: await open() });
    await where.manager.revokeUser("ann");
    const page = await where.store.all?.({ limit: 10 }, { signal: new AbortController().signal });
    const mark = page?.records.find((record) => record.secretHash === "");
    expect(mark).toBeDefined();
    expect(await seen(where, `${NAME}=${mark?.id}${"A".repeat(32)}`)).toBeNull();
  });
});

describe("cookies that attack the store (CVE-2025-24813, CVE-2024-3400, CVE-2026-13575)", () => {
  const values = [
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "/etc/passwd",
    "C:\\windows",
    `${"A".repeat(54)}..`,
    `${"A".repeat(24)}/${"A".repeat(31)}`,
    "\r\nset a 0 0 1\r\nx\r\n",
    "\0".repeat(56),
    "A".repeat(55),
    "A".repeat(57),
    "A".repeat(100_000),
    `"${"A".repeat(54)}"`,
    "é".repeat(56),
    "\ud800".repeat(56),
    "__proto__",
    "constructor",
    "%00",
    "'; DROP TABLE sessions; --",
    "*del*",
    "",
    "=".repeat(56),
    `${"A".repeat(28)} ${"A".repeat(27)}`,
  ];
  for (const value of values) {
    test(`${JSON.stringify(value.slice(0, 40))} is no session, no error, and no call of the store`, async () => {
      const where = rig();
      const one = await visit(where, `${NAME}=${value}`);
      expect(one.session.isNew).toBe(true);
      await one.finish();
      expect(one.exchange.cookies).toEqual([]);
      expect(where.faulty.calls).toEqual([]);
    });
  }
});

describe("nothing tells a token", () => {
  test("not an event, a channel, an error, a listing or a printed object (CVE-2023-20866)", async () => {
    const where = rig({ rotateEvery: "10m" });
    const heard: unknown[] = [];
    const listen = (message: unknown): void => void heard.push(message);
    const channels = ["created", "login", "rotated", "ended", "rejected", "theft", "storeFailure", "gone"];
    for (const name of channels) subscribe(`holdfast:${name}`, listen);
    const secrets: string[] = [];
    const first = await loggedIn(where, "ann");
    where.clock.advance(700_000);
    const second = await done(where, first, () => undefined);
    const third = await done(where, second, () => undefined);
    where.clock.advance(40_000);
    await seen(where, first);
    await seen(where, `${valueOf(third).slice(0, 24)}${"A".repeat(32)}`);
    for (const cookie of [first, second, third]) secrets.push(valueOf(cookie).slice(24));
    const one = await visit(where, third);
    one.session.increment("n");
    where.faulty.always("update", failsBefore());
    where.faulty.always("read", failsBefore());
    const error: unknown = await one.finish().catch((reason: unknown) => reason);
    where.faulty.heal();
    const printed = [
      inspect(error, { depth: 9 }),
      inspect(heard, { depth: 9 }),
      inspect(where.happened, { depth: 9 }),
      inspect(one.session, { depth: 9, showHidden: true }),
      JSON.stringify(one.session),
      String(one.session),
      inspect(where.manager, { depth: 9, showHidden: true }),
      inspect(await where.manager.sessionsOf("ann"), { depth: 9 }),
      inspect(Token.mint(), { showHidden: true, depth: 9 }),
    ].join("\n");
    for (const name of channels) unsubscribe(`holdfast:${name}`, listen);
    for (const secret of secrets) expect(printed).not.toContain(secret);
    expect(heard.length).toBeGreaterThan(3);
  });
});

describe("two cookies of one name (OWASP S17)", () => {
  test("a planted session beside the victim's opens neither, and revokes neither", async () => {
    const where = rig();
    const planted = await stored(where);
    const victim = await loggedIn(where, "ann");
    for (const line of [`${planted}; ${victim}`, `${victim}; ${planted}`]) {
      const one = await visit(where, line);
      expect(one.session.isNew).toBe(true);
      await one.finish();
      expect(one.exchange.cookies).toEqual([]);
    }
    expect(await seen(where, victim)).not.toBeNull();
  });
});

describe("an outage", () => {
  test("never becomes a new session that overwrites a good cookie", async () => {
    for (const onStoreFailure of ["fail", "anonymous"] as const) {
      const where = rig({ onStoreFailure });
      const cookie = await loggedIn(where, "ann");
      where.faulty.always("read", failsBefore());
      const one = await visit(where, cookie).catch(() => null);
      expect(one === null).toBe(onStoreFailure === "fail");
      if (one !== null) {
        expect(await codeOf(() => void (one.session.data.a = 1))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
        await one.finish();
        expect(one.exchange.cookies).toEqual([]);
      }
      where.faulty.heal();
      expect(await seen(where, cookie)).not.toBeNull();
    }
  });
});
