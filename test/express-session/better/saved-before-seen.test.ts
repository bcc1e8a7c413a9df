import { createServer, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, connect } from "node:http2";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";

import { EXPRESSES, quiet, serve, serveApp } from "../support/site.ts";
import type { Request, Response } from "../support/types.ts";
import { fill, gate, KNOWN, ours, TextStore } from "./support.ts";

describe("nothing of a response leaves before its session is stored", () => {
  test.each<[string, (req: Request, res: Response) => unknown]>([
    ["an end", (_req, res) => res.end("hello")],
    ["a redirect", (_req, res) => res.writeHead(302, { Location: "/" }).end()],
    ["a write, and an end later", (_req, res) => res.write("hello") && setImmediate(() => res.end())],
    ["flushed headers", (_req, res) => (res.flushHeaders(), setImmediate(() => res.end("hello")))],
    ["a stream", (_req, res) => Readable.from(["he", "llo"]).pipe(res)],
  ])("of %s", async (_name, answer) => {
    const store = new TextStore();
    const writing = gate();
    store.before = async (operation) => {
      if (operation !== "set") return;
      writing.reach();
      await writing.opened;
    };
    const { get } = await serve(ours, { ...KNOWN, store }, (req, res) => {
      req.session.user = "ann";
      void answer(req, res);
    });
    let isAnswered = false;
    const answered = get().then((seen) => {
      isAnswered = true;
      return seen;
    });
    await writing.reached;
    await new Promise((resolve) => setImmediate(resolve));
    expect(isAnswered).toBe(false);
    writing.open();
    const seen = await answered;
    expect(seen.cookie()).toBeDefined();
    expect(store.fields(seen.sid())).toEqual({ user: "ann" });
  });

  test("of a writeHead, and what comes between it and the first byte is stored once and has its cookie", async () => {
    const store = new TextStore();
    const { get } = await serve(ours, { ...KNOWN, store }, (req, res) => {
      res.writeHead(200, { "X-Own": "1" });
      req.session.user = "ann";
      res.end();
    });
    const seen = await get();
    expect(store.fields(seen.sid())).toEqual({ user: "ann" });
    expect([store.calls, seen.headers["x-own"]]).toEqual([["set"], "1"]);
  });

  test("once, however many pieces it has", async () => {
    const store = new TextStore();
    const { get } = await serve(ours, { ...KNOWN, store, resave: true }, (req, res) => {
      fill(req);
      res.write("one");
      setImmediate(() => res.end("two"));
    });
    const cookie = await get("/?a=1");
    store.calls.length = 0;
    await get("/", { cookie });
    expect(store.calls).toEqual(["get", "get", "set"]);
  });

  test("and what changes after the first byte is stored before the last", async () => {
    const store = new TextStore();
    const { get } = await serve(ours, { ...KNOWN, store }, (req, res) => {
      req.session.user = "ann";
      res.write("hello");
      setImmediate(() => {
        req.session["late"] = true;
        res.end();
      });
    });
    const seen = await get();
    expect(store.fields(seen.sid())).toEqual({ user: "ann", late: true });
  });
});

describe("a save that failed is a response that failed", () => {
  function failing(): TextStore {
    const store = new TextStore();
    store.before = (operation) => {
      if (operation === "set") throw new Error("boom!");
    };
    return store;
  }

  test.each(EXPRESSES)(
    "in %s: its error handler answers, without the success's headers",
    async (_name, express) => {
      const app = express();
      app.use(ours({ ...KNOWN, store: failing() }));
      app.get("/", (req, res) => {
        req.session.user = "ann";
        res.redirect("/welcome");
      });
      const site = await serveApp(app);
      const seen = await site.get();
      expect([seen.status, seen.body, seen.headers.location, seen.cookie()]).toEqual([
        500,
        "boom!",
        undefined,
        undefined,
      ]);
      expect(site.errors.map(({ message }) => message)).toEqual(["boom!"]);
    },
  );

  test("while it streams: the answer is broken off by a plain one, and the error is told", async () => {
    const site = await serve(ours, { ...KNOWN, store: failing() }, (req, res) => {
      req.session.user = "ann";
      res.write("welcome");
    });
    const seen = await site.get();
    expect([seen.status, seen.body]).toEqual([503, "Service Unavailable\n"]);
    expect(site.errors.map(({ message }) => message)).toEqual(["boom!"]);
  });

  test("where nobody would hear of the error", async () => {
    const middleware = ours({ ...KNOWN, store: failing() });
    let visits = 0;
    const server = createServer((req, res) => {
      middleware(req as Request, res as Response, () => {
        visits += 1;
        (req as Request).session.user = "ann";
        res.end("welcome");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const seen = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect([seen.status, await seen.text(), visits]).toEqual([503, "Service Unavailable\n", 1]);
  });

  test("when a logout by unset could not take place", async () => {
    const store = new TextStore();
    const site = await serve(ours, { ...KNOWN, store, unset: "destroy" }, (req, res) => {
      if (req.url === "/out") req.session = null as never;
      else fill(req);
      res.end("done");
    });
    const cookie = await site.get("/?user=ann");
    store.before = (operation) => {
      if (operation === "destroy") throw new Error("boom!");
    };
    const seen = await site.get("/out", { cookie });
    expect([seen.status, seen.body]).toEqual([500, "boom!"]);
  });

  test("but for one that says itself that something failed", async () => {
    const site = await serve(ours, { ...KNOWN, store: failing() }, (req, res) => {
      req.session.user = "ann";
      res.statusCode = 502;
      res.end("elsewhere");
    });
    const seen = await site.get();
    expect([seen.status, seen.body]).toEqual([502, "elsewhere"]);
    expect(site.errors.map(({ message }) => message)).toEqual(["boom!"]);
  });

  test("and what was stored by hand before keeps its cookie", async () => {
    const store = new TextStore();
    const site = await serve(ours, { ...KNOWN, store }, async (req, res) => {
      req.session.user = "ann";
      await req.session.save();
      store.before = () => {
        throw new Error("boom!");
      };
      req.session["more"] = 1;
      res.end("done");
    });
    const seen = await site.get();
    expect(seen.status).toBe(500);
    expect(store.fields(seen.sid())).toEqual({ user: "ann" });
  });
});

test("HTTP/2 has all of it", async () => {
  const store = new TextStore();
  const middleware = ours(quiet({ store }));
  const server = createHttp2Server((req, res) => {
    const request = req as unknown as Request;
    middleware(request, res as unknown as Response, () => {
      request.session.count = (request.session.count ?? 0) + 1;
      res.end(String(request.session.count));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    client.close();
    server.close();
  });
  const ask = (cookie: string): Promise<{ body: string; cookie: string }> =>
    new Promise((resolve) => {
      const stream = client.request({ ":path": "/", cookie });
      let set = "";
      let body = "";
      stream.on("response", (headers) => (set = headers["set-cookie"]?.[0]?.split(";")[0] ?? ""));
      stream.on("data", (chunk: Buffer) => (body += chunk.toString()));
      stream.on("end", () => resolve({ body, cookie: set }));
    });
  const first = await ask("");
  expect([first.body, (await ask(first.cookie)).body]).toEqual(["1", "2"]);
});

test("a response object of a wrapper that has but an end is ended when the session is stored", async () => {
  const store = new TextStore();
  const middleware = ours({ ...KNOWN, store });
  const headers: Record<string, unknown> = {};
  await new Promise<void>((resolve) => {
    const req = { url: "/", headers: {} } as unknown as Request;
    const res = {
      getHeader: (name: string) => headers[name],
      setHeader: (name: string, value: unknown) => (headers[name] = value),
      end: resolve,
    } as unknown as ServerResponse;
    middleware(req, res as Response, () => {
      req.session.user = "ann";
      res.end();
    });
  });
  expect([store.texts.size, headers["Set-Cookie"]]).toEqual([1, [expect.stringMatching(/^connect\.sid=/)]]);
});
