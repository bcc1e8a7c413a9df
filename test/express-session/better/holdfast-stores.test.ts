import { describe, expect, test } from "vitest";

import type { AnyStore } from "../../../src/core/store.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { onEveryEngine } from "../../bridges/support/engines.ts";
import { signed } from "../support/signing.ts";
import { serve, type Site } from "../support/site.ts";
import type { Options, Request, Response } from "../support/types.ts";
import { fill, gate, KNOWN, ours } from "./support.ts";

const KINDS = ["/destroy", "/regenerate"] as const;

/** A site upon a store of Holdfast, as one process of several. */
async function site(
  store: AnyStore,
  options: Options = {},
): Promise<Site & { readonly slow: ReturnType<typeof gate> }> {
  const slow = gate();
  const handler = async (req: Request, res: Response): Promise<void> => {
    const { pathname } = new URL(req.url ?? "", "http://h");
    const session = req.session as unknown as Record<"destroy" | "regenerate", () => Promise<void>>;
    if (pathname === "/slow") {
      slow.reach();
      await slow.opened;
    }
    if (pathname === "/destroy") await session.destroy();
    if (pathname === "/regenerate") await session.regenerate();
    if (req.session !== undefined) fill(req);
    res.end(JSON.stringify(req.session ?? null));
  };
  const served = await serve(ours, { ...KNOWN, store: store as never, ...options }, handler);
  return { ...served, slow };
}

function fieldsOf({ body }: { readonly body: string }): Record<string, unknown> {
  const { cookie: _cookie, ...fields } = JSON.parse(body) as Record<string, unknown>;
  return fields;
}

describe("a store of Holdfast under the middleware", () => {
  onEveryEngine((open) => {
    test("keeps sessions, for every process", async () => {
      const one = await site(await open());
      const other = await site(await open());
      const cookie = await one.get("/?user=ann");
      expect(fieldsOf(await other.get("/?cart=1", { cookie }))).toEqual({ user: "ann", cart: "1" });
      expect(fieldsOf(await one.get("/", { cookie }))).toEqual({ user: "ann", cart: "1" });
    });

    test("keeps both of two processes' changes", async () => {
      const one = await site(await open());
      const other = await site(await open());
      const cookie = await one.get("/?a=1&b=1");
      const later = one.get("/slow?a=2", { cookie });
      await one.slow.reached;
      await other.get("/?b=2", { cookie });
      one.slow.open();
      await later;
      expect(fieldsOf(await other.get("/", { cookie }))).toEqual({ a: "2", b: "2" });
    });

    test.each(KINDS)("lets no process bring back what another ended by %s", async (ending) => {
      const one = await site(await open());
      const other = await site(await open());
      const cookie = await one.get("/?user=ann");
      const later = one.get("/slow?late=1", { cookie });
      await one.slow.reached;
      await other.get(ending, { cookie });
      one.slow.open();
      expect((await later).status).toBe(200);
      expect(fieldsOf(await other.get("/", { cookie }))).toEqual({});
    });
  });

  test("gives requests a store as express-session's are", async () => {
    const store = memoryStore();
    const { get } = await serve(ours, { ...KNOWN, store: store as never }, (req, res) => {
      const { sessionStore } = req;
      req.session.user = "ann";
      req.session.save(() => {
        sessionStore.load(req.sessionID, (error, loaded) => {
          sessionStore.length((_failure, length) => {
            res.end(JSON.stringify([sessionStore instanceof ours.Store, error, loaded?.user, length]));
          });
        });
      });
    });
    expect(JSON.parse((await get()).body)).toEqual([true, null, "ann", 1]);
  });

  test("is one to requests, whichever middleware they went by", async () => {
    const store = memoryStore();
    const stores: unknown[] = [];
    for (const name of ["a", "b"]) {
      const { get } = await serve(ours, { ...KNOWN, name, store: store as never }, (req, res) => {
        stores.push(req.sessionStore);
        res.end();
      });
      await get();
    }
    expect(stores[0]).toBe(stores[1]);
  });

  test("never holds what opens a session: a stored id that comes as a cookie opens none", async () => {
    const store = memoryStore();
    const { get } = await site(store);
    const cookie = await get("/?user=ann");
    const { records } = await store.all({ limit: 10 }, { signal: new AbortController().signal });
    const text = JSON.stringify(records);
    expect(records).toHaveLength(1);
    expect(text).not.toContain(cookie.sid());
    for (const stolen of [records[0]?.id, records[0]?.secretHash])
      expect(fieldsOf(await get("/", { cookie: `connect.sid=${signed(String(stolen))}` }))).toEqual({});
  });

  test("has its failure told with 503, within the deadline", async () => {
    const store = memoryStore();
    const { get, errors } = await site(store, { deadline: "20ms" } as Options);
    const cookie = await get("/?user=ann");
    store.read = () => new Promise(() => undefined);
    await get("/", { cookie });
    expect(errors).toMatchObject([{ code: "ERR_SESSION_STORE_UNAVAILABLE", status: 503 }]);
  });
});
