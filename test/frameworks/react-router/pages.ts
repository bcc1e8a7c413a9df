import { describe, expect, test } from "vitest";
import { SessionError, SessionManager } from "../../../src/index.ts";
import { failsBefore, faultyStore, gate, waitsBefore } from "../../../src/testing/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Built } from "./build.ts";
import { type Args, cookieAfter, cookieNames, form, rigOf, type Rig, SESSION, textOf } from "./rig.ts";

const DOWN = new Error("redis at 10.0.0.1 is down");

/** The two kinds of requests to a page: of a browser for the document, and of the framework's client for the data. */
const KINDS = { document: "", "single fetch": ".data" } as const;

/** What is the framework's own: pages, their forms, their errors and their streams. */
export function describePages(built: () => Built): void {
  describe("a page", () => pages(built));
  describe("what loaders and actions throw", () => throwing(built));
  describe("a session that cannot be read or saved", () => failing(built));
  describe("a streamed promise", () => streams(built));
  describe("a middleware below", () => below(built));
  describe("the context", () => contexts(built));
}

function paint({ sessions }: Rig, then: () => unknown): (args: Args) => unknown {
  return ({ context }) => {
    context.get(sessions.context).set("colour", "blue");
    return then();
  };
}

/** Throws what is no error, as the framework's handlers do. */
function throws(value: unknown): () => never {
  return () => {
    throw value;
  };
}

function pages(built: () => Built): void {
  for (const [kind, suffix] of Object.entries(KINDS)) {
    test(`as a ${kind} is held until what its loader changed is stored`, async () => {
      const rig = rigOf(built());
      const cookie = await rig.visitor();
      const door = gate();
      rig.store.always("update", waitsBefore(door));
      let answered = false;
      const answer = rig.ask(`/app/page${suffix}`, { "page loader": paint(rig, () => "x") }, { cookie });
      void answer.then(() => (answered = true));
      await door.reached();
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      expect(answered).toBe(false);
      door.open();
      expect((await answer).status).toBe(200);
      expect((await rig.stored(cookie)).data).toEqual({ colour: "blue" });
    });

    test(`as a ${kind} sets the cookie of a new session, and keeps it from caches`, async () => {
      const rig = rigOf(built());
      const response = await rig.ask(`/app/page${suffix}`, { "page loader": paint(rig, () => "x") });
      expect(cookieNames(response)).toEqual([SESSION]);
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(response.headers.get("vary")).toMatch(/cookie/i);
    });

    test(`as a ${kind} has one session for all its loaders, one read and one write`, async () => {
      const rig = rigOf(built());
      const cookie = await rig.visitor();
      rig.store.forget();
      const add = async ({ context }: Args): Promise<unknown> => {
        await Promise.resolve();
        return rig.sessions.of(context).increment("loaders");
      };
      const loaders = { "root loader": add, "layout loader": add, "deep loader": add, "deeper loader": add };
      expect((await rig.ask(`/app/deep/er${suffix}`, loaders, { cookie })).status).toBe(200);
      expect([rig.store.count("read"), rig.store.count("update")]).toEqual([1, 1]);
      expect((await rig.stored(cookie)).data).toMatchObject({ loaders: 4 });
    });
  }

  test("whose form is sent without JavaScript redirects with the cookie of a login", async () => {
    const rig = rigOf(built());
    const cookie = await rig.visitor();
    const action = async ({ request, context }: Args): Promise<Response> => {
      const name = (await request.formData()).get("name");
      rig.sessions.of(context).login(String(name));
      return new Response(null, { status: 302, headers: { location: "/app/page" } });
    };
    const page = await rig.ask("/app/page", {}, { cookie });
    expect(await page.text()).toMatch(/<form (?=[^>]*method="post")(?=[^>]*action="\/app\/page")/);
    const response = await rig.ask(
      "/app/page",
      { "page action": action },
      { cookie, ...form({ name: "ada" }) },
    );
    expect([response.status, response.headers.get("location")]).toEqual([302, "/app/page"]);
    expect(await rig.stored(cookieAfter(response))).toEqual({ user: "ada", data: { colour: "red" } });
    expect((await rig.stored(cookie)).user).toBeNull();
  });

  test("whose action does not redirect is made of the session as the action left it", async () => {
    const rig = rigOf(built());
    const read = ({ context }: Args): unknown => rig.sessions.of(context).get("colour");
    const handlers = { "page action": paint(rig, () => "done"), "page loader": read };
    const response = await rig.ask("/app/page", handlers, form({ name: "ada" }));
    const text = await response.text();
    expect([textOf(text, "action"), textOf(text, "page")]).toEqual(['"done"', '"blue"']);
    expect((await rig.stored(cookieAfter(response))).data).toEqual({ colour: "blue" });
  });

  test("whose form is sent by the framework's client gets its redirect with the cookie", async () => {
    const rig = rigOf(built());
    const action = paint(rig, () => new Response(null, { status: 302, headers: { location: "/app/late" } }));
    const response = await rig.ask("/app/page.data", { "page action": action }, form({ name: "ada" }));
    expect(response.status).toBe(202);
    expect(await response.text()).toContain("/app/late");
    expect((await rig.stored(cookieAfter(response))).data).toEqual({ colour: "blue" });
  });

  test("with a clientLoader has its session when the client asks for the data", async () => {
    const rig = rigOf(built());
    const cookie = await rig.visitor();
    const loader = ({ context }: Args): unknown => rig.sessions.of(context).get("colour");
    const path = "/app/client.data?_routes=routes%2Fclient";
    const response = await rig.ask(path, { "client loader": loader }, { cookie });
    expect([response.status, cookieNames(response)]).toEqual([200, []]);
    expect(await response.text()).toContain('"red"');
  });

  test("keeps the cookies and headers of its own beside the session's", async () => {
    const rig = rigOf(built());
    const headers = { "set-cookie": "theme=dark", "x-own": "kept", "cache-control": "public, max-age=60" };
    const own = (): unknown => ({ type: "DataWithResponseInit", data: 1, init: { headers } });
    const response = await rig.ask("/app/page", {
      "root loader": own,
      "page loader": paint(rig, () => 1),
    });
    expect(cookieNames(response)).toEqual(["theme", SESSION]);
    expect([response.headers.get("x-own"), response.headers.get("cache-control")]).toEqual([
      "kept",
      "no-store",
    ]);
    const read = ({ context }: Args): unknown => rig.sessions.of(context).user;
    const looked = await rig.ask("/app/page", { "root loader": own, "page loader": read });
    expect(looked.headers.get("cache-control")).toBe("private, max-age=60");
  });

  test("leaves no trace where nobody looks", async () => {
    const rig = rigOf(built());
    const response = await rig.ask("/app/page", {});
    expect([cookieNames(response), response.headers.get("vary"), rig.store.count()]).toEqual([[], null, 0]);
  });

  test("asked for by HEAD brings the cookie", async () => {
    const rig = rigOf(built());
    const response = await rig.ask("/app/page", { "page loader": paint(rig, () => 1) }, { method: "HEAD" });
    expect([response.status, await response.text(), cookieNames(response)]).toEqual([200, "", [SESSION]]);
  });
}

function throwing(built: () => Built): void {
  for (const [kind, suffix] of Object.entries(KINDS)) {
    test(`rolls back when it is an error, and the boundary answers (${kind})`, async () => {
      const rig = rigOf(built());
      const cookie = await rig.visitor();
      const handlers = { "deeper loader": paint(rig, throws(new Error("secret detail"))) };
      const response = await rig.ask(`/app/deep/er${suffix}`, handlers, { cookie });
      const text = await response.text();
      expect([response.status, cookieNames(response)]).toEqual([500, []]);
      expect(text).not.toContain("secret detail");
      if (kind === "document") expect(textOf(text, "deeper-error")).toBe("deeper error");
      expect(rig.errors).toMatchObject([{ message: "secret detail" }]);
      expect((await rig.stored(cookie)).data).toEqual({ colour: "red" });
    });

    test(`rolls back what another loader changed at the same time (${kind})`, async () => {
      const rig = rigOf(built());
      const cookie = await rig.visitor();
      const handlers = { "layout loader": paint(rig, () => 1), "page loader": throws(new Error("no")) };
      expect((await rig.ask(`/app/page${suffix}`, handlers, { cookie })).status).toBe(500);
      expect((await rig.stored(cookie)).data).toEqual({ colour: "red" });
    });

    test(`leaves a logout in force, and the page of the error revokes the cookie (${kind})`, async () => {
      const rig = rigOf(built());
      const cookie = await rig.visitor("ada");
      const leave = ({ context }: Args): unknown => {
        rig.sessions.of(context).logout();
        throw new Error("after the logout");
      };
      const response = await rig.ask(`/app/page${suffix}`, { "page loader": leave }, { cookie });
      expect([response.status, cookieAfter(response)]).toEqual([500, `${SESSION}=`]);
      expect(await rig.stored(cookie)).toEqual({ user: null, data: {} });
    });

    test(`leaves what commit() stored, and the page of the error brings its cookie (${kind})`, async () => {
      const rig = rigOf(built());
      const loader = async ({ context }: Args): Promise<unknown> => {
        const session = rig.sessions.of(context);
        session.login("ada");
        await session.commit();
        session.set("colour", "blue");
        throw new Error("after the commit");
      };
      const response = await rig.ask(`/app/page${suffix}`, { "page loader": loader });
      expect(response.status).toBe(500);
      expect(await rig.stored(cookieAfter(response))).toEqual({ user: "ada", data: {} });
    });

    test(`saves when it is a Response or data() with a status below 500 (${kind})`, async () => {
      for (const thrown of [
        new Response("no such good", { status: 404 }),
        { type: "DataWithResponseInit", data: "no", init: { status: 404 } },
      ]) {
        const rig = rigOf(built());
        const response = await rig.ask(`/app/deep/er${suffix}`, {
          "deeper loader": paint(rig, throws(thrown)),
        });
        const text = await response.text();
        expect([response.status, rig.errors]).toEqual([404, []]);
        if (kind === "document") expect(textOf(text, "deeper-error")).toBe("deeper 404");
        expect((await rig.stored(cookieAfter(response))).data).toEqual({ colour: "blue" });
      }
    });

    test(`rolls back when it is a Response with a status of 500 or above (${kind})`, async () => {
      const rig = rigOf(built());
      const cookie = await rig.visitor();
      const handlers = { "page action": paint(rig, throws(new Response("no", { status: 502 }))) };
      const response = await rig.ask(`/app/page${suffix}`, handlers, { cookie, ...form({ name: "x" }) });
      expect(response.status).toBe(502);
      expect((await rig.stored(cookie)).data).toEqual({ colour: "red" });
    });
  }

  test("rolls back when it is a component", async () => {
    const rig = rigOf(built());
    const cookie = await rig.visitor();
    const handlers = { "page loader": paint(rig, () => ({ render: "throws" })) };
    expect((await rig.ask("/app/page", handlers, { cookie })).status).toBe(500);
    expect((await rig.stored(cookie)).data).toEqual({ colour: "red" });
  });

  test("saves when it is a redirect", async () => {
    const rig = rigOf(built());
    const away = new Response(null, { status: 302, headers: { location: "/app/late" } });
    const response = await rig.ask("/app/page", { "page loader": paint(rig, throws(away)) });
    expect([response.status, response.headers.get("location")]).toEqual([302, "/app/late"]);
    expect((await rig.stored(cookieAfter(response))).data).toEqual({ colour: "blue" });
  });
}

function failing(built: () => Built): void {
  test("is a 503 of the root's boundary before any loader when it cannot be read", async () => {
    const rig = rigOf(built());
    const cookie = await rig.visitor();
    rig.store.always("read", failsBefore(DOWN));
    let ran = false;
    const loader = (): boolean => (ran = true);
    const response = await rig.ask("/app/page", { "page loader": loader }, { cookie });
    const text = await response.text();
    expect([response.status, ran, cookieNames(response)]).toEqual([503, false, []]);
    expect(textOf(text, "root-error")).toContain("root 503 Service Unavailable");
    expect(text).not.toContain("redis");
  });

  test("is a 503 of the root's boundary when it cannot be saved, and nothing of the page leaves", async () => {
    const rig = rigOf(built());
    rig.store.always("create", failsBefore(DOWN));
    const response = await rig.ask("/app/page", { "page loader": paint(rig, () => "paid") });
    const text = await response.text();
    expect([response.status, cookieNames(response)]).toEqual([503, []]);
    expect(textOf(text, "root-error")).toContain("root 503 Service Unavailable");
    expect([text.includes("redis"), textOf(text, "page")]).toEqual([false, undefined]);
  });

  test("is an error with its status for the framework's client", async () => {
    for (const init of [{}, form({ name: "ada" })]) {
      const rig = rigOf(built());
      rig.store.always("create", failsBefore(DOWN));
      const change = paint(rig, () => "paid");
      const response = await rig.ask(
        "/app/page.data",
        { "page loader": change, "page action": change },
        init,
      );
      const text = await response.text();
      expect([response.status, cookieNames(response)]).toEqual([503, []]);
      expect(response.headers.get("content-type")).toBe("text/x-script");
      expect([text.includes("ErrorResponse"), text.includes("Service Unavailable")]).toEqual([true, true]);
      expect(text).not.toContain("redis");
    }
  });

  test("replaces a redirect", async () => {
    const rig = rigOf(built());
    rig.store.always("create", failsBefore(DOWN));
    const away = new Response(null, { status: 302, headers: { location: "/thanks" } });
    const response = await rig.ask(
      "/app/page",
      { "page action": paint(rig, () => away) },
      form({ name: "x" }),
    );
    expect([response.status, response.headers.get("location")]).toEqual([503, null]);
  });

  test("is a 409 when another request was first", async () => {
    const rig = rigOf(built());
    const cookie = await rig.visitor();
    const slow = async ({ context }: Args): Promise<unknown> => {
      rig.sessions.of(context).take("colour");
      await rig.ask("/app/resource", { "resource loader": take }, { cookie });
      return "mine";
    };
    const take = ({ context }: Args): unknown => rig.sessions.of(context).take("colour");
    const response = await rig.ask("/app/page", { "page loader": slow }, { cookie });
    expect(response.status).toBe(409);
    expect(textOf(await response.text(), "root-error")).toContain("root 409 Conflict");
  });

  test("for the application's own mistake reaches handleError with its code", async () => {
    const rig = rigOf(built());
    const loader = ({ context }: Args): unknown =>
      rig.sessions.of(context).set("colour", () => "no value") && 1;
    for (const path of ["/app/page", "/app/page.data"]) {
      expect((await rig.ask(path, { "page loader": loader })).status).toBe(500);
      expect(rig.errors.splice(0)).toMatchObject([{ code: "ERR_SESSION_VALUE" }]);
    }
    expect((await rig.ask("/app/resource", { "resource loader": loader })).status).toBe(500);
    expect(rig.errors).toMatchObject([{ code: "ERR_SESSION_VALUE" }]);
  });

  test("still brings the cookie of what an earlier commit of the request stored, by a plain page", async () => {
    const rig = rigOf(built());
    const loader = async ({ context }: Args): Promise<unknown> => {
      const session = rig.sessions.of(context);
      session.set("colour", "blue");
      await session.commit();
      session.increment("count");
      rig.store.always("update", failsBefore(DOWN));
      return "never seen";
    };
    const response = await rig.ask("/app/page", { "page loader": loader });
    rig.store.heal();
    expect([response.status, await response.text()]).toEqual([503, "Service Unavailable\n"]);
    expect((await rig.stored(cookieAfter(response))).data).toEqual({ colour: "blue" });
  });

  test("does not hide what the application says of its own failure", async () => {
    const rig = rigOf(built());
    const cookie = await rig.visitor("ada");
    rig.store.always("delete", failsBefore(DOWN));
    const leave = ({ context }: Args): unknown => {
      rig.sessions.of(context).logout();
      throw new Response("teapot", { status: 507 });
    };
    const response = await rig.ask("/app/page", { "page loader": leave }, { cookie });
    expect([response.status, cookieNames(response)]).toEqual([507, []]);
  });
}

function streams(built: () => Built): void {
  /** What a verb that comes too late throws. */
  async function codeOf(late: () => unknown): Promise<string> {
    try {
      await late();
      return "none";
    } catch (error) {
      return SessionError.is(error) ? error.code : String(error);
    }
  }

  const VERBS = {
    set: (session: ReturnType<Rig["sessions"]["of"]>) => session.set("colour", "late"),
    increment: (session) => session.increment("n"),
    login: (session) => session.login("eve"),
    logout: (session) => session.logout(),
    rotate: (session) => session.rotate(),
    commit: (session) => session.commit(),
  } satisfies Record<string, (session: ReturnType<Rig["sessions"]["of"]>) => unknown>;

  for (const [kind, suffix] of Object.entries(KINDS)) {
    test(`may read the session after the headers, and no verb may change it (${kind})`, async () => {
      const rig = rigOf(built());
      const cookie = await rig.visitor();
      const door = gate();
      const loader = ({ context }: Args): unknown => {
        const session = rig.sessions.of(context);
        session.increment("tides");
        const later = door.passage().then(async () => {
          const codes = [];
          for (const verb of Object.values(VERBS)) codes.push(await codeOf(() => verb(session)));
          return `${String(session.get("colour"))} ${[...new Set(codes)].join(" ")}`;
        });
        return { later };
      };
      const response = await rig.ask(`/app/late${suffix}`, { "late loader": loader }, { cookie });
      expect((await rig.stored(cookie)).data).toEqual({ colour: "red", tides: 1 });
      door.open();
      expect(await response.text()).toContain("red ERR_SESSION_SENT");
      expect((await rig.stored(cookie)).data).toEqual({ colour: "red", tides: 1 });
    });
  }

  test("that is too late and catches nothing is an error that the page shows, and stops no server", async () => {
    const rig = rigOf(built());
    const cookie = await rig.visitor();
    const door = gate();
    const loader = ({ context }: Args): unknown => {
      const session = rig.sessions.of(context);
      return { later: door.passage().then(() => void session.set("colour", "late")) };
    };
    const response = await rig.ask("/app/late", { "late loader": loader }, { cookie });
    door.open();
    expect(await response.text()).toContain("it failed");
    expect((await rig.stored(cookie)).data).toEqual({ colour: "red" });
  });

  test("is saved with the rest where the page waits for all of it", async () => {
    const rig = rigOf(built());
    const cookie = await rig.visitor();
    const loader = ({ context }: Args): unknown => {
      const session = rig.sessions.of(context);
      return { later: Promise.resolve().then(() => String(session.set("colour", "blue").get("colour"))) };
    };
    const headers = { "user-agent": "bot" };
    const response = await rig.ask("/app/late", { "late loader": loader }, { cookie, headers });
    expect(textOf(await response.text(), "later")).toBe("blue");
    expect((await rig.stored(cookie)).data).toEqual({ colour: "blue" });
  });
}

function below(built: () => Built): void {
  type Below = Args & { next(): Promise<Response> };

  test("has the session, and what it answers by itself saves", async () => {
    const rig = rigOf(built());
    const guard = ({ context }: Args): Response => {
      rig.sessions.of(context).flash("notice", "sign in first");
      return new Response(null, { status: 302, headers: { location: "/sign-in" } });
    };
    const response = await rig.ask("/app/deep/er", { "deep middleware": guard });
    expect([response.status, cookieNames(response)]).toEqual([302, [SESSION]]);
  });

  test("that throws an error fails the request", async () => {
    for (const suffix of Object.values(KINDS)) {
      const rig = rigOf(built());
      const cookie = await rig.visitor();
      const handlers = { "deep middleware": paint(rig, throws(new Error("no"))) };
      expect((await rig.ask(`/app/deep/er${suffix}`, handlers, { cookie })).status).toBe(500);
      expect((await rig.stored(cookie)).data).toEqual({ colour: "red" });
    }
  });

  test("of a resource route that throws an error fails the request, and a logout takes place", async () => {
    const rig = rigOf(built());
    const cookie = await rig.visitor();
    const handlers = { "root middleware": paint(rig, throws(new Error("no"))) };
    expect((await rig.ask("/app/resource", handlers, { cookie })).status).toBe(500);
    expect((await rig.stored(cookie)).data).toEqual({ colour: "red" });
    const leave = ({ context }: Args): never => {
      rig.sessions.of(context).logout();
      throw new Error("no");
    };
    await rig.ask("/app/resource", { "root middleware": leave }, { cookie });
    expect((await rig.stored(cookie)).data).toEqual({});
  });

  test("that throws after the loaders drops what those changed", async () => {
    const rig = rigOf(built());
    const cookie = await rig.visitor();
    const handlers = {
      "deep middleware": async (args: Args) => {
        await (args as Below).next();
        throw new Error("after the loaders");
      },
      "deeper loader": paint(rig, () => 1),
    };
    expect((await rig.ask("/app/deep/er", handlers, { cookie })).status).toBe(500);
    expect((await rig.stored(cookie)).data).toEqual({ colour: "red" });
  });

  test("that shows an error as a success saves, unless handleError tells of the error", async () => {
    for (const tells of [false, true]) {
      const rig = rigOf(built(), { tells });
      const cookie = await rig.visitor();
      const handlers = {
        "deep middleware": async (args: Args) => {
          await (args as Below).next();
          return new Response("all is well");
        },
        "deeper loader": paint(rig, throws(new Error("unexpected"))),
      };
      const response = await rig.ask("/app/deep/er", handlers, { cookie });
      expect([response.status, rig.errors.length]).toEqual([200, 1]);
      expect((await rig.stored(cookie)).data).toEqual({ colour: tells ? "red" : "blue" });
    }
  });

  test("that shows an error as a success is answered anew when its logout failed", async () => {
    const rig = rigOf(built(), { tells: true });
    const cookie = await rig.visitor("ada");
    rig.store.always("delete", failsBefore(DOWN));
    const handlers = {
      "deep middleware": async (args: Args) => {
        await (args as Below).next();
        return new Response("all is well");
      },
      "deeper loader"({ context }: Args) {
        rig.sessions.of(context).logout();
        throw new Error("unexpected");
      },
    };
    expect((await rig.ask("/app/deep/er", handlers, { cookie })).status).toBe(503);
  });

  test("and handleError may have an opinion of what is a failure", async () => {
    const signal = new Error("not an error to us");
    const rig = rigOf(built(), { tells: true, isFailure: (thrown) => thrown !== signal });
    const cookie = await rig.visitor();
    const handlers = {
      "deep middleware": async (args: Args) => {
        await (args as Below).next();
        return new Response("all is well");
      },
      "deeper loader": paint(rig, throws(signal)),
    };
    await rig.ask("/app/deep/er", handlers, { cookie });
    expect((await rig.stored(cookie)).data).toEqual({ colour: "blue" });
  });

  test("that is the session's own once more leaves loading and saving to the outermost", async () => {
    const rig = rigOf(built());
    const cookie = await rig.visitor();
    rig.store.forget();
    const response = await rig.ask("/app/deep/er", { "deeper loader": paint(rig, () => 1) }, { cookie });
    expect([response.status, rig.store.count("read"), rig.store.count("update")]).toEqual([200, 1, 1]);
  });

  test("of a second manager has its own session, and the first saves nothing when the second cannot", async () => {
    const down = faultyStore(memoryStore());
    down.always("create", failsBefore(DOWN));
    const broken = new SessionManager({
      store: down.store,
      cookie: { name: "__Host-admin" },
      sweepEvery: false,
    });
    const second = built().tools.reactRouterSessions(broken);
    const rig = rigOf(built(), { second });
    const cookie = await rig.visitor();
    const loader = ({ context }: Args): number => {
      context.get(second.context).set("colour", "green");
      rig.sessions.of(context).set("colour", "blue");
      return 1;
    };
    expect((await rig.ask("/app/page", { "page loader": loader }, { cookie })).status).toBe(503);
    expect((await rig.stored(cookie)).data).toEqual({ colour: "red" });
  });
}

function contexts(built: () => Built): void {
  test("gives the session by the key, by of(context) and by of of what loaders get", async () => {
    const rig = rigOf(built());
    const loader = (args: Args): unknown => {
      const session = args.context.get(rig.sessions.context);
      return [rig.sessions.of(args.context) === session, rig.sessions.of(args) === session];
    };
    const response = await rig.ask("/app/resource", { "resource loader": loader });
    expect(await response.json()).toEqual([true, true]);
  });

  test("of a request that is left out has no session, and says so", async () => {
    const rig = rigOf(built(), { only: ({ params }) => params["*"] === undefined && false });
    const loader = (args: Args): unknown => {
      const told = [() => rig.sessions.of(args), () => args.context.get(rig.sessions.context)].map((ask) => {
        try {
          return String(ask());
        } catch (error) {
          return SessionError.is(error) ? error.code : (error as Error).message;
        }
      });
      return told;
    };
    const response = await rig.ask("/app/resource", { "resource loader": loader }, { cookie: "a=1" });
    expect(await response.json()).toEqual(["ERR_SESSION_USE", "No value found for context"]);
  });

  test("that two requests share is refused, lest one gets the session of the other", async () => {
    const rig = rigOf(built());
    const shared = built().context({
      middleware: [rig.sessions.middleware],
      handlers: { "resource loader": () => new Response("ok") },
      failed: (error) => void rig.errors.push(error),
    });
    expect((await rig.ask("/app/resource", {}, { context: shared })).status).toBe(200);
    expect((await rig.ask("/app/resource", {}, { context: shared })).status).toBe(500);
    expect(rig.errors).toMatchObject([{ code: "ERR_SESSION_USE" }]);
  });

  test("brings the client's address, and the platform's waitUntil has the touch", async () => {
    const kept: unknown[] = [];
    const rig = rigOf(built(), {
      clientAddress: ({ request }) => request.headers.get("x-address") ?? undefined,
      waitUntil: (work, { request }) =>
        void kept.push([work instanceof Promise, new URL(request.url).pathname]),
    });
    const loader = ({ context }: Args): unknown => {
      const session = rig.sessions.of(context);
      session.login("ada");
      return new Response("in");
    };
    const headers = { "x-address": "203.0.113.7", "user-agent": "Firefox/140" };
    const cookie = cookieAfter(await rig.ask("/app/resource", { "resource loader": loader }, { headers }));
    expect(await rig.manager.sessionsOf("ada")).toMatchObject([
      { address: "203.0.113.7", userAgent: "Firefox/140" },
    ]);
    rig.clock.advance(120_000);
    await rig.stored(cookie);
    expect(kept).toEqual([[true, "/app/resource"]]);
  });

  test("of the application's own mistakes: the options are checked", () => {
    const rig = rigOf(built());
    expect(() => built().tools.reactRouterSessions(rig.manager, { cookie: {} } as object)).toThrow(
      /"cookie" is not an option/,
    );
    expect(() => built().tools.reactRouterSessions(undefined as never)).toThrow(/SessionManager/);
  });
}
