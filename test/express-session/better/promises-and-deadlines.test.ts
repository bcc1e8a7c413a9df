import { describe, expect, test } from "vitest";

import { serve } from "../support/site.ts";
import type { Request } from "../support/types.ts";
import { KNOWN, ours, TextStore } from "./support.ts";

type Promising = Record<"save" | "reload" | "destroy" | "regenerate", () => Promise<void>>;

function promising(req: Request): Promising {
  return req.session as unknown as Promising;
}

describe("methods without a callback give a promise", () => {
  test("that resolves when the store is done", async () => {
    const store = new TextStore();
    const { get } = await serve(ours, { ...KNOWN, store }, async (req, res) => {
      const before = req.sessionID;
      req.session.user = "ann";
      await promising(req).save();
      const saved = store.fields(before);
      req.session.user = "bob";
      await promising(req).reload();
      const reloaded = req.session.user;
      await promising(req).regenerate();
      const isNew = req.sessionID !== before && req.session.user === undefined;
      await promising(req).destroy();
      res.end(JSON.stringify([saved, reloaded, isNew, req.session === undefined, store.texts.size]));
    });
    expect(JSON.parse((await get()).body)).toEqual([{ user: "ann" }, "ann", true, true, 0]);
  });

  test.each(["save", "reload", "destroy", "regenerate"] as const)(
    "that rejects with the store's error: %s",
    async (name) => {
      const store = new TextStore();
      store.before = () => {
        throw new Error("boom!");
      };
      const { get } = await serve(ours, { ...KNOWN, store }, async (req, res) => {
        const failed = promising(req)[name]();
        const message = await failed.catch((error: Error) => error.message);
        store.before = () => undefined;
        res.end(String(message));
      });
      expect((await get()).body).toBe("boom!");
    },
  );

  test("that nobody has to wait for: an unheard failure stops no process", async () => {
    const store = new TextStore();
    const unheard: unknown[] = [];
    const listener = (reason: unknown): number => unheard.push(reason);
    process.on("unhandledRejection", listener);
    const { get } = await serve(ours, { ...KNOWN, store }, (req, res) => {
      store.before = () => {
        throw new Error("boom!");
      };
      void promising(req).save();
      store.before = () => undefined;
      res.end();
    });
    await get();
    process.off("unhandledRejection", listener);
    expect(unheard).toEqual([]);
  });

  test("and with one they give the session itself", async () => {
    const { get } = await serve(ours, KNOWN, (req, res) => {
      const { session } = req;
      const isSame = session.save(() => undefined) === session;
      res.end(String(isSame));
    });
    expect((await get()).body).toBe("true");
  });
});

describe("a store that does not answer is given a deadline", () => {
  const silent = (operation: string): TextStore => {
    const store = new TextStore();
    store.before = (asked) => (asked === operation ? new Promise(() => undefined) : undefined);
    return store;
  };
  const options = (store: TextStore) => ({ ...KNOWN, store, deadline: "20ms" });

  test("when it is read: the request fails with 503", async () => {
    const store = silent("none");
    const { get, errors } = await serve(ours, options(store), (req, res) => {
      req.session.user = "ann";
      res.end();
    });
    const cookie = await get();
    store.before = () => new Promise(() => undefined);
    await get("/", { cookie });
    expect(errors).toMatchObject([{ code: "ERR_SESSION_STORE_UNAVAILABLE", status: 503 }]);
  });

  test("when it is read: nobody is logged out by that, with unset either", async () => {
    const store = silent("none");
    const { get } = await serve(ours, { ...options(store), unset: "destroy" }, (req, res) => {
      req.session.user = "ann";
      res.end();
    });
    const cookie = await get();
    store.before = (asked) => (asked === "get" ? new Promise(() => undefined) : undefined);
    await get("/", { cookie });
    expect(store.fields(cookie.sid())).toEqual({ user: "ann" });
  });

  test("when it is written: the response fails", async () => {
    const { get, errors } = await serve(ours, options(silent("set")), (req, res) => {
      req.session.user = "ann";
      res.end("welcome");
    });
    expect((await get()).body).not.toBe("welcome");
    expect(errors).toMatchObject([{ code: "ERR_SESSION_STORE_UNAVAILABLE", status: 503 }]);
  });

  test("when a session is ended, and what waits behind it goes on", async () => {
    const store = silent("destroy");
    const { get } = await serve(ours, options(store), async (req, res) => {
      const failure: unknown = await promising(req)
        .destroy()
        .catch((error: unknown) => error);
      res.end(String((failure as { code: string }).code));
    });
    expect((await get()).body).toBe("ERR_SESSION_STORE_UNAVAILABLE");
  });

  test("that has to be a duration", () => {
    expect(() => ours({ ...KNOWN, deadline: "soon" } as never)).toThrow("deadline");
  });
});

describe("a store that answers wrongly", () => {
  test("twice is heard once", async () => {
    const store = new TextStore();
    const get = store.get.bind(store);
    store.get = (sid, done) =>
      get(sid, (error, found) => {
        done(error, found);
        done(error, found);
      });
    let visits = 0;
    const site = await serve(ours, { ...KNOWN, store }, (req, res) => {
      visits += 1;
      req.session.user = "ann";
      res.end();
    });
    const cookie = await site.get();
    await site.get("/", { cookie });
    expect(visits).toBe(2);
  });

  test("by a throw or a rejection has failed", async () => {
    for (const fail of [
      () => {
        throw new Error("boom!");
      },
      () => Promise.reject(new Error("boom!")),
    ]) {
      const store = new TextStore();
      store.set = fail as never;
      const site = await serve(ours, { ...KNOWN, store }, (req, res) => {
        req.session.user = "ann";
        res.end();
      });
      expect((await site.get()).body).toBe("boom!");
    }
  });
});
