import { describe, expect, onTestFinished, test } from "vitest";
import {
  type App,
  EXPRESSES,
  type ExpressHandler,
  quiet,
  SECRET,
  serve,
  serveApp,
  type Site,
} from "./support/site.ts";
import { count, put, watched } from "./support/stores.ts";
import { cases, require } from "./support/subjects.ts";
import { cookieOf, signed } from "./support/signing.ts";
import type { Options } from "./support/types.ts";

const cookieParser = require("cookie-parser") as (secret?: string) => ExpressHandler;

const counting: ExpressHandler = (req, res) => {
  req.session.count = (req.session.count ?? 0) + 1;
  res.end(String(req.session.count));
};

const withoutHeader: ExpressHandler = (req, _res, next) => {
  delete req.headers.cookie;
  next();
};

const otherHeader: ExpressHandler = (req, _res, next) => {
  req.headers.cookie = "foo=bar";
  next();
};

cases("beside cookie-parser", (session) => {
  async function siteOf(
    parser: ExpressHandler,
    between: ExpressHandler,
    options: Options = {},
  ): Promise<Site> {
    const [, express] = EXPRESSES[1] as (typeof EXPRESSES)[number];
    const store = watched(session);
    await put(store, "known", { cookie: {}, count: 5 });
    return serveApp(express().use(parser, between, session(quiet({ store, ...options })), counting));
  }

  const nothing: ExpressHandler = (_req, _res, next) => next();

  test("the header counts", async () => {
    const site = await siteOf(cookieParser(SECRET), nothing);
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("6");
  });

  test("a parser with another secret does not matter", async () => {
    const site = await siteOf(cookieParser("another"), nothing);
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("6");
  });

  test("req.cookies is read where the header has no cookie of ours", async () => {
    const site = await siteOf(cookieParser(), otherHeader);
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("6");
  });

  test("req.cookies is not believed without a signature", async () => {
    const site = await siteOf(cookieParser(), otherHeader);
    expect((await site.get("/", { cookie: "connect.sid=known" })).body).toBe("1");
  });

  test("req.cookies is not believed with a wrong signature", async () => {
    const site = await siteOf(cookieParser(), otherHeader);
    expect((await site.get("/", { cookie: cookieOf("known", "wrong") })).body).toBe("1");
  });

  test("req.cookies is read with each secret of the list", async () => {
    const site = await siteOf(cookieParser(), withoutHeader, { secret: ["new", "old"] });
    expect((await site.get("/", { cookie: cookieOf("known", "old") })).body).toBe("6");
  });

  test("req.signedCookies is read where the header has gone", async () => {
    const site = await siteOf(cookieParser(SECRET), withoutHeader);
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("6");
  });

  test("req.signedCookies with a signature that the parser refused opens nothing", async () => {
    const site = await siteOf(cookieParser(SECRET), withoutHeader);
    expect((await site.get("/", { cookie: cookieOf("known", "wrong") })).body).toBe("1");
  });

  test("both are deprecated as sources", async () => {
    const messages = new Set<string>();
    const listener = (warning: Error): void => void messages.add(warning.message);
    process.on("deprecation", listener);
    onTestFinished(() => void process.off("deprecation", listener));
    const value = decodeURIComponent(signed("known"));
    // No application, for a place in the code is told once in a process.
    const site = await serve(session, {}, undefined, {
      before: (req) => {
        if (req.url === "/signed") req.signedCookies = { "connect.sid": "known" };
        else req.cookies = { "connect.sid": value };
      },
    });
    await site.get("/signed");
    await site.get("/plain");
    expect([...messages]).toEqual(["cookie should be available in req.headers.cookie"]);
  });

  test("its secret is used where none was given", async () => {
    const site = await siteOf(cookieParser(SECRET), nothing, { secret: undefined });
    const first = await site.get();
    expect((await site.get("/", { cookie: first })).body).toBe("2");
  });

  test("a session that came by req.signedCookies keeps its id", async () => {
    const site = await siteOf(cookieParser(SECRET), withoutHeader, { rolling: true });
    const answer = await site.get("/", { cookie: cookieOf("known") });
    expect(answer.cookie()?.value).toBe(signed("known"));
  });
});

cases("in Express", (session) => {
  describe.each(EXPRESSES)("%s", (_, express: () => App) => {
    test("a visitor is known again", async () => {
      const site = await serveApp(express().use(session(quiet())).use(counting));
      const first = await site.get();
      expect((await site.get("/", { cookie: first })).body).toBe("2");
    });

    test.each([
      ["send", (res: Parameters<ExpressHandler>[1]) => res.send("hi"), 200],
      ["json", (res: Parameters<ExpressHandler>[1]) => res.json({ a: 1 }), 200],
      ["redirect", (res: Parameters<ExpressHandler>[1]) => res.redirect("/to"), 302],
      ["sendStatus", (res: Parameters<ExpressHandler>[1]) => res.sendStatus(204), 204],
      [
        "sendFile",
        (res: Parameters<ExpressHandler>[1]) => res.sendFile("package.json", { root: process.cwd() }),
        200,
      ],
    ])("res.%s sends the cookie", async (_name, answer, status) => {
      const store = watched(session);
      const handler: ExpressHandler = (req, res) => {
        req.session.user = "ann";
        answer(res);
      };
      const site = await serveApp(
        express()
          .use(session(quiet({ store })))
          .use(handler),
      );
      const got = await site.get();
      expect(got.status).toBe(status);
      expect(got.cookie()).toBeDefined();
      expect(store.taken()).toEqual(["set"]);
    });

    test("res.cookie stands beside the session's cookie", async () => {
      const handler: ExpressHandler = (req, res) => {
        req.session.user = "ann";
        res.cookie("other", "1").clearCookie("gone").send("ok");
      };
      const site = await serveApp(express().use(session(quiet())).use(handler));
      const names = (await site.get()).setCookies.map(({ name }) => name);
      expect(names).toEqual(["other", "gone", "connect.sid"]);
    });

    test("a logout may clear the cookie", async () => {
      const store = watched(session);
      await put(store, "known", { cookie: {} });
      const handler: ExpressHandler = (req, res) => {
        req.session.destroy(() => res.clearCookie("connect.sid").send("bye"));
      };
      const site = await serveApp(
        express()
          .use(session(quiet({ store })))
          .use(handler),
      );
      const answer = await site.get("/", { cookie: cookieOf("known") });
      expect(answer.setCookies).toHaveLength(1);
      expect(answer.cookie()?.attributes["expires"]).toBe("Thu, 01 Jan 1970 00:00:00 GMT");
      expect(await count(store)).toBe(0);
    });

    test("an application within another sees the same session", async () => {
      const inner = express().get("/in", counting);
      const site = await serveApp(express().use(session(quiet())).use("/sub", inner).use(counting));
      const first = await site.get();
      expect((await site.get("/sub/in", { cookie: first })).body).toBe("2");
    });

    test("a middleware within an application leaves the outer session alone", async () => {
      const inner = express().use(session(quiet({ name: "inner" })), counting);
      const site = await serveApp(
        express()
          .use(session(quiet({ name: "outer" })))
          .use("/sub", inner),
      );
      const answer = await site.get("/sub/in");
      expect(answer.setCookies.map(({ name }) => name)).toEqual(["outer"]);
    });

    test("mounted under a path, it serves that path alone", async () => {
      const show: ExpressHandler = (req, res) => res.send(typeof req.session);
      const site = await serveApp(express().use("/in", session(quiet())).use(show));
      expect((await site.get("/in/a")).body).toBe("object");
      expect((await site.get("/out")).body).toBe("undefined");
    });

    test("the path of the cookie is compared with the whole address under a mount", async () => {
      const middleware = session(quiet({ saveUninitialized: true, cookie: { path: "/in/deep" } }));
      const show: ExpressHandler = (_req, res) => res.send("ok");
      const site = await serveApp(express().use("/in", middleware).use(show));
      expect((await site.get("/in/deep/er")).cookie()).toBeDefined();
      expect((await site.get("/in/deeper")).cookie()).toBeDefined();
      expect((await site.get("/in/other")).setCookies).toEqual([]);
    });

    test("two sites on one server, each with its own", async () => {
      const app = express();
      app.use("/one", session(quiet({ name: "one", cookie: { path: "/one" } })), counting);
      app.use("/two", session(quiet({ name: "two", cookie: { path: "/two" } })), counting);
      const site = await serveApp(app);
      const one = await site.get("/one");
      const two = await site.get("/two");
      const cookie = [one, two].map(({ setCookies: [each] }) => `${each?.name}=${each?.value}`).join("; ");
      expect((await site.get("/one", { cookie })).body).toBe("2");
      expect((await site.get("/two", { cookie })).body).toBe("2");
    });

    test("an error of a handler is the error handler's, and what the handler changed is stored", async () => {
      const store = watched(session);
      const handler: ExpressHandler = (req) => {
        req.session.user = "ann";
        throw new Error("of the handler");
      };
      const site = await serveApp(
        express()
          .use(session(quiet({ store })))
          .use(handler),
      );
      const answer = await site.get();
      expect([answer.status, answer.body]).toEqual([500, "of the handler"]);
      expect(store.taken()).toEqual(["set"]);
      expect(answer.cookie()).toBeDefined();
    });

    test("a path that nobody serves is 404, with the cookie where sessions are saved anyway", async () => {
      const site = await serveApp(express().use(session(quiet({ saveUninitialized: true }))));
      const answer = await site.get("/nowhere");
      expect(answer.status).toBe(404);
      expect(answer.cookie()).toBeDefined();
    });

    test("handlers may be asynchronous", async () => {
      const store = watched(session);
      const handler: ExpressHandler = async (req, res) => {
        await new Promise((resolve) => setImmediate(resolve));
        req.session.user = "ann";
        res.send("later");
      };
      const site = await serveApp(
        express()
          .use(session(quiet({ store })))
          .use(handler),
      );
      expect((await site.get()).cookie()).toBeDefined();
    });

    test("thirty visitors at once each have their own", async () => {
      const handler: ExpressHandler = async (req, res) => {
        req.session.user ??= req.url?.slice(1) ?? "";
        await new Promise((resolve) => setImmediate(resolve));
        res.send(req.session.user);
      };
      const site = await serveApp(express().use(session(quiet())).use(handler));
      const names = Array.from({ length: 30 }, (_none, index) => `visitor-${index}`);
      const firsts = await Promise.all(names.map((name) => site.get(`/${name}`)));
      const seconds = await Promise.all(firsts.map((first) => site.get("/again", { cookie: first })));
      expect(seconds.map(({ body }) => body)).toEqual(names);
    });
  });
});
