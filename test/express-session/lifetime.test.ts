import { expect, test } from "vitest";
import { serve } from "./support/site.ts";
import { count, put, stored, watched } from "./support/stores.ts";
import { cases } from "./support/subjects.ts";
import { cookieOf } from "./support/signing.ts";
import { HOUR, inFuture, MINUTE, stoppedTime } from "./support/time.ts";
import type { Request, Response } from "./support/types.ts";

function counting(req: Request, res: Response): void {
  req.session.count = (req.session.count ?? 0) + 1;
  res.end(`visit ${req.session.count}`);
}

function expires(answer: { cookie(): { attributes: object } | undefined }): unknown {
  return (answer.cookie()?.attributes as { expires?: string } | undefined)?.expires;
}

cases("maxAge", (session) => {
  test("is counted from the answer, not from the request", async () => {
    const time = stoppedTime();
    const site = await serve(session, { cookie: { maxAge: MINUTE } }, (req, res) => {
      req.session.user = "ann";
      time.pass(10_000);
      res.end();
    });
    const answer = await site.get();
    expect(expires(answer)).toBe(inFuture(MINUTE));
  });

  test("is sent anew with each change", async () => {
    const time = stoppedTime();
    const site = await serve(session, { cookie: { maxAge: MINUTE } }, counting);
    const first = await site.get();
    time.pass(20_000);
    const second = await site.get("/", { cookie: first });
    expect(second.body).toBe("visit 2");
    expect(expires(second)).toBe(inFuture(MINUTE));
  });

  test("is not sent anew without a change", async () => {
    stoppedTime();
    const site = await serve(session, { cookie: { maxAge: MINUTE }, saveUninitialized: true });
    expect((await site.get("/", { cookie: await site.get() })).setCookies).toEqual([]);
  });

  test("ends the session in the store", async () => {
    const time = stoppedTime();
    const store = watched(session);
    const site = await serve(session, { store, cookie: { maxAge: MINUTE } }, counting);
    const first = await site.get();
    time.pass(MINUTE);
    const second = await site.get("/", { cookie: first });
    expect(second.body).toBe("visit 1");
    expect(second.sid()).not.toBe(first.sid());
    expect(await count(store)).toBe(1);
  });

  test("has not ended the session a moment before", async () => {
    const time = stoppedTime();
    const site = await serve(session, { cookie: { maxAge: MINUTE } }, counting);
    const first = await site.get();
    time.pass(MINUTE - 1);
    expect((await site.get("/", { cookie: first })).body).toBe("visit 2");
  });

  test("is prolonged by a visit that changes nothing", async () => {
    const time = stoppedTime();
    const store = watched(session);
    await put(store, "known", {
      cookie: { path: "/", originalMaxAge: MINUTE, expires: new Date(time.now() + MINUTE).toISOString() },
      user: "ann",
    });
    const site = await serve(session, { store }, (req, res) => res.end(String(req.session.user)));
    time.pass(40_000);
    await site.get("/", { cookie: cookieOf("known") });
    time.pass(40_000);
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("ann");
  });

  test("of a new cookie tells the time that is left", async () => {
    const time = stoppedTime();
    const site = await serve(session, { cookie: { maxAge: MINUTE } }, (req, res) => {
      const before = req.session.cookie.maxAge;
      time.pass(1500);
      res.end(JSON.stringify([before, req.session.cookie.maxAge, req.session.cookie.originalMaxAge]));
    });
    expect((await site.get()).body).toBe("[60000,58500,60000]");
  });

  test("of a known cookie tells the time that was left", async () => {
    const time = stoppedTime();
    const site = await serve(session, { cookie: { maxAge: MINUTE }, saveUninitialized: true }, (req, res) =>
      res.end(JSON.stringify([req.session.cookie.maxAge, req.session.cookie.originalMaxAge])),
    );
    const first = await site.get();
    time.pass(20_000);
    expect((await site.get("/", { cookie: first })).body).toBe("[40000,60000]");
  });

  test("that a handler sets holds from then on", async () => {
    const time = stoppedTime();
    const site = await serve(session, { cookie: { maxAge: MINUTE } }, (req, res) => {
      if (req.url === "/remember") req.session.cookie.maxAge = HOUR;
      counting(req, res);
    });
    const first = await site.get("/remember");
    expect(expires(first)).toBe(inFuture(HOUR));
    time.pass(2 * MINUTE);
    const second = await site.get("/", { cookie: first });
    expect(second.body).toBe("visit 2");
    expect(expires(second)).toBe(inFuture(HOUR));
  });

  test("that a handler sets of a known session is sent when the session changes", async () => {
    stoppedTime();
    const site = await serve(session, { cookie: { maxAge: MINUTE } }, (req, res) => {
      if (req.url === "/long") req.session.cookie.maxAge = 3_000_000_000;
      counting(req, res);
    });
    const second = await site.get("/long", { cookie: await site.get() });
    expect(expires(second)).toBe(inFuture(3_000_000_000));
  });

  test("that a handler sets alone is no change of a known session", async () => {
    stoppedTime();
    const store = watched(session);
    const site = await serve(
      session,
      { store, saveUninitialized: true, cookie: { maxAge: MINUTE } },
      (req, res) => {
        if (req.url === "/long") req.session.cookie.maxAge = HOUR;
        res.end();
      },
    );
    const first = await site.get();
    store.taken();
    expect((await site.get("/long", { cookie: first })).setCookies).toEqual([]);
    expect(store.taken()).toEqual(["get", "touch"]);
  });

  test("of null is for as long as the browser runs", async () => {
    const site = await serve(session, { cookie: { maxAge: MINUTE } }, (req, res) => {
      req.session.cookie.maxAge = null;
      counting(req, res);
    });
    const first = await site.get();
    expect(expires(first)).toBeUndefined();
    expect((await site.get("/", { cookie: first })).setCookies).toEqual([]);
  });

  test("of 0 ends at once", async () => {
    stoppedTime();
    const site = await serve(session, { cookie: { maxAge: 0 } }, counting);
    const first = await site.get();
    expect(expires(first)).toBe(inFuture(0));
    expect((await site.get("/", { cookie: first })).body).toBe("visit 1");
  });

  test("below 0 has ended", async () => {
    stoppedTime();
    const site = await serve(session, { cookie: { maxAge: -1000 } }, counting);
    expect(expires(await site.get())).toBe(inFuture(-1000));
  });

  test("of a handler that is no number is refused where it is set", async () => {
    const site = await serve(session, {}, (req, res) => {
      expect(() => (req.session.cookie.maxAge = "soon" as never)).toThrow(
        new TypeError("maxAge must be a number or Date"),
      );
      res.end("refused");
    });
    expect((await site.get()).body).toBe("refused");
  });
});

cases("expires", (session) => {
  test("is sent as a handler set it", async () => {
    const site = await serve(session, { saveUninitialized: true, cookie: {} }, (req, res) => {
      req.session.cookie.expires = new Date(0);
      res.end();
    });
    expect(expires(await site.get())).toBe("Thu, 01 Jan 1970 00:00:00 GMT");
  });

  test.each([null, false, undefined] as const)("of %o is for as long as the browser runs", async (value) => {
    const site = await serve(session, { cookie: { maxAge: MINUTE } }, (req, res) => {
      req.session.cookie.expires = value;
      counting(req, res);
    });
    const first = await site.get();
    expect(first.cookie()).toBeDefined();
    expect(expires(first)).toBeUndefined();
    const second = await site.get("/", { cookie: first });
    expect(second.body).toBe("visit 2");
  });

  test("a cookie without it is set once, whatever changes", async () => {
    const site = await serve(session, {}, counting);
    const first = await site.get();
    expect((await site.get("/", { cookie: first })).setCookies).toEqual([]);
  });

  test("is a Date on req.session.cookie of a known session, too", async () => {
    stoppedTime();
    const site = await serve(session, { cookie: { maxAge: MINUTE }, saveUninitialized: true }, (req, res) =>
      res.end(String(req.session.cookie.expires instanceof Date)),
    );
    const first = await site.get();
    expect([first.body, (await site.get("/", { cookie: first })).body]).toEqual(["true", "true"]);
  });

  test("of the store is the same moment as the cookie's", async () => {
    stoppedTime();
    const store = watched(session);
    const site = await serve(session, { store, cookie: { maxAge: MINUTE } }, counting);
    const answer = await site.get();
    const kept = await stored(store, answer.sid());
    expect(new Date(String(kept?.cookie["expires"])).toUTCString()).toBe(expires(answer));
  });

  test("of a session that a store still gives makes the session what it is, expired or not", async () => {
    stoppedTime();
    const store = watched(session);
    const site = await serve(session, { store }, (req, res) => res.end(String(req.session.user)));
    store.get = (_id, done) =>
      done(null, { cookie: { expires: "2001-01-01T00:00:00.000Z", originalMaxAge: 1 }, user: "ann" });
    expect((await site.get("/", { cookie: cookieOf("old") })).body).toBe("ann");
  });
});

cases("rolling", (session) => {
  test("is off by default", async () => {
    stoppedTime();
    const site = await serve(session, { cookie: { maxAge: MINUTE }, saveUninitialized: true });
    expect((await site.get("/", { cookie: await site.get() })).setCookies).toEqual([]);
  });

  test("sets the cookie with each answer", async () => {
    const time = stoppedTime();
    const options = { cookie: { maxAge: MINUTE }, saveUninitialized: true, rolling: true };
    const site = await serve(session, options);
    const first = await site.get();
    time.pass(10_000);
    const second = await site.get("/", { cookie: first });
    expect(second.sid()).toBe(first.sid());
    expect(expires(second)).toBe(inFuture(MINUTE));
  });

  test("sets a cookie without an age as well", async () => {
    const site = await serve(session, { rolling: true, saveUninitialized: true });
    const second = await site.get("/", { cookie: await site.get() });
    expect(second.cookie()?.attributes).toEqual({ path: "/", httponly: true });
  });

  test("sets none for a new session without content", async () => {
    const store = watched(session);
    const site = await serve(session, { store, rolling: true });
    expect((await site.get()).setCookies).toEqual([]);
    expect(store.calls).toEqual([]);
  });

  test("sets one for a new session with content", async () => {
    const store = watched(session);
    const site = await serve(session, { store, rolling: true }, counting);
    expect((await site.get()).cookie()).toBeDefined();
    expect(store.taken()).toEqual(["set"]);
  });

  test("does not store what did not change", async () => {
    const store = watched(session);
    const site = await serve(session, { store, rolling: true, saveUninitialized: true });
    const first = await site.get();
    store.taken();
    await site.get("/", { cookie: first });
    expect(store.taken()).toEqual(["get", "touch"]);
  });

  test("takes any value that is true", async () => {
    const site = await serve(session, { rolling: 1 as never, saveUninitialized: true });
    expect((await site.get("/", { cookie: await site.get() })).cookie()).toBeDefined();
  });

  test("tells of the age that the handler set, also by itself", async () => {
    stoppedTime();
    const options = { cookie: { maxAge: MINUTE }, saveUninitialized: true, rolling: true };
    const site = await serve(session, options, (req, res) => {
      if (req.url === "/long") req.session.cookie.maxAge = HOUR;
      res.end();
    });
    expect(expires(await site.get("/long", { cookie: await site.get() }))).toBe(inFuture(HOUR));
  });

  test("counts from the moment at which the head is sent", async () => {
    const time = stoppedTime();
    const options = { cookie: { maxAge: MINUTE }, rolling: true };
    const site = await serve(session, options, (req, res) => {
      req.session.user = "ann";
      res.write("hello, ");
      time.pass(5000);
      res.end("world!");
    });
    const sentAt = time.now();
    const answer = await site.get();
    expect(answer.body).toBe("hello, world!");
    expect(expires(answer)).toBe(new Date(sentAt + MINUTE).toUTCString());
  });
});
