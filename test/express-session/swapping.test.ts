import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { withServers } from "../support/servers/programs.ts";
import { serve, type Site } from "./support/site.ts";
import { count, stored } from "./support/stores.ts";
import { original, ours } from "./support/subjects.ts";
import { LOCAL, type Opening, Servers } from "./support/third-party.ts";
import { HOUR, stoppedTime } from "./support/time.ts";
import type { MemoryStore, Options, Request, Response, SessionModule } from "./support/types.ts";

function shop(req: Request, res: Response): void {
  switch (req.url) {
    case "/out":
      return void req.session.destroy(() => res.end("bye"));
    case "/renew":
      return void req.session.regenerate(() => {
        req.session.user = "renewed";
        res.end();
      });
    case "/add":
      req.session.count = (req.session.count ?? 0) + 1;
      return void res.end(String(req.session.count));
    default:
      return void res.end(
        JSON.stringify([req.sessionID, req.session.count ?? null, req.session.cookie.originalMaxAge]),
      );
  }
}

const WAYS: readonly [string, SessionModule, SessionModule][] = [
  ["from express-session to holdfast/express-session", original, ours],
  ["from holdfast/express-session to express-session", ours, original],
];

function swapCases(stores: Readonly<Record<string, Opening>>, from: SessionModule, to: SessionModule): void {
  describe.each(Object.entries(stores))("on %s", (_name, open: Opening) => {
    async function sites(options: Options = {}): Promise<{ before: Site; after: Site; memory: MemoryStore }> {
      const { store, again, close } = await open(from);
      onTestFinished(close);
      const shared = { cookie: { maxAge: HOUR }, ...options };
      const before = await serve(from, { ...shared, store }, shop);
      const after = await serve(to, { ...shared, store: again(to) }, shop);
      return { before, after, memory: store as MemoryStore };
    }

    test("keeps the session, its id and its cookie", async () => {
      // A store upon files makes the cookie anew at each reading, less the time that has passed.
      stoppedTime(Date.now());
      const { before, after } = await sites();
      const cookie = await before.get("/add");
      const [id, number, age] = JSON.parse((await after.get("/", { cookie })).body);
      expect([id, number, age]).toEqual([cookie.sid(), 1, HOUR]);
    });

    test("goes on with it, and back again", async () => {
      const { before, after } = await sites();
      const cookie = await before.get("/add");
      expect((await after.get("/add", { cookie })).body).toBe("2");
      expect((await before.get("/add", { cookie })).body).toBe("3");
      expect((await after.get("/add", { cookie })).body).toBe("4");
    });

    test("writes what the other would have written", async () => {
      const { before, after, memory } = await sites();
      const one = await stored(memory, (await before.get("/add")).sid());
      const two = await stored(memory, (await after.get("/add")).sid());
      const shape = (kept: typeof one): unknown => [Object.keys(kept ?? {}), Object.keys(kept?.cookie ?? {})];
      expect(shape(two)).toEqual(shape(one));
    });

    test("a logout under one is a logout under both", async () => {
      const { before, after } = await sites();
      const cookie = await before.get("/add");
      await after.get("/out", { cookie });
      expect(JSON.parse((await before.get("/", { cookie })).body)[1]).toBeNull();
      expect(JSON.parse((await after.get("/", { cookie })).body)[1]).toBeNull();
    });

    test("a new id under one is known to the other, the old one is not", async () => {
      const { before, after } = await sites();
      const old = await before.get("/add");
      const renewed = await after.get("/renew", { cookie: old });
      expect(JSON.parse((await before.get("/", { cookie: renewed })).body)[0]).toBe(renewed.sid());
      expect(JSON.parse((await before.get("/", { cookie: old })).body)[0]).not.toBe(old.sid());
    });

    test("both at once serve one session, as when a fleet is changed server by server", async () => {
      const { before, after } = await sites();
      const cookie = await before.get("/add");
      for (let visit = 2; visit < 12; visit += 1) {
        const site = visit % 2 === 0 ? after : before;
        expect((await site.get("/add", { cookie })).body).toBe(String(visit));
      }
    });
  });
}

describe.each(WAYS)("changing %s", (_, from, to) => {
  swapCases(LOCAL, from, to);

  test("secrets that were rotated stay good", async () => {
    const store = new from.MemoryStore();
    const before = await serve(from, { store, secret: "old" }, shop);
    const after = await serve(to, { store, secret: ["new", "old"] }, shop);
    const cookie = await before.get("/add");
    expect((await after.get("/add", { cookie })).body).toBe("2");
  });

  test("the MemoryStore of one is a store for the other", async () => {
    const store = new from.MemoryStore();
    const site = await serve(to, { store }, shop);
    const cookie = await site.get("/add");
    expect((await site.get("/add", { cookie })).body).toBe("2");
    expect((await site.get("/out", { cookie })).body).toBe("bye");
    expect(await count(store)).toBe(0);
  });
});

withServers(["redis", "postgres"], () => {
  const servers = new Servers();
  beforeAll(() => servers.start());
  afterAll(() => servers.stop());

  describe.each(WAYS)("changing %s, upon a server", (_, from, to) => swapCases(servers.stores, from, to));
});
