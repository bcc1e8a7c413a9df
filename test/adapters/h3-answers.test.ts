import { Readable } from "node:stream";
import * as h3v1 from "h3v1";
import * as h3 from "h3";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { h3Sessions } from "../../src/adapters/h3.ts";
import { currentSession, NullSessionManager, type Session, SessionError } from "../../src/index.ts";
import { failsBefore } from "../../src/testing/index.ts";
import { cookieAfter, kits, type Kit, listen, Rig } from "./support/h3-rig.ts";

const DOWN = new Error("redis at 10.0.0.1 is down");

for (const kit of kits()) {
  describe(kit.name, () => {
    answers(kit);
    failures(kit);
    options(kit);
    if (kit.major === 1) first(kit);
    else second(kit);
  });
}

/** Changes the colour, then does what is given. */
async function tryOn(kit: Kit, act: Parameters<Kit["serve"]>[1], serving: Parameters<Kit["serve"]>[2] = {}) {
  const rig = new Rig();
  const cookie = await rig.visitor(kit);
  const ask = await kit.serve(
    rig,
    (event, given) => {
      given.session.set("colour", "blue");
      return act(event, given);
    },
    serving,
  );
  const response = await ask("/", { headers: { cookie } });
  await response.text();
  return { response, colour: await rig.colourOf(kit, cookie) };
}

function answers(kit: Kit): void {
  test("an object that no text can be made of fails the request: nothing is stored", async () => {
    const circle: Record<string, unknown> = {};
    circle["circle"] = circle;
    for (const answer of [circle, { size: 1n }, [circle]]) {
      const { response, colour } = await tryOn(kit, () => answer, { onError: () => "shown" });
      expect([response.status, colour]).toEqual([500, "red"]);
    }
  });

  test("a Response whose body was read fails the request: nothing is stored", async () => {
    const { response, colour } = await tryOn(
      kit,
      async () => {
        const spent = new Response("spent");
        await spent.text();
        return spent;
      },
      { onError: () => "shown" },
    ).catch(() => ({ response: { status: 500 }, colour: "red" }));
    expect([response.status, colour]).toEqual([500, "red"]);
  });

  test("an error that is returned is judged as one that is thrown", async () => {
    const missing = Object.assign(new Error("no"), { statusCode: 404 });
    const kept = await tryOn(kit, () => missing, { onError: () => "shown" });
    expect([kept.response.status, kept.colour]).toEqual([404, "blue"]);
    const lost = await tryOn(kit, () => new Error("unexpected"), { onError: () => "shown" });
    expect([lost.response.status, lost.colour]).toEqual([500, "red"]);
  });

  test("a Response with headers of its own keeps them beside the session's", async () => {
    const rig = new Rig();
    for (const status of [200, 404]) {
      const ask = await kit.serve(rig, (_event, { session }) => {
        session.set("colour", "blue");
        const headers = { vary: "Origin", "cache-control": "public, max-age=60", "set-cookie": "own=1" };
        return new Response("text", { status, headers });
      });
      const response = await ask("/");
      expect(response.status).toBe(status);
      expect(response.headers.get("vary")).toBe("Origin, Cookie");
      expect(response.headers.get("cache-control")).toBe("no-store");
      const names = response.headers.getSetCookie().map((line) => line.split("=")[0]);
      expect(names).toHaveLength(2);
      expect(new Set(names)).toEqual(new Set(["__Host-Http-sid", "own"]));
    }
  });

  test("a Response that cannot be changed carries the cookie", async () => {
    const rig = new Rig();
    const ask = await kit.serve(rig, (_event, { session }) => {
      session.set("colour", "blue");
      return Response.redirect("http://localhost/next", 303);
    });
    const response = await ask("/");
    expect([response.status, response.headers.get("location")]).toEqual([303, "http://localhost/next"]);
    expect(await rig.colourOf(kit, cookieAfter(response))).toBe("blue");
  });

  test("an answer that looked at the session is not left public", async () => {
    const rig = new Rig();
    const cookie = await rig.visitor(kit);
    const ask = await kit.serve(rig, (_event, { session }) => {
      const headers = { vary: "Origin", "cache-control": "public, max-age=60" };
      return new Response(String(session.get("colour")), { headers });
    });
    const { headers } = await ask("/", { headers: { cookie } });
    expect([headers.get("vary"), headers.get("cache-control")]).toEqual([
      "Origin, Cookie",
      "private, max-age=60",
    ]);
  });
}

function failures(kit: Kit): void {
  test("a stream of Node's that fails before its first byte stores nothing", async () => {
    // Elsewhere there are none.
    if (kit.calling === "web") return;
    const { response, colour } = await tryOn(kit, unreadable);
    expect([response.status, colour]).toEqual([500, "red"]);
  });

  test("a commit that fails is thrown to the application's error handler, and the answer is dropped", async () => {
    const rig = new Rig();
    const cookie = await rig.visitor(kit);
    const seen: Error[] = [];
    const onError = (error: Error): string => {
      seen.push(error);
      return "shown";
    };
    const headers = { location: "/there", etag: '"1"' };
    for (const answer of [
      "text",
      { text: 1 },
      new Response("text", { status: 201, statusText: "Made", headers }),
    ]) {
      rig.store.always("update", failsBefore(DOWN));
      const ask = await kit.serve(
        rig,
        (_event, { session }) => {
          session.set("colour", "blue");
          return answer;
        },
        { onError },
      );
      const response = await ask("/", { headers: { cookie } });
      rig.store.heal();
      const { status, statusText } = response;
      expect([status, statusText === "Made", await response.text()]).toEqual([503, false, "shown"]);
      expect([response.headers.get("location"), response.headers.get("etag")]).toEqual([null, null]);
      const error = seen.pop() as { readonly cause?: unknown };
      expect([error, error.cause].some((one) => SessionError.is(one))).toBe(true);
    }
    expect(await rig.colourOf(kit, cookie)).toBe("red");
    rig.store.always("read", failsBefore(DOWN));
    const ask = await kit.serve(rig, () => "text", { onError });
    const unread = await ask("/", { headers: { cookie } });
    expect([unread.status, await unread.text()]).toEqual([503, "shown"]);
  });

  test("ASVS 3.5.1: a forged request is refused as one that h3 knows of, and nothing is printed of it", async () => {
    const rig = new Rig();
    const printed = vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => printed.mockRestore());
    const seen: Error[] = [];
    const asked = { method: "POST", headers: { origin: "https://evil.example" } };
    const ask = await kit.serve(rig, () => "text", { silent: false });
    const response = await ask("/", asked);
    const { status, statusText } = response;
    expect([status, statusText]).toEqual([403, "Forbidden"]);
    expect(await response.json()).toMatchObject(
      kit.major === 1 ? { statusMessage: "Forbidden" } : { message: "Forbidden" },
    );
    expect(printed.mock.calls).toEqual([]);
    const onError = (error: Error): string => {
      seen.push(error);
      return "shown";
    };
    const own = await kit.serve(rig, () => "text", { onError, silent: false });
    expect(await (await own("/", asked)).text()).toBe("shown");
    expect(seen).toMatchObject([{ statusCode: 403, cause: { code: "ERR_SESSION_FORGED" } }]);
    expect(printed.mock.calls).toEqual([]);
  });

  test("a commit that fails for an expected error answers in its place", async () => {
    const rig = new Rig();
    const cookie = await rig.visitor(kit);
    rig.store.always("update", failsBefore(DOWN));
    const ask = await kit.serve(
      rig,
      (_event, { session }) => {
        session.set("colour", "blue");
        throw Object.assign(new Error("no"), { statusCode: 404 });
      },
      { onError: () => "shown" },
    );
    expect((await ask("/", { headers: { cookie } })).status).toBe(503);
  });

  test("an unexpected error is told as it is, also when its logout fails", async () => {
    const rig = new Rig();
    const cookie = await rig.visitor(kit);
    rig.store.always("delete", failsBefore(DOWN));
    const seen: Error[] = [];
    const ask = await kit.serve(
      rig,
      (_event, { session }) => {
        session.logout();
        throw new Error("unexpected");
      },
      {
        onError: (error) => {
          seen.push(error);
          return "shown";
        },
      },
    );
    const response = await ask("/", { headers: { cookie } });
    expect([response.status >= 500, response.headers.getSetCookie()]).toEqual([true, []]);
    expect(seen.map((error) => error.message).join()).toContain("unexpected");
    rig.store.heal();
    expect(await rig.colourOf(kit, cookie)).toBe("red");
  });

  test("what the error handler stages for an expected error is saved with the rest", async () => {
    if (kit.major === 2) return;
    const rig = new Rig();
    const cookie = await rig.visitor(kit);
    const ask = await kit.serve(
      rig,
      () => {
        throw Object.assign(new Error("no"), { statusCode: 404 });
      },
      {
        onError: (_error, event) => {
          const { session } = event.context as { readonly session: Session };
          if (kit.calling === "node") session.set("colour", "green");
          return "shown";
        },
      },
    );
    expect((await ask("/", { headers: { cookie } })).status).toBe(404);
    expect(await rig.colourOf(kit, cookie)).toBe(kit.calling === "node" ? "green" : "red");
  });
}

/** A file that turns out not to be there when it is read. */
function unreadable(): Readable {
  return new Readable({
    read() {
      this.destroy(new Error("unreadable"));
    },
  });
}

function options(kit: Kit): void {
  test("only leaves requests out: there is no context variable, and of() says so", async () => {
    const rig = new Rig();
    const ask = await kit.serve(
      rig,
      (event, { sessions }) => {
        let code = "";
        try {
          sessions.of(event);
        } catch (error) {
          code = (error as SessionError).code;
        }
        return { has: "session" in event.context, code };
      },
      { options: { only: ({ path }) => !path.startsWith("/assets/") } },
    );
    expect(await (await ask("/assets/a.css?x=1")).json()).toEqual({ has: false, code: "ERR_SESSION_USE" });
    expect(await (await ask("/page")).json()).toEqual({ has: true, code: "" });
  });

  test("isFailure judges what is thrown", async () => {
    const signal = Object.assign(new Error("a signal"), { statusCode: 404 });
    const { response, colour } = await tryOn(
      kit,
      () => {
        throw signal;
      },
      { options: { isFailure: (thrown) => thrown === signal }, onError: () => "shown" },
    );
    expect([response.status, colour]).toEqual([404, "red"]);
  });

  test("the list of devices has the client's address, by default and by option", async () => {
    for (const [options, address] of [
      [{}, kit.calling === "node" ? /127\.0\.0\.1/ : /^(null)?$/],
      [{ clientAddress: () => "192.0.2.7" }, /^192\.0\.2\.7$/],
    ] as const) {
      const rig = new Rig();
      const ask = await kit.serve(
        rig,
        (_event, { session }) => {
          session.login("skipper");
          return "in";
        },
        { options },
      );
      await ask("/");
      const [device] = await rig.manager.sessionsOf("skipper");
      expect(String(device?.address)).toMatch(address);
    }
  });

  test("currentSession() works below the handler, where the manager is told to", async () => {
    const rig = new Rig({ context: true });
    const ask = await kit.serve(rig, async (_event, { session }) => {
      await Promise.resolve();
      return { same: currentSession() === session };
    });
    expect(await (await ask("/")).json()).toEqual({ same: true });
  });
}

function first(kit: Kit): void {
  test("a stream whose commit fails is answered by renderFailure", async () => {
    if (kit.calling === "web") return;
    const rig = new Rig();
    const cookie = await rig.visitor(kit);
    rig.store.always("update", failsBefore(DOWN));
    const ask = await kit.serve(
      rig,
      (_event, { session }) => {
        session.set("colour", "blue");
        return Readable.from(["text"]);
      },
      { options: { renderFailure: () => ({ status: 503, headers: {}, body: "rendered" }) } },
    );
    const response = await ask("/", { headers: { cookie } });
    expect([response.status, await response.text()]).toEqual([503, "rendered"]);
  });

  test("what was answered past h3 is replaced when it cannot be stored", async () => {
    const rig = new Rig();
    const cookie = await rig.visitor(kit);
    rig.store.always("update", failsBefore(DOWN));
    const ask = await kit.serve(rig, (event, { session }) => {
      session.set("colour", "blue");
      const { res } = (event as h3v1.H3Event).node;
      res.setHeader("x-secret", "1");
      res.end("done");
    });
    const response = await ask("/", { headers: { cookie } });
    expect([response.status, response.headers.get("x-secret"), await response.text()]).toEqual([
      503,
      null,
      "Service Unavailable\n",
    ]);
  });

  test("what was set on the response goes with the answer that could not be stored", async () => {
    const rig = new Rig();
    const cookie = await rig.visitor(kit);
    rig.store.always("update", failsBefore(DOWN));
    const ask = await kit.serve(
      rig,
      (event, { session }) => {
        session.set("colour", "blue");
        (event as h3v1.H3Event).node.res.setHeader("x-own", "1");
        return "text";
      },
      { onError: () => "shown" },
    );
    const response = await ask("/", { headers: { cookie } });
    expect([response.status, response.headers.get("x-own")]).toEqual([503, null]);
  });

  test("a header that no Response can have fails the request, where one is made of the answer", async () => {
    // Node's own response refuses it when it is set.
    if (kit.calling === "node") return;
    for (const isPastH3 of [false, true]) {
      const { response, colour } = await tryOn(
        kit,
        (event) => {
          const { res } = (event as h3v1.H3Event).node;
          res.setHeader("location", "/next\r\nset-cookie: evil=1");
          return isPastH3 ? void res.end("past h3") : "text";
        },
        { onError: () => "shown" },
      );
      expect([response.status, response.headers.get("location"), colour]).toEqual([500, null, "red"]);
    }
  });

  test("an answer with status 500 fails, also where h3 is asked to send it", async () => {
    const { response, colour } = await tryOn(kit, (event) => {
      h3v1.setResponseStatus(event as h3v1.H3Event, 500);
      return "text";
    });
    expect([response.status, colour]).toEqual([500, "red"]);
  });

  test("as middleware it says how it is installed", async () => {
    const seen: unknown[] = [];
    const app = h3v1.createApp({ onError: (error) => void seen.push(error.cause) });
    app.use(h3Sessions(new NullSessionManager()) as never);
    const ask = await listen(h3v1.toNodeListener(app));
    expect((await ask("/")).status).toBe(500);
    expect(seen.map((error) => (error as SessionError).code)).toEqual(["ERR_SESSION_CONFIG"]);
  });

  test("an application that is called from within, with the context, has the session of the outer request", async () => {
    const rig = new Rig();
    const ask = await kit.serve(rig, async (event, { session, sessions }) => {
      const inner = h3v1.createApp();
      inner.use(
        h3v1.eventHandler((within) => ({ same: sessions.of(within) === session && session.increment("n") })),
      );
      sessions.plugin(inner);
      const request = new Request("http://localhost/in");
      const response = await h3v1.toWebHandler(inner)(request, { ...event.context });
      return { ...(await response.json()), cookies: response.headers.getSetCookie().length };
    });
    const response = await ask("/");
    expect(await response.json()).toEqual({ same: 1, cookies: 0 });
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });
}

function second(kit: Kit): void {
  test("a status that is thrown as a number is an answer, and a thrown Response is not", async () => {
    for (const [thrown, status, colour] of [
      [404, 404, "blue"],
      [503, 503, "red"],
      [new Response("no", { status: 403 }), 500, "red"],
      ["text", 500, "red"],
    ] as const) {
      const seen = await tryOn(kit, () => {
        throw thrown;
      });
      expect([seen.response.status, seen.colour]).toEqual([status, colour]);
    }
  });

  test("an answer with status 500 fails, whoever gives the status", async () => {
    for (const answer of [
      (event: unknown) => {
        (event as h3.H3Event).res.status = 500;
        return "text";
      },
      () => new h3.HTTPResponse("text", { status: 500 }),
      () => new Response("text", { status: 500 }),
    ]) {
      const { response, colour } = await tryOn(kit, answer);
      expect([response.status, colour]).toEqual([500, "red"]);
    }
  });

  test("a body whose size is limited leaves the session where it is; a request with less in it has none", async () => {
    const rig = new Rig();
    const cookie = await rig.visitor(kit);
    const ask = await kit.serve(rig, async (event, { sessions, session }) => {
      const own = event as h3.H3Event;
      h3.assertBodySize(own, 100);
      const limited = sessions.of(event) === session;
      // As caches do, so that an answer depends on nothing but its key.
      const less = Object.assign(new Request(own.req.url), { runtime: own.req.runtime });
      Object.assign(own, { req: less });
      const codes = [() => sessions.of(event), () => (own.context as { session?: unknown }).session].map(
        (look) => {
          try {
            return look();
          } catch (error) {
            return (error as SessionError).code;
          }
        },
      );
      return { limited, codes };
    });
    const response = await ask("/", {
      method: "POST",
      body: "a=b",
      headers: { cookie, accept: "text/html" },
    });
    expect(await response.json()).toEqual({ limited: true, codes: ["ERR_SESSION_USE", "ERR_SESSION_USE"] });
  });

  test("a request that the application makes of itself is a part of the one around it, where that is Node's", async () => {
    const rig = new Rig();
    const ask = await kit.serve(rig, async (event, { session }) => {
      if (event.path === "/inner") {
        session.increment("inner");
        return "inner";
      }
      const response = await h3.fetchWithEvent(event as h3.H3Event, "/inner");
      return { cookies: response.headers.getSetCookie().length, inner: session.get("inner") ?? null };
    });
    const response = await ask("/");
    const isNode = kit.calling === "node";
    expect(await response.json()).toEqual(isNode ? { cookies: 0, inner: 1 } : { cookies: 1, inner: null });
    expect(response.headers.getSetCookie()).toHaveLength(isNode ? 1 : 0);
  });

  test("a touch is left to what the runtime gives to stay alive", async () => {
    if (kit.calling === "node") return;
    const rig = new Rig();
    const cookie = await rig.visitor(kit);
    rig.clock.advance(10 * 60 * 1000);
    const kept: Promise<unknown>[] = [];
    const app = new h3.H3();
    app.use(h3Sessions(rig.manager));
    app.get("/", (event) => String((event.context as unknown as { session: Session }).session.get("colour")));
    const request = new Request("http://localhost/", { headers: { cookie } });
    await app.fetch(Object.assign(request, { waitUntil: (work: Promise<unknown>) => void kept.push(work) }));
    expect(kept).toHaveLength(1);
    await kept[0];
  });
}

describe("the adapter", () => {
  test("refuses what is no manager, and options that it does not know", () => {
    expect(() => h3Sessions({} as never)).toThrow(/must be a SessionManager/);
    expect(() => h3Sessions(new NullSessionManager(), { decorate: "x" } as never)).toThrow(/not an option/);
  });

  test("refuses to be installed into what is no application", () => {
    const { plugin } = h3Sessions(new NullSessionManager());
    expect(() => plugin({})).toThrow(/takes an application/);
    expect(() => plugin({ h3: new h3.H3Core() })).toThrow(/server\/middleware/);
  });

  test("is middleware of h3 2 for the paths that it is mounted on", async () => {
    const rig = new Rig();
    const sessions = h3Sessions(rig.manager, {
      only: (event: h3.H3Event) => event.url.pathname !== "/in/asset",
    });
    const app = new h3.H3();
    app.use("/in/**", sessions);
    app.all("/**", (event) => ({ has: "session" in event.context }));
    const has = async (path: string): Promise<unknown> => await (await app.request(path)).json();
    expect([await has("/in/page"), await has("/in/asset"), await has("/out")]).toEqual([
      { has: true },
      { has: false },
      { has: false },
    ]);
  });

  test("mounted again on a route, leaves loading and saving to the outermost", async () => {
    const rig = new Rig();
    const sessions = h3Sessions(rig.manager);
    const app = new h3.H3();
    app.use(sessions);
    app.use((event) => void sessions.of(event).set("colour", "red"));
    const show = (event: h3.H3Event): object => {
      sessions.of(event).increment("n");
      return { ...sessions.of(event).data };
    };
    app.get("/", show, { middleware: [sessions] });
    const response = await app.request("/");
    expect(await response.json()).toEqual({ colour: "red", n: 1 });
    expect(response.headers.getSetCookie()).toHaveLength(1);
    const again = await app.request("/", { headers: { cookie: cookieAfter(response) } });
    expect(await again.json()).toEqual({ colour: "red", n: 2 });
  });
});
