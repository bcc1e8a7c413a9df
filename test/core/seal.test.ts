import { describe, expect, test } from "vitest";
import { SessionError, type SessionEvents, SessionManager, type SessionRecord } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { failsBefore, faultyStore } from "../../src/testing/index.ts";
import { keyOf } from "../support/at-rest.ts";
import { refusal, rejection, site } from "../support/site.ts";

const CALL = { signal: new AbortController().signal };
const A = keyOf("a");
const B = keyOf("b");

type Site = ReturnType<typeof site>;

async function records({ store }: Pick<Site, "store">): Promise<readonly SessionRecord[]> {
  return (await store.all({ limit: 1000 }, CALL)).records;
}

async function only(where: Pick<Site, "store">): Promise<SessionRecord> {
  const [record] = await records(where);
  if (record === undefined) throw new Error("nothing is stored");
  return record;
}

/** Puts fields into the store as somebody who can write there does. */
async function plant(
  where: Pick<Site, "store">,
  set: Record<string, string>,
  remove: string[] = [],
): Promise<void> {
  const { id, epoch } = await only(where);
  expect(await where.store.update(id, { now: 0, epoch, set, remove }, CALL)).toMatchObject({ kind: "done" });
}

function heard<Name extends "corrupt" | "storeFailure">(
  where: Pick<Site, "manager">,
  name: Name,
): SessionEvents[Name][] {
  const events: SessionEvents[Name][] = [];
  where.manager.on(name, (event) => events.push(event));
  return events;
}

/** A second process over the same store and clock, with other options. */
function beside(where: Site, options: NonNullable<Parameters<typeof site>[0]>): Site {
  return { ...site({ store: where.store, clock: where.clock, ...options }), store: where.store };
}

describe("sealed fields", () => {
  test("nothing that a session holds is readable in the store, and all of it is there for its own requests", async () => {
    const where = site({ seal: { keys: [A] } });
    const { cookie } = await where.visit(undefined, (session) => {
      session.login("ann", { methods: ["pwd"] });
      session.data["street"] = "Elm Street";
      session.flash("notice", "Welcome");
      session.createFormToken();
      session.csrfToken();
    });
    const { fields } = await only(where);
    for (const [name, text] of Object.entries(fields))
      expect([name, text.slice(0, 11)]).toEqual([name, "sealed.1.a."]);
    expect(JSON.stringify(fields)).not.toMatch(/Elm|Welcome|ann/);
    const again = await where.read(cookie, (session) => [
      session.user,
      session.data["street"],
      session.methods,
    ]);
    expect(again).toEqual(["ann", "Elm Street", ["pwd"]]);
    expect((await where.manager.sessionsOf("ann"))[0]).toMatchObject({ user: "ann", methods: ["pwd"] });
  });

  test("a commit seals anew what it changed and nothing else (P6)", async () => {
    const where = site({ seal: { keys: [A] } });
    const { cookie } = await where.visit(undefined, (session) => {
      session.data["large"] = "x".repeat(10_000);
      session.data["n"] = 1;
    });
    const before = (await only(where)).fields;
    await where.visit(cookie, (session) => (session.data["n"] = 2));
    const after = (await only(where)).fields;
    expect(after["large"]).toBe(before["large"]);
    expect(after["n"]).not.toBe(before["n"]);
  });

  test("the same text is never sealed the same way twice", async () => {
    const where = site({ seal: { keys: [A] } });
    const { cookie } = await where.visit(undefined, (session) => (session.data["n"] = 1));
    const seen = new Set<string>();
    for (let n = 0; n < 20; n += 1) {
      await where.visit(cookie, (session) => (session.data["n"] = n % 2));
      seen.add((await only(where)).fields["n"] ?? "");
    }
    expect(seen.size).toBe(20);
  });

  test("exact updates of many requests at once all survive (P1)", async () => {
    const where = site({ seal: { keys: [A] } });
    const { cookie } = await where.visit(undefined, (session) => session.increment("n"));
    await Promise.all(
      Array.from({ length: 20 }, () => where.visit(cookie, (session) => session.increment("n"))),
    );
    expect(await where.read(cookie, (session) => session.data["n"])).toBe(21);
  });

  test("with a list of fields the others stay in clear, and what the library keeps does not", async () => {
    const where = site({ seal: { keys: [A], fields: ["street"] } });
    await where.visit(undefined, (session) => {
      session.login("ann");
      session.data["street"] = "Elm Street";
      session.data["theme"] = "dark";
    });
    const { fields } = await only(where);
    expect(fields["theme"]).toBe('"dark"');
    expect(fields["street"]).toMatch(/^sealed\.1\.a\./);
    expect(fields["~auth"]).toMatch(/^sealed\.1\.a\./);
  });

  test("marks and seats are sealed too, and a revoked login stays revoked", async () => {
    const where = site({ seal: { keys: [A] }, concurrency: { max: 1, onExceed: "end-oldest" } });
    const first = await where.visit(undefined, (session) => session.login("ann"));
    const second = await where.visit(undefined, (session) => session.login("ann"));
    expect(await where.read(first.cookie, (session) => session.user)).toBeNull();
    expect(await where.manager.revokeUser("ann")).toBe(1);
    expect(await where.read(second.cookie, (session) => session.user)).toBeNull();
    for (const { fields } of await records(where))
      for (const text of Object.values(fields)) expect(text).toMatch(/^sealed\.1\.a\./);
  });
});

describe("a field whose seal is broken", () => {
  async function twoSessions() {
    const where = site({ seal: { keys: [A] } });
    const visit = async (user: string) =>
      await where.visit(undefined, (session) => {
        session.login(user);
        session.data["role"] = user;
        session.data["note"] = "x";
      });
    await visit("bob");
    const taken = await only(where);
    const other = site({ seal: { keys: [A] } });
    const { cookie } = await other.visit(undefined, (session) => {
      session.login("ann");
      session.data["role"] = "guest";
      session.data["note"] = "x";
    });
    return { where: other, cookie, taken };
  }

  const attacks: readonly [string, (mine: SessionRecord, other: SessionRecord) => Record<string, string>][] =
    [
      ["moved from another session", (_, other) => ({ role: other.fields["role"] ?? "" })],
      ["moved from another name", (mine) => ({ role: mine.fields["note"] ?? "" })],
      [
        "of the library's own, moved from another session",
        (_, other) => ({ "~auth": other.fields["~auth"] ?? "" }),
      ],
      [
        "renamed to another key",
        (mine) => ({ role: (mine.fields["role"] ?? "").replace("sealed.1.a.", "sealed.1.b.") }),
      ],
      ["cut short", (mine) => ({ role: (mine.fields["role"] ?? "").slice(0, -4) })],
      ["cut to nothing", () => ({ role: "sealed.1.a." })],
      ["without a key's id", () => ({ role: "sealed.1.a" })],
      ["of one character more", (mine) => ({ role: `${mine.fields["role"]}AAAA` })],
      ["of another character", (mine) => ({ role: flipped(mine.fields["role"] ?? "") })],
    ];

  test.each(attacks)("%s: the session reads as none, with an event", async (_, forge) => {
    const { where, cookie, taken } = await twoSessions();
    const ring = beside(where, { seal: { keys: [A, B] } });
    const events = heard(ring, "corrupt");
    const mine = await only(where);
    const set = forge(mine, taken);
    await plant(where, set);
    expect(await ring.read(cookie, (session) => [session.isNew, session.user])).toEqual([true, null]);
    expect(events).toEqual([{ id: mine.id, field: Object.keys(set)[0], seal: "broken" }]);
    // Listings have the library's own fields alone, and judge by them.
    expect(await ring.manager.sessionsOf("ann")).toHaveLength(Object.hasOwn(set, "~auth") ? 0 : 1);
  });

  test("plain text where sealed text has to be: never the weaker decoder (CVE-2026-39324)", async () => {
    const { where, cookie } = await twoSessions();
    const events = heard(where, "corrupt");
    const { id } = await only(where);
    await plant(where, { role: '"admin"' });
    expect(await where.read(cookie, (session) => session.data["role"])).toBeUndefined();
    expect(events).toEqual([{ id, field: "role", seal: "missing" }]);
  });

  test("a field that nobody asked for counts too: plain ones cannot be added", async () => {
    const { where, cookie } = await twoSessions();
    await plant(where, { "~~bound": "{}" });
    expect(await where.read(cookie, (session) => session.user)).toBeNull();
  });

  test("sealed text is not taken for plain text where plain text is taken too", async () => {
    const { where, cookie, taken } = await twoSessions();
    const lenient = beside(where, { seal: { keys: [A], acceptUnsealed: true } });
    await plant(where, { role: taken.fields["role"] ?? "" });
    expect(await lenient.read(cookie, (session) => session.data["role"])).toBeUndefined();
  });

  test("such a session can still be revoked, by id, by user, by what sessions have in common, and with all", async () => {
    for (const revoke of [
      (at: Site, id: SessionRecord["id"]) => at.manager.revoke(id),
      (at: Site) => at.manager.revokeUser("ann"),
      (at: Site) => at.manager.revokeWhere({ user: "ann", tenant: "t" }),
      (at: Site) => at.manager.revokeAll(),
    ]) {
      const where = site({ seal: { keys: [A] } });
      await where.visit(undefined, (session) => session.login("ann", { tenant: "t" }));
      const { id } = await only(where);
      await plant(where, { "~auth": "{}" });
      expect(Number(await revoke(where, id))).toBe(1);
      expect(await where.store.read(id, CALL)).toBeNull();
    }
  });
});

describe("a key that a process lacks", () => {
  async function sealedWithB() {
    const where = site({ seal: { keys: [B] } });
    const { cookie } = await where.visit(undefined, (session) => {
      session.login("ann", { tenant: "t" });
      session.data["n"] = 1;
    });
    return { where, cookie };
  }

  test.each([
    ["another key", { seal: { keys: [A] } }],
    ["no key", {}],
    ["a key of the same id that is another", { seal: { keys: [{ ...A, id: "x" }] } }],
  ])("with %s the session is an outage, and not garbage (P8)", async (_, options) => {
    const { where, cookie } = await sealedWithB();
    const other = beside(where, options);
    const failures = heard(other, "storeFailure");
    const error = await rejection(other.read(cookie, (session) => session.user).then(() => undefined));
    expect([error.code, error.status]).toEqual(["ERR_SESSION_FORMAT", 503]);
    expect(failures).toHaveLength(1);
    const corrupt = heard(other, "corrupt");
    await expect(other.manager.sessionsOf("ann")).rejects.toMatchObject({ code: "ERR_SESSION_FORMAT" });
    expect(corrupt).toEqual([]);
    expect(await where.read(cookie, (session) => session.user)).toBe("ann");
  });

  test("by policy the request is anonymous meanwhile, and its cookie is left alone (P9)", async () => {
    const { where, cookie } = await sealedWithB();
    const other = beside(where, { seal: { keys: [A] }, onStoreFailure: "anonymous" });
    const visit = await other.visit(cookie, (session) => session.user);
    expect([visit.result, visit.exchange.cookies]).toEqual([null, []]);
  });

  test("a text of a newer format is an outage too", async () => {
    const { where, cookie } = await sealedWithB();
    await plant(where, { n: "sealed.2.b.AAAA" });
    await expect(where.read(cookie, (session) => session.user)).rejects.toMatchObject({
      code: "ERR_SESSION_FORMAT",
    });
  });

  test("revoking needs no key", async () => {
    const { where } = await sealedWithB();
    const other = beside(where, { seal: { keys: [A] } });
    expect(await other.manager.revokeWhere({ user: "ann", tenant: "t" })).toBe(1);
    await where.visit(undefined, (session) => session.login("eve"));
    expect(await beside(where, {}).manager.revokeAll()).toBe(1);
  });
});

describe("the deployment of keys", () => {
  const PLAIN = {};
  const OPEN_A = { seal: { keys: [A], openOnly: true } };
  const MIXED_A = { seal: { keys: [A], acceptUnsealed: true } };
  const ONLY_A = { seal: { keys: [A] } };
  const A_B = { seal: { keys: [A, B] } };
  const B_A = { seal: { keys: [B, A] } };
  const ONLY_B = { seal: { keys: [B] } };
  const steps = [
    ["seals are introduced: first opened", PLAIN, OPEN_A],
    ["seals are introduced: then made", OPEN_A, MIXED_A],
    ["a key is added", ONLY_A, A_B],
    ["the new key is used", A_B, B_A],
    ["seals are given up: no longer made", MIXED_A, OPEN_A],
  ] as const;

  test.each(steps)("%s, process by process, and nobody is logged out", async (_, older, newer) => {
    const one = site(older);
    const two = beside(one, newer);
    const { cookie } = await one.visit(undefined, (session) => session.login("ann"));
    for (let n = 0; n < 6; n += 1) {
      one.clock.advance(120_000);
      const at = n % 2 === 0 ? two : one;
      const seen = await at.visit(cookie, (session) => [session.user, session.increment("n")]);
      expect(seen.result).toEqual(["ann", n + 1]);
      one.clock.advance(120_000);
      await at.visit(cookie, (session) => session.user);
    }
  });

  test("once each session was used under the new key, the old one is needed no more", async () => {
    const where = site(ONLY_A);
    const { cookie } = await where.visit(undefined, (session) => {
      session.login("ann");
      session.data["note"] = "x";
    });
    const next = beside(where, B_A);
    // Nothing is changed, and the access time is not due: the keys are.
    await next.visit(cookie, () => undefined);
    for (const text of Object.values((await only(where)).fields)) expect(text).toMatch(/^sealed\.1\.b\./);
    const last = beside(where, ONLY_B);
    expect(await last.read(cookie, (session) => [session.user, session.data["note"]])).toEqual(["ann", "x"]);
  });

  test("the same with sessions from before seals, which nobody accepts in the end", async () => {
    const where = site();
    const { cookie } = await where.visit(undefined, (session) => session.login("ann"));
    const other = await where.visit(undefined, (session) => session.login("bob"));
    await beside(where, MIXED_A).visit(cookie, () => undefined);
    const strict = beside(where, ONLY_A);
    expect(await strict.read(cookie, (session) => session.user)).toBe("ann");
    expect(await strict.read(other.cookie, (session) => session.user)).toBeNull();
  });

  test("renewing is done once: what is under the first key is not written again (P6)", async () => {
    const faulty = faultyStore(memoryStore());
    const where = site({ ...ONLY_A, store: faulty.store });
    const { cookie } = await where.visit(undefined, (session) => session.login("ann"));
    const next = site({ ...B_A, store: faulty.store, clock: where.clock });
    await next.visit(cookie, () => undefined);
    faulty.forget();
    for (let n = 0; n < 3; n += 1) await next.visit(cookie, (session) => session.user);
    expect(faulty.calls.map(({ operation }) => operation)).toEqual(["read", "read", "read"]);
  });

  test("a renewal undoes nothing of a request that was first, and fails nothing when the store does", async () => {
    const faulty = faultyStore(memoryStore());
    const where = site({ ...ONLY_A, store: faulty.store });
    const { cookie } = await where.visit(undefined, (session) => (session.data["n"] = 1));
    const next = site({ ...B_A, store: faulty.store, clock: where.clock });
    const slow = await next.open(cookie);
    void slow.session.data["n"];
    await next.visit(cookie, (session) => (session.data["n"] = 2));
    await next.manager.finishSuccessfulRequest(slow.exchange);
    expect(await next.read(cookie, (session) => session.data["n"])).toBe(2);
    const again = site({ ...A_B, store: faulty.store, clock: where.clock });
    faulty.next("update", failsBefore());
    expect((await again.visit(cookie, (session) => session.data["n"])).result).toBe(2);
  });
});

describe("what no key is made of", () => {
  const good = A.key;
  test.each([
    ["no keys", { keys: [] }],
    ["keys that are no list", { keys: good }],
    ["a short key", { keys: [{ id: "a", key: new Uint8Array(16).map((_, at) => at * 7) }] }],
    ["a passphrase", { keys: [{ id: "a", key: "correct horse battery staple" }] }],
    ["a long passphrase", { keys: [{ id: "a", key: "correct horse battery staple, or something" }] }],
    ["a pattern", { keys: [{ id: "a", key: new Uint8Array(32).map((_, at) => at % 8) }] }],
    ["zeros", { keys: [{ id: "a", key: new Uint8Array(32) }] }],
    ["one key twice", { keys: [A, { ...A, id: "b" }] }],
    ["one id twice", { keys: [A, { ...B, id: "a" }] }],
    ["an id with a dot", { keys: [{ id: "a.b", key: good }] }],
    ["an empty id", { keys: [{ id: "", key: good }] }],
    ["a misspelt option", { keys: [A], feilds: "all" }],
    ["a name that is reserved", { keys: [A], fields: ["~auth"] }],
    ["a flag that is none", { keys: [A], acceptUnsealed: "yes" }],
  ])("%s is refused at construction, and no key is in the message", (_, seal) => {
    const error = refusal(() => new SessionManager({ store: memoryStore(), seal: seal as never }));
    expect(error.code).toBe("ERR_SESSION_CONFIG");
    expect(error.message).not.toContain("horse");
  });

  test("a key serves one purpose alone", () => {
    const options = { store: memoryStore(), seal: { keys: [A] }, pepper: { keys: [{ ...A, id: "p" }] } };
    expect(refusal(() => new SessionManager(options)).message).toContain("pepper.keys[0].key is given twice");
  });

  test("the policy names the keys by their ids, and a manager prints none", async () => {
    const { manager } = site({ seal: { keys: [A, B], fields: ["x"] }, pepper: { keys: [keyOf("p")] } });
    const { seal, pepper, token } = manager.describePolicy();
    expect(seal).toEqual({
      cipher: "AES-256-GCM",
      keys: ["a", "b"],
      fields: ["x"],
      acceptUnsealed: false,
      openOnly: false,
    });
    expect(pepper).toEqual({ keys: ["p"], acceptUnpeppered: false, openOnly: false });
    expect(token.storedAs).toBe("HMAC-SHA-256");
  });

  test("a codec's text that begins as a sealed one is refused", async () => {
    const codec = { encode: String, decode: (text: string) => text };
    const where = site({ codec });
    await expect(
      where.visit(undefined, (session) => (session.data["n"] = "sealed.1.a.AAAA")),
    ).rejects.toMatchObject({
      code: "ERR_SESSION_VALUE",
    });
    expect(SessionError.is(new SessionError("ERR_SESSION_VALUE", ""))).toBe(true);
  });
});

/** The text with one of its characters changed, near the end. */
function flipped(text: string): string {
  const at = text.length - 8;
  return text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
}
