import { describe, expect, test } from "vitest";

import { serve } from "../support/site.ts";
import type { Request, Response } from "../support/types.ts";
import { fill, gate, KNOWN, ours, TextStore } from "./support.ts";

type Change = (req: Request) => unknown;

/**
 * Two requests overlap: both have loaded the session before the first of them saves. Gives what is stored at the end, and the answer to
 * the later one.
 */
async function overlapped(first: Change, second: Change, options = {}, store = new TextStore()) {
  const slow = gate();
  const handler = async (req: Request, res: Response): Promise<void> => {
    if (req.url?.startsWith("/begin")) fill(req);
    if (req.url === "/first") await first(req);
    if (req.url === "/second") {
      slow.reach();
      await slow.opened;
      await second(req);
    }
    res.end();
  };
  const { get } = await serve(ours, { ...KNOWN, store, ...options }, handler);
  const cookie = await get("/begin?a=1&b=1&c=1");
  const later = get("/second", { cookie });
  await slow.reached;
  await get("/first", { cookie });
  slow.open();
  const answer = await later;
  return {
    fields: store.fields(cookie.sid()),
    stored: JSON.parse(store.texts.get(cookie.sid()) ?? "null"),
    answer,
  };
}

describe("requests that overlap keep each other's fields", () => {
  test("that they set", async () => {
    const { fields } = await overlapped(
      ({ session }) => (session["a"] = "2"),
      ({ session }) => (session["b"] = "2"),
    );
    expect(fields).toEqual({ a: "2", b: "2", c: "1" });
  });

  test("that they added or removed", async () => {
    const { fields } = await overlapped(
      ({ session }) => {
        delete session["a"];
        session["new"] = { deep: [1] };
      },
      ({ session }) => {
        delete session["b"];
      },
    );
    expect(fields).toEqual({ c: "1", new: { deep: [1] } });
  });

  test("that they changed within", async () => {
    const { fields } = await overlapped(
      ({ session }) => (session["cart"] = ["apple"]),
      ({ session }) => {
        session["b"] = "2";
      },
    );
    expect(fields).toEqual({ a: "1", b: "2", c: "1", cart: ["apple"] });
  });

  test("when one of them changes nothing and is stored again by resave", async () => {
    const { fields } = await overlapped(
      ({ session }) => (session["a"] = "2"),
      () => undefined,
      { resave: true },
    );
    expect(fields).toEqual({ a: "2", b: "1", c: "1" });
  });

  test("when one saves by hand, twice", async () => {
    const { fields } = await overlapped(
      ({ session }) => (session["a"] = "2"),
      async ({ session }) => {
        session["b"] = "2";
        await session.save();
        session["c"] = "2";
        await session.save();
      },
    );
    expect(fields).toEqual({ a: "2", b: "2", c: "2" });
  });

  test("when one reads the session again, and changes another field", async () => {
    const { fields } = await overlapped(
      ({ session }) => (session["a"] = "2"),
      async (req) => {
        await (req.session.reload as unknown as () => Promise<void>)();
        expect(req.session["a"]).toBe("2");
        req.session["b"] = "2";
      },
    );
    expect(fields).toEqual({ a: "2", b: "2", c: "1" });
  });

  test("of one field the later commit has the last word, and the store tells of it", async () => {
    const store = new TextStore();
    const told: unknown[] = [];
    store.on("conflict", (event) => told.push(event));
    const { fields } = await overlapped(
      ({ session }) => (session["a"] = "2"),
      ({ session }) => (session["a"] = "3"),
      {},
      store,
    );
    expect(fields).toEqual({ a: "3", b: "1", c: "1" });
    expect(told).toEqual([{ id: expect.any(String), field: "a" }]);
  });

  test("with settings of the cookie: who only moves its time does not undo them", async () => {
    const { stored } = await overlapped(
      ({ session }) => (session.cookie.maxAge = 86_400_000),
      ({ session }) => (session["b"] = "2"),
      { cookie: { maxAge: 60_000 } },
    );
    expect(stored.cookie.originalMaxAge).toBe(86_400_000);
    expect(new Date(stored.cookie.expires).getTime()).toBeGreaterThan(Date.now() + 3_600_000);
  });

  test("with the MemoryStore", async () => {
    const store = new ours.MemoryStore() as unknown as TextStore & { sessions: Record<string, string> };
    Object.defineProperty(store, "texts", { get: () => new Map(Object.entries(store.sessions)) });
    store.fields = TextStore.prototype.fields;
    const { fields } = await overlapped(
      ({ session }) => (session["a"] = "2"),
      ({ session }) => (session["b"] = "2"),
      {},
      store,
    );
    expect(fields).toEqual({ a: "2", b: "2", c: "1" });
  });
});

test("a session of its own request alone is not read before it is stored", async () => {
  const store = new TextStore();
  const { get } = await serve(ours, { ...KNOWN, store }, async (req, res) => {
    await (req.session.regenerate as unknown as () => Promise<void>)();
    req.session.user = "ann";
    await req.session.save();
    res.end();
  });
  await get();
  expect(store.calls.filter((call) => call === "get")).toEqual([]);
});

test("a hundred overlapping requests each keep their field", async () => {
  const store = new TextStore();
  const { get } = await serve(ours, { ...KNOWN, store }, (req, res) => {
    fill(req);
    res.end();
  });
  const cookie = await get("/?first=1");
  const names = Array.from({ length: 100 }, (_, index) => `f${index}`);
  await Promise.all(names.map((name) => get(`/?${name}=1`, { cookie })));
  expect(Object.keys(store.fields(cookie.sid()) ?? {}).sort()).toEqual(["first", ...names].sort());
});
