import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { withServers } from "../support/servers/programs.ts";
import { serve, type Site } from "./support/site.ts";
import { stored } from "./support/stores.ts";
import { cases } from "./support/subjects.ts";
import { LOCAL, type Opening, Servers } from "./support/third-party.ts";
import { HOUR, stoppedTime } from "./support/time.ts";
import type { Request, Response, SessionModule, Store } from "./support/types.ts";

function shop(req: Request, res: Response): void {
  const { session } = req;
  switch (req.url) {
    case "/login":
      return void session.regenerate(() => {
        req.session.user = "ann";
        res.end(req.sessionID);
      });
    case "/logout":
      return void session.destroy(() => res.end("bye"));
    case "/add":
      session.items = [...(session.items ?? []), "apple ü 🍎"];
      return void res.end(String(session.items.length));
    case "/reload":
      return void session.reload((error) =>
        res.end(error ? (error as Error).message : (req.session.user ?? "nobody")),
      );
    case "/nested":
      session["deep"] = { er: [{ than: "this" }, null, 1.5] };
      return void session.save(() => res.end("saved"));
    default:
      return void res.end(
        JSON.stringify([session.user ?? null, session.items ?? [], session["deep"] ?? null]),
      );
  }
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

/** What every store that is made for express-session has to do under it. */
function storeCases(session: SessionModule, open: Opening): void {
  async function opened(): Promise<Site & { readonly store: Store; readonly second: () => Promise<Site> }> {
    const { store, again, close } = await open(session);
    onTestFinished(close);
    const options = { store, cookie: { maxAge: HOUR } };
    const second = (): Promise<Site> => serve(session, { ...options, store: again(session) }, shop);
    return { ...(await serve(session, options, shop)), store, second };
  }

  test("keeps a session from visit to visit", async () => {
    const site = await opened();
    const cookie = await site.get("/add");
    expect(cookie.body).toBe("1");
    expect((await site.get("/add", { cookie })).body).toBe("2");
    expect((await site.get("/", { cookie })).body).toBe('[null,["apple ü 🍎","apple ü 🍎"],null]');
  });

  test("has nothing of a visitor who leaves nothing", async () => {
    const site = await opened();
    const answer = await site.get();
    expect([answer.body, answer.setCookies.length]).toEqual(["[null,[],null]", 0]);
  });

  test("holds the session and its cookie under the id", async () => {
    // A store that makes cookies of its own counts from when it reads.
    stoppedTime(Date.now());
    const site = await opened();
    const answer = await site.get("/add");
    const kept = await stored(site.store, answer.sid());
    expect(kept?.["items"]).toEqual(["apple ü 🍎"]);
    expect(kept?.cookie).toMatchObject({ originalMaxAge: HOUR, httpOnly: true, path: "/" });
  });

  test("keeps nested values that were saved by hand", async () => {
    const site = await opened();
    const cookie = await site.get("/nested");
    expect((await site.get("/", { cookie })).body).toBe('[null,[],{"er":[{"than":"this"},null,1.5]}]');
  });

  test("gives a session up at a login, for a new one", async () => {
    const site = await opened();
    const before = await site.get("/add");
    const after = await site.get("/login", { cookie: before });
    expect(after.sid()).not.toBe(before.sid());
    expect((await site.get("/", { cookie: after })).body).toBe('["ann",[],null]');
    expect((await site.get("/", { cookie: before })).body).toBe("[null,[],null]");
  });

  test("forgets a session at a logout", async () => {
    const site = await opened();
    const cookie = await site.get("/login");
    expect((await site.get("/logout", { cookie })).body).toBe("bye");
    expect((await site.get("/", { cookie })).body).toBe("[null,[],null]");
    // A store upon files says so by an error, which is what the middleware makes "no such session" of.
    expect(await stored(site.store, cookie.sid()).catch(missing)).toBeUndefined();
  });

  test("reloads a session", async () => {
    const site = await opened();
    const cookie = await site.get("/login");
    expect((await site.get("/reload", { cookie })).body).toBe("ann");
  });

  test("is read by a second site", async () => {
    const site = await opened();
    const cookie = await site.get("/login");
    const second = await site.second();
    expect((await second.get("/", { cookie })).body).toBe('["ann",[],null]');
  });

  test("serves many visits at once", async () => {
    const site = await opened();
    const cookies = await Promise.all(Array.from({ length: 20 }, () => site.get("/login")));
    const bodies = await Promise.all(cookies.map(async (cookie) => (await site.get("/", { cookie })).body));
    expect(new Set(bodies)).toEqual(new Set(['["ann",[],null]']));
    expect(new Set(cookies.map((cookie) => cookie.sid())).size).toBe(20);
  });

  test("takes a visit that changes nothing", async () => {
    const site = await opened();
    const cookie = await site.get("/login");
    const again = await site.get("/", { cookie });
    expect([again.status, again.setCookies.length]).toEqual([200, 0]);
    expect(site.errors).toEqual([]);
  });
}

cases("stores of others", (session) => {
  for (const [name, open] of Object.entries(LOCAL)) describe(name, () => storeCases(session, open));
});

withServers(["redis", "postgres"], () => {
  const servers = new Servers();
  beforeAll(() => servers.start());
  afterAll(() => servers.stop());

  cases("stores of others, upon a server", (session) => {
    for (const [name, open] of Object.entries(servers.stores))
      describe(name, () => storeCases(session, open));
  });
});
