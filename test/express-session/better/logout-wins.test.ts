import { describe, expect, test } from "vitest";

import { serve } from "../support/site.ts";
import { finished, stored } from "../support/stores.ts";
import type { Request, Response } from "../support/types.ts";
import { fill, gate, KNOWN, ours, TextStore } from "./support.ts";

/** A site with a slow page that changes the session at its end, and with pages that end it. */
async function site(store: TextStore, options = {}) {
  const slow = gate();
  const pages: Record<string, (req: Request, res: Response) => unknown> = {
    "/login": (req, res) => {
      req.session.user = "ann";
      res.end();
    },
    "/slow": async (req, res) => {
      slow.reach();
      await slow.opened;
      req.session["note"] = "late";
      res.end("done");
    },
    "/slow-save": async (req, res) => {
      slow.reach();
      await slow.opened;
      req.session["note"] = "late";
      await req.session.save();
      res.end("done");
    },
    "/slow-visit": async (_req, res) => {
      slow.reach();
      await slow.opened;
      res.end("done");
    },
    "/destroy": async (req, res) => {
      await req.session.destroy();
      res.end("out");
    },
    "/unset": (req, res) => {
      req.session = null as never;
      res.end("out");
    },
    "/regenerate": async (req, res) => {
      await (req.session.regenerate as unknown as () => Promise<void>)();
      fill(req);
      res.end("new");
    },
  };
  const served = await serve(ours, { ...KNOWN, store, ...options }, (req, res) =>
    pages[new URL(req.url ?? "", "http://h").pathname]?.(req, res),
  );
  const cookie = await served.get("/login");
  return { ...served, slow, cookie, sid: cookie.sid() };
}

describe("a session that ended stays ended, whatever request is under way", () => {
  test.each([
    ["/destroy", "/slow"],
    ["/destroy", "/slow-save"],
    ["/destroy", "/slow-visit"],
    ["/unset", "/slow"],
    ["/regenerate", "/slow"],
  ])("by %s, beside %s", async (ending, page) => {
    const store = new TextStore();
    const { get, slow, cookie, sid } = await site(store, { unset: "destroy" });
    const answer = get(page, { cookie });
    await slow.reached;
    await get(ending, { cookie });
    slow.open();
    expect((await answer).status).toBe(200);
    expect(store.fields(sid)).toBeNull();
  });

  test("with resave, which stores what did not change", async () => {
    const store = new TextStore();
    const { get, slow, cookie, sid } = await site(store, { resave: true });
    const answer = get("/slow-visit", { cookie });
    await slow.reached;
    await get("/destroy", { cookie });
    slow.open();
    await answer;
    expect(store.fields(sid)).toBeNull();
  });

  test("by another process, before the other is about to save", async () => {
    const store = new TextStore();
    const { get, slow, cookie, sid } = await site(store);
    const answer = get("/slow", { cookie });
    await slow.reached;
    await finished((done) => new TextStore(store.texts).destroy(sid, done));
    slow.open();
    await answer;
    expect(store.fields(sid)).toBeNull();
  });

  test("by a store's own methods, with the MemoryStore", async () => {
    const store = new ours.MemoryStore();
    const { get, slow, cookie, sid } = await site(store as never);
    const answer = get("/slow", { cookie });
    await slow.reached;
    await finished((done) => store.destroy(sid, done));
    slow.open();
    await answer;
    expect(await stored(store, sid)).toBeUndefined();
  });

  test("when the logout comes while the other is being saved", async () => {
    const store = new TextStore();
    const { get, slow, cookie, sid } = await site(store);
    const writing = gate();
    store.before = async (operation) => {
      if (operation !== "set") return;
      writing.reach();
      await writing.opened;
    };
    const answer = get("/slow", { cookie });
    await slow.reached;
    slow.open();
    await writing.reached;
    const out = get("/destroy", { cookie });
    // The logout has come when a whole request after it is answered.
    await get("/slow-visit");
    writing.open();
    expect([(await answer).status, (await out).status]).toEqual([200, 200]);
    expect(store.fields(sid)).toBeNull();
  });
});

test.each(["/slow", "/slow-visit"])(
  "a late answer (%s) of a session that ended sends no cookie of it, which would take the place of a newer login's",
  async (page) => {
    const { get, slow, cookie } = await site(new TextStore(), { rolling: true });
    const answer = get(page, { cookie });
    await slow.reached;
    const login = await get("/regenerate?user=ann", { cookie });
    slow.open();
    expect(login.cookie()).toBeDefined();
    expect((await answer).cookie()).toBeUndefined();
  },
);

test("a logout that failed has ended nothing: the other request's changes are stored", async () => {
  const store = new TextStore();
  const { get, slow, cookie, sid, errors } = await site(store);
  const answer = get("/slow", { cookie });
  await slow.reached;
  store.before = (operation) => {
    if (operation === "destroy") throw new Error("boom!");
  };
  expect((await get("/destroy", { cookie })).status).toBe(500);
  slow.open();
  await answer;
  expect(errors.map(({ message }) => message)).toEqual(["boom!"]);
  expect(store.fields(sid)).toEqual({ user: "ann", note: "late" });
});

test("an id that is given out again after its session ended is a new session's", async () => {
  const store = new TextStore();
  const { get, cookie, sid } = await site(store, { genid: () => "one" });
  await get("/regenerate?a=1", { cookie });
  expect(sid).toBe("one");
  expect(store.fields("one")).toEqual({ a: "1" });
});

test("a save that was dropped is told by the store's event gone, without the id that opens the session", async () => {
  const store = new TextStore();
  const told: unknown[] = [];
  store.on("gone", (event) => told.push(event));
  const { get, slow, cookie, sid } = await site(store);
  const answer = get("/slow", { cookie });
  await slow.reached;
  await get("/destroy", { cookie });
  slow.open();
  await answer;
  expect(told).toEqual([{ id: expect.any(String), reason: "gone", fields: ["note"] }]);
  expect(JSON.stringify(told)).not.toContain(sid);
});
