import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { serve, type Site } from "./support/site.ts";
import { cookieHeader } from "./support/client.ts";
import { put, watched, type WatchedStore } from "./support/stores.ts";
import { cases } from "./support/subjects.ts";
import { cookieOf, signed } from "./support/signing.ts";
import type { Options, Request, Response } from "./support/types.ts";

function whoami(req: Request, res: Response): void {
  res.end(req.session.user ?? "nobody");
}

cases("a cookie that comes", (session) => {
  /** A site at which the session `known` is ann's. */
  async function siteOfAnn(options: Options = {}): Promise<Site & { readonly store: WatchedStore }> {
    const store = watched(session);
    await put(store, "known", { cookie: { path: "/" }, user: "ann" });
    store.taken();
    return { ...(await serve(session, { store, ...options }, whoami)), store };
  }

  test("with the right signature opens the session", async () => {
    const site = await siteOfAnn();
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("ann");
  });

  const worthless: Readonly<Record<string, string>> = {
    "without a signature": "connect.sid=known",
    "without a signature, but marked as signed": "connect.sid=s%3Aknown",
    "with an empty signature": "connect.sid=s%3Aknown.",
    "with a signature that is too short": `connect.sid=${signed("known").slice(0, -1)}`,
    "with a signature that is too long": `connect.sid=${signed("known")}A`,
    "with the signature of another id": `connect.sid=${signed("other").replace("other", "known")}`,
    "with the signature of another secret": cookieOf("known", "another cat"),
    "signed, but without the mark of it": `connect.sid=${signed("known").slice("s%3A".length)}`,
    "that is empty": "connect.sid=",
    "that is the mark alone": "connect.sid=s%3A",
    "that is a dot alone": "connect.sid=s%3A.",
    "that is no URI encoding": "connect.sid=%E0%A4%A",
    "that is JSON": 'connect.sid=j%3A{"a":1}',
    "under another name": cookieOf("known").replace("connect.sid", "connect.sid2"),
    "under the name in capitals": cookieOf("known").replace("connect.sid", "CONNECT.SID"),
    "that is no pair": "connect.sid",
    "that is not there among much else": "=; ;;; a; =b; c==; __proto__=1; constructor=2",
  };

  test.each(Object.entries(worthless))("%s opens nothing, and asks no store", async (_, cookie) => {
    const site = await siteOfAnn();
    const answer = await site.get("/", { cookie });
    expect([answer.status, answer.body]).toEqual([200, "nobody"]);
    expect(site.store.calls).toEqual([]);
    expect(site.errors).toEqual([]);
  });

  test("that is worthless is replaced by one of a new session", async () => {
    const site = await siteOfAnn({ saveUninitialized: true });
    const answer = await site.get("/", { cookie: "connect.sid=s%3Aknown.AAAA" });
    expect(answer.cookie()).toBeDefined();
    expect(answer.sid()).not.toBe("known");
  });

  test("in quotes is taken without them", async () => {
    const site = await siteOfAnn();
    expect((await site.get("/", { cookie: `connect.sid="${signed("known")}"` })).body).toBe("ann");
  });

  test("that is not encoded is taken as it is", async () => {
    const site = await siteOfAnn();
    const cookie = decodeURIComponent(cookieOf("known"));
    expect((await site.get("/", { cookie })).body).toBe("ann");
  });

  test("with spaces around is taken without them", async () => {
    const site = await siteOfAnn();
    expect((await site.get("/", { cookie: `  connect.sid = ${signed("known")}  ; a=b` })).body).toBe("ann");
  });

  test("twice counts as it comes first", async () => {
    const site = await siteOfAnn();
    const good = cookieOf("known");
    const bad = "connect.sid=s%3Aknown.bad";
    expect((await site.get("/", { cookie: `${good}; ${bad}` })).body).toBe("ann");
    expect((await site.get("/", { cookie: `${bad}; ${good}` })).body).toBe("nobody");
  });

  test.each(["__proto__", "constructor", "toString", "hasOwnProperty"])(
    "for an id named %s finds no session",
    async (id) => {
      const site = await siteOfAnn();
      const answer = await site.get("/", { cookie: cookieOf(id) });
      expect([answer.status, answer.body]).toEqual([200, "nobody"]);
      expect(site.store.calls).toEqual([`get ${id}`]);
    },
  );

  test("for an id of ten thousand characters finds no session", async () => {
    const site = await siteOfAnn();
    const answer = await site.get("/", { cookie: cookieOf("a".repeat(10_000)) });
    expect([answer.status, answer.body]).toEqual([200, "nobody"]);
  });

  test("for an id of path characters is asked for as it is", async () => {
    const site = await siteOfAnn();
    await site.get("/", { cookie: cookieOf("../../etc/passwd") });
    expect(site.store.calls).toEqual(["get ../../etc/passwd"]);
  });
});

cases("the name of the cookie", (session) => {
  test("is connect.sid", async () => {
    const site = await serve(session, { saveUninitialized: true });
    expect((await site.get()).setCookies.map(({ name }) => name)).toEqual(["connect.sid"]);
  });

  test("is what name says", async () => {
    const site = await serve(session, { saveUninitialized: true, name: "sid" });
    expect((await site.get()).setCookies.map(({ name }) => name)).toEqual(["sid"]);
  });

  test("is what key says, too", async () => {
    const site = await serve(session, { saveUninitialized: true, key: "sid" });
    expect((await site.get()).setCookies.map(({ name }) => name)).toEqual(["sid"]);
  });

  test("is what name says where both are given", async () => {
    const site = await serve(session, { saveUninitialized: true, name: "one", key: "two" });
    expect((await site.get()).setCookies.map(({ name }) => name)).toEqual(["one"]);
  });

  test.each(["sid", "__Host-sid", "a.b-c_d", "$sid"])("%s is read as well as it is written", async (name) => {
    const site = await serve(session, { name }, (req, res) => {
      const known = req.session.user;
      req.session.user = "ann";
      res.end(String(known));
    });
    const first = await site.get();
    expect((await site.get("/", { cookie: first })).body).toBe("ann");
  });

  test("that no cookie can have is an error that reaches the application", async () => {
    const site = await serve(session, { saveUninitialized: true, name: "not a name" });
    await site.get().catch(() => undefined);
    await expect.poll(() => site.errors.length).toBeGreaterThan(0);
    expect(site.errors[0]?.message).toMatch(/argument name is invalid/);
  });
});

cases("secrets", (session) => {
  function remember(req: Request, res: Response): void {
    const known = req.session.user;
    req.session.user = "ann";
    res.end(known ?? "nobody");
  }

  test("a text signs", async () => {
    const site = await serve(session, { saveUninitialized: true, secret: "one", genid: () => "id" });
    expect((await site.get()).cookie()?.value).toBe(signed("id", "one"));
  });

  test("a Buffer signs, and is known again", async () => {
    const secret = randomBytes(32);
    const site = await serve(session, { secret, genid: () => "id" }, remember);
    const first = await site.get();
    expect(first.cookie()?.value).toBe(signed("id", secret));
    expect((await site.get("/", { cookie: first })).body).toBe("ann");
  });

  test("a list of Buffers is taken as well", async () => {
    const old = randomBytes(32);
    const store = watched(session);
    const before = await serve(session, { store, secret: old }, remember);
    const after = await serve(session, { store, secret: [randomBytes(32), old] }, remember);
    expect((await after.get("/", { cookie: await before.get() })).body).toBe("ann");
  });

  test("of a list the first signs", async () => {
    const site = await serve(session, {
      saveUninitialized: true,
      secret: ["one", "two"],
      genid: () => "id",
    });
    expect((await site.get()).cookie()?.value).toBe(signed("id", "one"));
  });

  test.each([0, 1, 2])("of a list number %d is known again", async (index) => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, user: "ann" });
    const secrets = ["one", "two", "three"];
    const site = await serve(session, { store, secret: secrets }, whoami);
    expect((await site.get("/", { cookie: cookieOf("known", secrets[index]) })).body).toBe("ann");
  });

  test("that are not in the list any more open nothing", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, user: "ann" });
    const site = await serve(session, { store, secret: ["two", "three"] }, whoami);
    expect((await site.get("/", { cookie: cookieOf("known", "one") })).body).toBe("nobody");
  });

  test("a session under an old secret is signed by the new one when its cookie is set anew", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, user: "ann" });
    const site = await serve(session, { store, secret: ["new", "old"], rolling: true }, whoami);
    const answer = await site.get("/", { cookie: cookieOf("known", "old") });
    expect(answer.cookie()?.value).toBe(signed("known", "new"));
  });

  test("a session under an old secret gets no new cookie for that alone", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, user: "ann" });
    const site = await serve(session, { store, secret: ["new", "old"] }, whoami);
    expect((await site.get("/", { cookie: cookieOf("known", "old") })).setCookies).toEqual([]);
  });

  test("two sites that share store and secret share their sessions", async () => {
    const store = watched(session);
    const one = await serve(session, { store }, remember);
    const two = await serve(session, { store }, remember);
    const first = await one.get();
    expect(cookieHeader(first)).toContain("connect.sid=");
    expect((await two.get("/", { cookie: first })).body).toBe("ann");
  });
});
