import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";

import { fetchSessions } from "../../src/adapters/fetch.ts";
import { type AnyStore, NullSessionManager, SessionError, SessionManager } from "../../src/index.ts";
import { directoryStore } from "../../src/stores/directory.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import {
  adapterContract,
  type AdapterSubject,
  failsBefore,
  faultyStore,
  gate,
  manualClock,
  waitsBefore,
} from "../../src/testing/index.ts";
import { bridgedSubject, directSubject } from "./support/fetch-subject.ts";

adapterContract({ test, describe }, directSubject());
adapterContract({ test, describe }, bridgedSubject());
adapterContract(
  { test, describe },
  onStore("sqlite", (folder) => sqliteStore(join(folder, "sessions.db"))),
);
adapterContract({ test, describe }, onStore("directory", directoryStore));

/** The contract again, with sessions in a folder of their own. */
function onStore(name: string, open: (folder: string) => AnyStore): AdapterSubject {
  const subject = bridgedSubject();
  return {
    ...subject,
    name: `${subject.name}, ${name} store`,
    async openStore() {
      const folder = await mkdtemp(join(tmpdir(), "holdfast-fetch-"));
      const store = open(folder);
      const close = async (): Promise<void> => {
        await store.close?.();
        await rm(folder, { recursive: true });
      };
      return { store, close };
    },
  };
}

const DOWN = new Error("redis at 10.0.0.1 is down");

function rig(options: Partial<ConstructorParameters<typeof SessionManager>[0]> = {}) {
  const clock = manualClock();
  const store = faultyStore(memoryStore());
  const manager = new SessionManager({ sweepEvery: false, ...options, clock, store: store.store });
  return { clock, store, manager };
}

function ask(path = "/", cookie?: string): Request {
  return new Request(`https://app.test${path}`, cookie === undefined ? {} : { headers: { cookie } });
}

/** The Cookie header after a response. */
function cookieAfter(response: Response): string {
  return response.headers.getSetCookie().at(-1)?.split(";")[0] ?? "";
}

async function stored(manager: SessionManager, user?: string): Promise<string> {
  const handle = fetchSessions(manager).wrap((_request, session) => {
    session.set("colour", "red");
    if (user !== undefined) session.login(user);
    return new Response("stored");
  });
  return cookieAfter(await handle(ask()));
}

async function colourOf(manager: SessionManager, cookie: string): Promise<unknown> {
  const handle = fetchSessions(manager).wrap((_request, session) =>
    Response.json(session.get("colour") ?? null),
  );
  return await (await handle(ask("/", cookie))).json();
}

async function thrownBy(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => expect.unreachable("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Another server, whose answers a handler passes on. */
async function upstream(): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url === "/304") return void response.writeHead(304, { etag: '"1"' }).end();
    response.statusMessage = "Very Fine";
    response.setHeader("set-cookie", ["one=1; Path=/", "two=2; Expires=Thu, 01 Jan 2099 00:00:00 GMT"]);
    response.setHeader("x-own", "kept");
    response.end("from afar");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("a response", () => {
  test("that needs nothing of the session's is passed on as the object that it is", async () => {
    const { manager } = rig();
    const response = new Response("plain");
    expect(await fetchSessions(manager).wrap(() => response)(ask())).toBe(response);
  });

  test("that comes from fetch() keeps its status text, its headers, every cookie of its own and its body", async () => {
    const { manager } = rig();
    const origin = await upstream();
    const handle = fetchSessions(manager).wrap((_request, session) => {
      session.set("colour", "red");
      return fetch(origin);
    });
    const response = await handle(ask());
    expect(response.statusText).toBe("Very Fine");
    expect(response.headers.get("x-own")).toBe("kept");
    const cookies = response.headers.getSetCookie();
    expect(cookies.slice(0, 2)).toEqual(["one=1; Path=/", "two=2; Expires=Thu, 01 Jan 2099 00:00:00 GMT"]);
    expect(cookies).toHaveLength(3);
    expect(await response.text()).toBe("from afar");
  });

  test("with 304 from fetch() carries the cookie", async () => {
    const { manager } = rig();
    const origin = await upstream();
    const handle = fetchSessions(manager).wrap((_request, session) => {
      session.set("colour", "red");
      return fetch(`${origin}/304`);
    });
    const response = await handle(ask());
    expect([response.status, response.body, response.headers.get("etag")]).toEqual([304, null, '"1"']);
    expect(await colourOf(manager, cookieAfter(response))).toBe("red");
  });

  test("that a handler gives to two clients never carries the cookie of one to the other", async () => {
    const { manager } = rig();
    const constant = new Response(null, { status: 204 });
    const handle = fetchSessions(manager).wrap((_request, session) => {
      session.set("colour", "red");
      return constant;
    });
    const [one, other] = [await handle(ask()), await handle(ask())];
    expect(one.headers.getSetCookie()).toHaveLength(1);
    expect(other.headers.getSetCookie()).toHaveLength(1);
    expect(cookieAfter(one)).not.toBe(cookieAfter(other));
    expect(constant.headers.getSetCookie()).toEqual([]);
  });

  test("with a cookie of the session's name of its own is refused: one of the two would be lost", async () => {
    const { manager } = rig();
    const handle = fetchSessions(manager).wrap((_request, session) => {
      session.set("colour", "red");
      return new Response("ok", { headers: { "set-cookie": "__Host-Http-sid=planted; Path=/; Secure" } });
    });
    await expect(handle(ask())).rejects.toMatchObject({ code: "ERR_SESSION_CONFIG" });
  });

  test("that is streamed is not read before its client reads it", async () => {
    const { manager } = rig();
    let pulled = 0;
    const body = new ReadableStream(
      {
        pull(controller) {
          pulled += 1;
          controller.enqueue(new TextEncoder().encode("x"));
          if (pulled === 3) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const handle = fetchSessions(manager).wrap((_request, session) => {
      session.set("colour", "red");
      return new Response(body);
    });
    const response = await handle(ask());
    expect(pulled).toBe(0);
    expect(await response.text()).toBe("xxx");
  });

  test("that a client stops reading tells the handler's stream", async () => {
    const { manager } = rig();
    const reasons: unknown[] = [];
    const body = new ReadableStream({ cancel: (reason) => void reasons.push(reason) });
    const handle = fetchSessions(manager).wrap((_request, session) => {
      session.set("colour", "red");
      return new Response(body);
    });
    await (await handle(ask())).body?.cancel("left");
    expect(reasons).toEqual(["left"]);
  });

  test("that switches protocols is passed through untouched, and its changes are stored", async () => {
    const { manager } = rig();
    const cookie = await stored(manager);
    const switching = new Response(null);
    Object.defineProperty(switching, "status", { value: 101 });
    const handle = fetchSessions(manager).wrap((_request, session) => {
      session.set("colour", "blue");
      return switching;
    });
    expect(await handle(ask("/", cookie))).toBe(switching);
    expect(await colourOf(manager, cookie)).toBe("blue");
  });

  test("that switches protocols cannot bring a new session, so the request fails and says why", async () => {
    const { manager, store } = rig();
    const switching = new Response(null);
    Object.defineProperty(switching, "status", { value: 101 });
    const handle = fetchSessions(manager).wrap((_request, session) => {
      session.set("colour", "blue");
      return switching;
    });
    expect(await thrownBy(handle(ask()))).toMatchObject({ code: "ERR_SESSION_SENT" });
    expect(store.count("create")).toBe(0);
  });

  test("that switches protocols cannot bring a new secret, so the one that the client has stays good", async () => {
    const { manager } = rig();
    const cookie = await stored(manager);
    const switching = new Response(null);
    Object.defineProperty(switching, "status", { value: 101 });
    const handle = fetchSessions(manager).wrap((_request, session) => {
      session.rotate();
      return switching;
    });
    expect(await thrownBy(handle(ask("/", cookie)))).toMatchObject({ code: "ERR_SESSION_SENT" });
    expect(await colourOf(manager, cookie)).toBe("red");
  });

  test("that is a network error is passed through untouched, and is a failure", async () => {
    const { manager } = rig();
    const cookie = await stored(manager);
    const broken = Response.error();
    const handle = fetchSessions(manager).wrap((_request, session) => {
      session.set("colour", "blue");
      return broken;
    });
    expect(await handle(ask("/", cookie))).toBe(broken);
    expect(await colourOf(manager, cookie)).toBe("red");
  });

  test("that is none fails the request before anything is stored", async () => {
    const { manager } = rig();
    const cookie = await stored(manager);
    for (const nothing of [undefined, null, "text", {}]) {
      const handle = fetchSessions(manager).wrap((_request, session) => {
        session.set("colour", "blue");
        return nothing as Response;
      });
      expect(await thrownBy(handle(ask("/", cookie)))).toBeInstanceOf(TypeError);
    }
    expect(await colourOf(manager, cookie)).toBe("red");
  });

  test("whose body was read before fails the request before anything is stored", async () => {
    const { manager } = rig();
    const cookie = await stored(manager);
    const handle = fetchSessions(manager).wrap(async (_request, session) => {
      session.set("colour", "blue");
      const response = new Response("read");
      await response.text();
      return response;
    });
    expect(await thrownBy(handle(ask("/", cookie)))).toBeInstanceOf(TypeError);
    expect(await colourOf(manager, cookie)).toBe("red");
  });
});

describe("what a handler throws", () => {
  test("is thrown on as the very same error, whether it failed or not", async () => {
    const { manager } = rig();
    for (const error of [
      new Error("unexpected"),
      Object.assign(new Error("not found"), { status: 404 }),
      "text",
    ]) {
      const handle = fetchSessions(manager).wrap((_request, session) => {
        session.set("colour", "red");
        throw error;
      });
      expect(await thrownBy(handle(ask()))).toBe(error);
    }
  });

  test("is thrown on when a Response too, with the session's headers", async () => {
    const { manager } = rig();
    const handle = fetchSessions(manager).wrap((_request, session) => {
      session.set("colour", "red");
      throw Response.redirect("https://app.test/login", 303);
    });
    const thrown = await thrownBy(handle(ask()));
    expect(thrown).toBeInstanceOf(Response);
    expect((thrown as Response).status).toBe(303);
    expect(await colourOf(manager, cookieAfter(thrown as Response))).toBe("red");
  });

  test("is a failure when it is a Response whose body was read before, so that nothing staged is stored", async () => {
    const { manager } = rig();
    const cookie = await stored(manager);
    for (const read of [true, false]) {
      const spent = new Response("spent", { status: 404 });
      if (read) await spent.text();
      const handle = fetchSessions(manager).wrap((_request, session) => {
        session.set("colour", read ? "blue" : "green");
        throw spent;
      });
      expect(await thrownBy(handle(ask("/", cookie)))).toBeInstanceOf(read ? TypeError : Response);
      expect(await colourOf(manager, cookie)).toBe(read ? "red" : "green");
    }
  });

  test("is a failure when it is a Response whose body somebody else is reading", async () => {
    const { manager } = rig();
    const cookie = await stored(manager);
    const handle = fetchSessions(manager).wrap((_request, session) => {
      session.set("colour", "blue");
      const locked = new Response("locked", { status: 404 });
      locked.body?.getReader();
      throw locked;
    });
    await thrownBy(handle(ask("/", cookie)));
    expect(await colourOf(manager, cookie)).toBe("red");
  });

  test("is judged by isFailure, where that is given", async () => {
    const { manager } = rig();
    const cookie = await stored(manager);
    const signal = new Error("NEXT_NOT_FOUND");
    const handle = fetchSessions(manager, { isFailure: (thrown) => thrown !== signal }).wrap(
      (_request, session) => {
        session.set("colour", "blue");
        throw signal;
      },
    );
    expect(await thrownBy(handle(ask("/", cookie)))).toBe(signal);
    expect(await colourOf(manager, cookie)).toBe("blue");
  });

  test("is a failure when it is a commit's refusal, although its status is below 500", async () => {
    const { manager } = rig({ onConflict: "fail" });
    const cookie = await stored(manager);
    const handle = fetchSessions(manager).wrap(async (_request, session) => {
      session.get("colour");
      session.set("colour", "blue");
      await fetchSessions(manager).wrap((_other, same) => {
        same.set("colour", "green");
        return new Response("first");
      })(ask("/", cookie));
      await session.commit();
      return new Response("second");
    });
    expect(await thrownBy(handle(ask("/", cookie)))).toMatchObject({ code: "ERR_SESSION_CONFLICT" });
    expect(await colourOf(manager, cookie)).toBe("green");
  });

  test("is no failure when it asks for a fresh authentication", async () => {
    const { manager } = rig();
    const cookie = await stored(manager);
    const handle = fetchSessions(manager).wrap((_request, session) => {
      session.set("colour", "blue");
      session.requireFresh("5m");
      return new Response("fresh");
    });
    expect(await thrownBy(handle(ask("/", cookie)))).toMatchObject({ code: "ERR_SESSION_NOT_FRESH" });
    expect(await colourOf(manager, cookie)).toBe("blue");
  });

  test("is what the caller learns, also when the logout before it could not reach the store", async () => {
    const { manager, store } = rig();
    const cookie = await stored(manager);
    store.always("delete", failsBefore(DOWN));
    const error = new Error("unexpected");
    const handle = fetchSessions(manager).wrap((_request, session) => {
      session.logout();
      throw error;
    });
    expect(await thrownBy(handle(ask("/", cookie)))).toBe(error);
    store.heal();
    expect(await colourOf(manager, cookie)).toBe("red");
  });

  test("is answered by an error handler outside, which carries the session's headers along", async () => {
    const { manager } = rig();
    const sessions = fetchSessions(manager);
    const request = ask("/", await stored(manager));
    const handle = sessions.wrap((_request, session) => {
      session.logout();
      throw new Error("unexpected");
    });
    await thrownBy(handle(request));
    const page = new Response("Sorry", {
      status: 500,
      headers: { "cache-control": "public", vary: "Accept" },
    });
    const carried = sessions.carry(request, page);
    expect(carried.status).toBe(500);
    expect(await carried.text()).toBe("Sorry");
    expect(carried.headers.getSetCookie()[0]).toContain("Max-Age=0");
    expect(carried.headers.get("cache-control")).toBe("no-store");
    expect(carried.headers.get("vary")).toBe("Accept, Cookie");
    expect(page.headers.getSetCookie()).toEqual([]);
  });

  test("is answered with a page that is not left public when the handler had looked", async () => {
    const { manager } = rig();
    const sessions = fetchSessions(manager);
    const request = ask();
    await thrownBy(
      sessions.wrap((_request, session) => {
        throw new Error(String(session.user));
      })(request),
    );
    const page = new Response("Sorry", { status: 500, headers: { "cache-control": "public, max-age=60" } });
    const carried = sessions.carry(request, page);
    expect(carried.headers.get("vary")).toBe("Cookie");
    expect(carried.headers.get("cache-control")).toBe("private, max-age=60");
    const unknown = new Response("other");
    expect(sessions.carry(ask(), unknown)).toBe(unknown);
  });
});

test("a forged request is told in plain text that it is forbidden", async () => {
  const { manager } = rig();
  const headers = { origin: "https://evil.example" };
  const response = await fetchSessions(manager).wrap(() => new Response("ok"))(
    new Request("http://localhost/", { method: "POST", headers }),
  );
  expect([response.status, await response.text()]).toEqual([403, "Forbidden\n"]);
});

describe("a commit that fails", () => {
  test("is rendered as plain text that tells nothing", async () => {
    const { manager, store } = rig();
    store.always("create", failsBefore(DOWN));
    const response = await fetchSessions(manager).wrap((_request, session) => {
      session.set("colour", "red");
      return new Response("ok");
    })(ask());
    expect([response.status, await response.text()]).toEqual([503, "Service Unavailable\n"]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  });

  test("is rendered by renderFailure, which is told of the error and the request", async () => {
    const { manager, store } = rig();
    store.always("create", failsBefore(DOWN));
    const sessions = fetchSessions(manager, {
      renderFailure: (error, request) =>
        Response.json(
          { code: (error as SessionError).code, path: new URL(request.url).pathname },
          { status: 503 },
        ),
    });
    const response = await sessions.wrap((_request, session) => {
      session.set("colour", "red");
      return new Response("ok");
    })(ask("/cart"));
    expect(await response.json()).toEqual({ code: "ERR_SESSION_UNKNOWN", path: "/cart" });
  });

  test("goes to the framework when renderFailure throws", async () => {
    const { manager, store } = rig();
    const cookie = await stored(manager);
    store.always("read", failsBefore(DOWN));
    const sessions = fetchSessions(manager, {
      renderFailure: (error) => {
        throw error;
      },
    });
    const thrown = await thrownBy(sessions.wrap(() => new Response("ok"))(ask("/", cookie)));
    expect(thrown).toMatchObject({ code: "ERR_SESSION_STORE_UNAVAILABLE", cause: DOWN });
  });

  test("is thrown when the application's own mistake is the cause, so that somebody hears of it", async () => {
    const { manager } = rig();
    const handle = fetchSessions(manager).wrap((_request, session) => {
      session.set("callback", () => "no value");
      return new Response("ok");
    });
    expect(await thrownBy(handle(ask()))).toMatchObject({ code: "ERR_SESSION_VALUE" });
  });

  test("still brings the cookie of what an earlier commit of the request stored", async () => {
    const { manager, store } = rig();
    const handle = fetchSessions(manager).wrap(async (_request, session) => {
      session.set("colour", "red");
      await session.commit();
      session.increment("count");
      store.always("update", failsBefore(DOWN));
      return new Response("ok");
    });
    const response = await handle(ask());
    store.heal();
    expect(response.status).toBe(503);
    expect(await colourOf(manager, cookieAfter(response))).toBe("red");
  });
});

describe("the platform", () => {
  test("gives handlers and options whatever comes after the request", async () => {
    const { manager } = rig();
    interface Env {
      readonly address: string;
    }
    const seen: unknown[] = [];
    const sessions = fetchSessions(manager, {
      clientAddress: (_request, env: Env) => env.address,
    });
    const handle = sessions.wrap((_request, session, env) => {
      session.login("ada");
      seen.push(env, session.remoteAddress);
      return new Response("ok");
    });
    const env: Env = { address: "192.0.2.7" };
    await handle(ask(), env);
    expect(seen).toEqual([env, "192.0.2.7"]);
  });

  test("is asked to stay alive for a touch, which the response does not wait for", async () => {
    const { manager, store, clock } = rig();
    const cookie = await stored(manager);
    clock.advance(120_000);
    const door = gate();
    store.next("update", waitsBefore(door));
    const kept: Promise<unknown>[] = [];
    const sessions = fetchSessions(manager, {
      waitUntil: (work, _request, context: { waitUntil(work: Promise<unknown>): void }) =>
        context.waitUntil(work),
    });
    const response = await sessions.wrap(() => new Response("ok"))(ask("/", cookie), {
      waitUntil: (work) => void kept.push(work),
    });
    expect(await response.text()).toBe("ok");
    expect(kept).toHaveLength(1);
    door.open();
    await Promise.all(kept);
    await manager.close();
  });

  test("that has no such thing gets its response after the touch", async () => {
    const { manager, store, clock } = rig();
    const cookie = await stored(manager);
    clock.advance(120_000);
    const door = gate();
    store.next("update", waitsBefore(door));
    let answered = false;
    const answer = fetchSessions(manager)
      .wrap(() => new Response("ok"))(ask("/", cookie))
      .then(() => (answered = true));
    await door.reached();
    expect(answered).toBe(false);
    door.open();
    await answer;
  });

  test("that aborts the request does not undo what the handler goes on to answer", async () => {
    const { manager } = rig();
    const cookie = await stored(manager);
    const client = new AbortController();
    const request = new Request("https://app.test/", { headers: { cookie }, signal: client.signal });
    await fetchSessions(manager).wrap((_request, session) => {
      session.set("colour", "blue");
      client.abort();
      return new Response("nobody reads this");
    })(request);
    expect(await colourOf(manager, cookie)).toBe("blue");
  });

  test("may mount the application below a path, where the cookie stays", async () => {
    const { manager } = rig({ cookie: { path: "mount" } });
    const handle = fetchSessions(manager, { mountPath: "/shop" }).wrap((_request, session) => {
      session.set("colour", "red");
      return new Response("ok");
    });
    expect((await handle(ask("/shop/cart"))).headers.getSetCookie()[0]).toContain("; Path=/shop/;");
  });
});

describe("in an application", () => {
  test("a wrapped handler inside another shares its session, and one commit serves both", async () => {
    const { manager, store } = rig();
    const sessions = fetchSessions(manager);
    const inner = sessions.wrap((_request, session) => {
      session.set("inner", 1);
      return new Response("ok");
    });
    const outer = sessions.wrap(async (request, session) => {
      const response = await inner(request);
      session.set("outer", session.get("inner"));
      return response;
    });
    const response = await outer(ask());
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(store.count("create")).toBe(1);
    expect(store.count("update")).toBe(0);
  });

  test("of() knows the request that the handler was given, and no copy of it", async () => {
    const { manager } = rig();
    const sessions = fetchSessions(manager);
    const codes: unknown[] = [];
    await sessions.wrap((request, session) => {
      codes.push(sessions.of(request) === session);
      for (const copy of [request.clone(), new Request(request)]) {
        try {
          sessions.of(copy);
        } catch (error) {
          codes.push((error as SessionError).code);
        }
      }
      return new Response("ok");
    })(ask());
    expect(codes).toEqual([true, "ERR_SESSION_USE", "ERR_SESSION_USE"]);
  });

  test("a manager that manages nothing fits too", async () => {
    const handle = fetchSessions(new NullSessionManager()).wrap((_request, session) => {
      session.set("colour", "red");
      return new Response(String(session.get("colour")));
    });
    const response = await handle(ask());
    expect(await response.text()).toBe("red");
    expect(response.headers.getSetCookie()).toEqual([]);
  });

  test("what is no manager is refused when the adapter is made", () => {
    for (const wrong of [undefined, null, {}, { store: memoryStore() }]) {
      expect(() => fetchSessions(wrong as unknown as SessionManager)).toThrow(SessionError);
    }
  });
});
