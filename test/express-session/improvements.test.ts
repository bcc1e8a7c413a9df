import { createSecureServer, connect as connectHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { localCertificate } from "../browser/support/certificate.ts";
import { cookieHeader } from "./support/client.ts";
import { type Handler, quiet, serve, type Site } from "./support/site.ts";
import { put, stored, synchronousStore, watch, watched, type WatchedStore } from "./support/stores.ts";
import { original, ours } from "./support/subjects.ts";
import { cookieOf } from "./support/signing.ts";
import { MINUTE, stoppedTime } from "./support/time.ts";
import type { Middleware, Options, Request, SessionModule } from "./support/types.ts";

/**
 * Where holdfast/express-session is meant to differ. Each has the reason, what ours does, and, so that the difference stays a
 * known one, what express-session does.
 */
function improvement(
  name: string,
  reason: string,
  conversation: (session: SessionModule) => Promise<unknown>,
  { better, original: worse }: { readonly better: unknown; readonly original: unknown },
): void {
  describe(`${name} (${reason})`, () => {
    test("holdfast/express-session", async () => expect(await conversation(ours)).toEqual(better));
    test("express-session 1.19", async () => expect(await conversation(original)).toEqual(worse));
  });
}

interface Known extends Site {
  readonly store: WatchedStore;
}

async function known(session: SessionModule, handler: Handler, options: Options = {}): Promise<Known> {
  const store = watched(session);
  await put(store, "known", { cookie: { path: "/" }, user: "ann" });
  return { ...(await serve(session, { store, ...options }, handler)), store };
}

const cookie = cookieOf("known");

/** Requests to `/slow` wait in their handler until `/quick` has been answered. */
function overlapping(slow: (req: Request) => void, quick: Handler): Handler {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  return async (req, res, next) => {
    if (req.url === "/quick") {
      res.on("finish", release);
      return quick(req, res, next);
    }
    await held;
    slow(req);
    return res.end("slow");
  };
}

async function both(site: Known): Promise<void> {
  const { length } = site.store.calls;
  const slow = site.get("/slow", { cookie });
  await expect.poll(() => site.store.calls.length).toBeGreaterThan(length);
  await site.get("/quick", { cookie });
  await slow;
}

improvement(
  "a logout wins over a slow request that changes something",
  "whoever logged out is logged out",
  async (session) => {
    const site = await known(
      session,
      overlapping(
        (req) => (req.session.count = 1),
        (req, res) => req.session.destroy(() => res.end()),
      ),
    );
    await both(site);
    return stored(site.store, "known");
  },
  { better: undefined, original: expect.objectContaining({ user: "ann", count: 1 }) },
);

improvement(
  "a logout wins over a slow request with resave",
  "whoever logged out is logged out",
  async (session) => {
    const site = await known(
      session,
      overlapping(
        () => undefined,
        (req, res) => req.session.destroy(() => res.end()),
      ),
      { resave: true },
    );
    await both(site);
    return stored(site.store, "known");
  },
  { better: undefined, original: expect.objectContaining({ user: "ann" }) },
);

improvement(
  "a login wins over a slow request of the session before it",
  "the old id is given up for good",
  async (session) => {
    const site = await known(
      session,
      overlapping(
        (req) => (req.session.count = 1),
        (req, res) => req.session.regenerate(() => res.end()),
      ),
    );
    await both(site);
    return stored(site.store, "known");
  },
  { better: undefined, original: expect.objectContaining({ count: 1 }) },
);

improvement(
  "a session that was deleted in the store stays deleted",
  "an administrator's end is an end",
  async (session) => {
    const site = await known(
      session,
      overlapping(
        (req) => (req.session.count = 1),
        (req, res) => req.sessionStore.destroy(req.sessionID, () => res.end()),
      ),
    );
    await both(site);
    return stored(site.store, "known");
  },
  { better: undefined, original: expect.objectContaining({ count: 1 }) },
);

improvement(
  "a session that expired under a request, which found it gone, stays gone",
  "expiry is final",
  async (session) => {
    const time = stoppedTime();
    const store = watched(session);
    const options = { store, resave: true, cookie: { maxAge: MINUTE } };
    const site = await serve(session, options, (req, res) => {
      if (req.url !== "/late") return res.end((req.session.user = "ann"));
      time.pass(MINUTE);
      return req.session.reload((error) => res.end((error as Error).message));
    });
    const first = await site.get();
    const { body } = await site.get("/late", { cookie: first });
    return [body, (await stored(store, first.sid()))?.["user"]];
  },
  { better: ["failed to load session", undefined], original: ["failed to load session", "ann"] },
);

improvement(
  "overlapping requests that change different fields both survive",
  "no lost updates",
  async (session) => {
    const site = await known(
      session,
      overlapping(
        (req) => (req.session["slow"] = true),
        (req, res) => {
          req.session["quick"] = true;
          res.end();
        },
      ),
    );
    await both(site);
    const kept = await stored(site.store, "known");
    return { slow: kept?.["slow"], quick: kept?.["quick"], user: kept?.["user"] };
  },
  {
    better: { slow: true, quick: true, user: "ann" },
    original: { slow: true, quick: undefined, user: "ann" },
  },
);

improvement(
  "resave of an unchanged session does not undo another's change",
  "no lost updates",
  async (session) => {
    const site = await known(
      session,
      overlapping(
        () => undefined,
        (req, res) => {
          req.session.user = "bob";
          res.end();
        },
      ),
      { resave: true },
    );
    await both(site);
    return (await stored(site.store, "known"))?.["user"];
  },
  { better: "bob", original: "ann" },
);

improvement(
  "a field that one request deletes and another leaves alone is deleted",
  "no lost updates",
  async (session) => {
    const site = await known(
      session,
      overlapping(
        (req) => (req.session.count = 1),
        (req, res) => {
          delete req.session.user;
          res.end();
        },
      ),
    );
    await both(site);
    const kept = await stored(site.store, "known");
    return { user: kept?.["user"], count: kept?.["count"] };
  },
  { better: { user: undefined, count: 1 }, original: { user: "ann", count: 1 } },
);

improvement(
  "a redirect is followed to a page that sees the change, on a slow store",
  "saved before seen",
  async (session) => {
    const { store, ...site } = await known(session, (req, res) => {
      if (req.url === "/next") return res.end(String(req.session.count));
      req.session.count = 1;
      res.writeHead(302, { Location: "/next" });
      return res.end("Redirecting to /next");
    });
    let write = (): void => {};
    const { set } = store;
    store.set = (id, data, done) => {
      const text = JSON.stringify(data);
      write = () => set.call(store, id, JSON.parse(text), done);
    };
    // As a browser does: it follows as soon as it has the head.
    const headers = { cookie };
    const head = fetch(`${site.origin}/`, { headers, redirect: "manual" });
    const early = Promise.race([
      head.then(() => true),
      expect
        .poll(() => write.name)
        .toBe("write")
        .then(async () => {
          for (let other = 0; other < 5; other += 1) await site.get("/next");
          return false;
        }),
    ]);
    const wasEarly = await early;
    write();
    await (await head).text();
    return wasEarly;
  },
  { better: false, original: true },
);

const failing: readonly [name: string, Handler][] = [
  ["end", (_req, res) => res.end("saved")],
  ["a redirect", (_req, res) => res.writeHead(302, { Location: "/" }).end()],
  ["status and headers", (_req, res) => res.writeHead(201, { "X-A": "b" }).end("created")],
];

for (const [name, answer] of failing)
  improvement(
    `a save that fails is an answer that fails, by ${name}`,
    "nobody is told of what did not happen",
    async (session) => {
      const site = await known(session, (req, res, next) => {
        req.session.user = "bob";
        return answer(req, res, next);
      });
      site.store.set = (_id, _data, done) => done?.(new Error("boom!"));
      const { status } = await site.get("/", { cookie });
      await expect.poll(() => site.errors.length).toBe(1);
      return { failed: status >= 500, told: site.errors.map(({ message }) => message) };
    },
    { better: { failed: true, told: ["boom!"] }, original: { failed: false, told: ["boom!"] } },
  );

improvement(
  "no cookie is sent for a session that could not be stored",
  "a cookie is of a session that exists",
  async (session) => {
    const site = await known(session, (req, res) => {
      req.session.user = "bob";
      res.end();
    });
    site.store.set = (_id, _data, done) => done?.(new Error("boom!"));
    return (await site.get()).setCookies.length;
  },
  { better: 0, original: 1 },
);

improvement(
  "an end that fails is an answer that fails",
  "nobody is told to be logged out who is not",
  async (session) => {
    const site = await known(
      session,
      (req, res) => {
        Object.assign(req, { session: null });
        res.end("bye");
      },
      { unset: "destroy" },
    );
    site.store.destroy = (_id, done) => done?.(new Error("boom!"));
    return (await site.get("/", { cookie })).status;
  },
  { better: 500, original: 200 },
);

improvement(
  "methods give promises where they are given no callback",
  "awaiting is how it is written today",
  async (session) => {
    const site = await known(session, async (req, res) => {
      const isPromise = (value: unknown): boolean => value instanceof Promise;
      const saved = req.session.save();
      await saved;
      const renewed = (req.session.regenerate as (done?: () => void) => unknown)(() => undefined);
      await new Promise((resolve) => setImmediate(resolve));
      res.end(JSON.stringify([isPromise(saved), isPromise(renewed)]));
    });
    return (await site.get("/", { cookie })).body;
  },
  { better: "[true,false]", original: "[false,false]" },
);

test("the promises do what the callbacks do", async () => {
  const site = await known(ours, async (req, res) => {
    req.session.user = "bob";
    await req.session.save();
    req.session.user = "dropped";
    await (req.session.reload as unknown as () => Promise<void>).call(req.session);
    const reloaded = req.session.user;
    await (req.session.regenerate as unknown as () => Promise<void>).call(req.session);
    const renewed = req.sessionID;
    await req.session.destroy();
    res.end(JSON.stringify([reloaded, renewed !== "known", typeof req.session]));
  });
  expect((await site.get("/", { cookie })).body).toBe('["bob",true,"undefined"]');
});

test("the promises reject with what the store failed with", async () => {
  const site = await known(ours, async (req, res) => {
    const failures: string[] = [];
    const note = (error: unknown): void => void failures.push((error as Error).message);
    req.sessionStore.set = (_id, _data, done) => done?.(new Error("set"));
    req.sessionStore.get = (_id, done) => done(new Error("get"));
    req.sessionStore.destroy = (_id, done) => done?.(new Error("destroy"));
    await (req.session.save() as Promise<void>).catch(note);
    await (req.session.reload as unknown as () => Promise<void>).call(req.session).catch(note);
    await (req.session.destroy() as Promise<void>).catch(note);
    res.end(failures.join());
  });
  // What is not changed is not read again before it is written.
  expect((await site.get("/", { cookie })).body).toMatch(/^(set|get),get,destroy$/);
});

test.each([
  [{ maxAge: "1 day" }, "maxAge must be a number or Date"],
  ["path=/", "argument options must be a object"],
])(
  "cookie options of %o fail the request, where with express-session it is never answered",
  async (given, message) => {
    const site = await serve(ours, { cookie: given as never });
    const answer = await site.get();
    expect([answer.status, answer.body]).toEqual([500, message]);
  },
);

improvement(
  "a visit that changes something reads the session once more before it writes, where the store cannot tell",
  "the price of the merge, one more read",
  async (session) => {
    const store = watch(synchronousStore(session));
    await put(store, "known", { cookie: {} });
    store.taken();
    const site = await serve(session, { store }, (req, res) => {
      req.session.count = 1;
      res.end();
    });
    await site.get("/", { cookie });
    return store.taken();
  },
  { better: ["get", "get", "set"], original: ["get", "set"] },
);

test("HTTP/2 has sessions as HTTP/1 has, where express-session has nothing to offer", async () => {
  const middleware = ours(quiet({ name: "sid" })) as Middleware;
  const server = createSecureServer(localCertificate(), (request, response) => {
    const [req, res] = [request as unknown as Request, response as never];
    middleware(req, res, () => {
      req.session.count = (req.session.count ?? 0) + 1;
      response.end(String(req.session.count));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connectHttp2(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    rejectUnauthorized: false,
  });
  onTestFinished(async () => {
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const visit = (headers: Record<string, string>): Promise<{ body: string; cookies: string[] }> =>
    new Promise((resolve, reject) => {
      const stream = client.request({ ":path": "/", ...headers });
      let body = "";
      let cookies: string[] = [];
      stream.on("response", (answer) => (cookies = answer["set-cookie"] ?? []));
      stream.on("data", (chunk: Buffer) => (body += String(chunk)));
      stream.on("end", () => resolve({ body, cookies }));
      stream.on("error", reject);
      stream.end();
    });
  const first = await visit({});
  expect(first.body).toBe("1");
  const [line = ""] = first.cookies;
  expect((await visit({ cookie: line.split(";")[0] ?? "" })).body).toBe("2");
});

test("cookieHeader of no cookies is empty, so that no conversation goes on by accident", async () => {
  const site = await serve(ours, {});
  expect(cookieHeader(await site.get())).toBe("");
});
