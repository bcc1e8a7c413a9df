import { describe, expect, test } from "vitest";
import { SessionError, SessionManager } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import {
  type AnySessionStorage,
  sentBack,
  sessionStorageRules,
} from "../../adapters/support/session-storage-rules.ts";
import type { Built } from "./build.ts";
import { type Args, cookieAfter, cookieNames, form, rigOf, SESSION } from "./rig.ts";

/** The storage beside the framework's own, and in requests that the middleware holds. */
export function describeStorage(built: () => Built): void {
  const cookie = { name: "sid", secrets: ["a secret of the tests"], sameSite: "lax" as const };
  // That our rules hold for the framework's own storages says that they are right.
  sessionStorageRules("the framework's memory storage", () =>
    built().tools.createMemorySessionStorage({ cookie }),
  );
  sessionStorageRules("the framework's cookie storage", () =>
    built().tools.createCookieSessionStorage({ cookie }),
  );
  describe("a session of the storage", () => sessions(built));
  describe("the storage in a request that the middleware holds", () => together(built));
}

function newStorage({ tools }: Built): AnySessionStorage {
  return tools.reactRouterSessionStorage(
    new SessionManager({ store: memoryStore(), sweepEvery: false }),
  ) as unknown as AnySessionStorage;
}

function sessions(built: () => Built): void {
  test("is a session to the framework", async () => {
    const session = await newStorage(built()).getSession();
    expect(built().tools.isSession(session)).toBe(true);
    expect(built().tools.isSession(built().tools.createSession())).toBe(true);
  });
}

function together(built: () => Built): void {
  test("gives the request's own session, loads nothing again, and leaves the cookie to the middleware", async () => {
    const rig = rigOf(built());
    const { getSession, commitSession } = rig.sessions.storage;
    const cookie = await rig.visitor();
    rig.store.forget();
    const action = async ({ request, context }: Args): Promise<Response> => {
      const session = await getSession(request.headers.get("Cookie"));
      session.set("size", "small");
      session.rotate();
      rig.sessions.of(context).set("colour", "blue");
      expect([session.session === rig.sessions.of(context), session.get("colour")]).toEqual([true, "blue"]);
      const header = await commitSession(session);
      expect(header).toBe("");
      return new Response(null, { status: 302, headers: { location: "/", "set-cookie": header } });
    };
    const response = await rig.ask(
      "/app/page",
      { "page action": action },
      { cookie, ...form({ name: "x" }) },
    );
    expect([cookieNames(response), response.headers.get("cache-control")]).toEqual([[SESSION], "no-store"]);
    expect([rig.store.count("read"), rig.store.count("update")]).toEqual([1, 1]);
    expect((await rig.stored(cookieAfter(response))).data).toEqual({ colour: "blue", size: "small" });
  });

  test("is one session for every loader of the request, also for a visitor without a cookie", async () => {
    const rig = rigOf(built());
    const { getSession, commitSession } = rig.sessions.storage;
    const loader =
      (name: string) =>
      async ({ request }: Args): Promise<object> => {
        const session = await getSession(request.headers.get("Cookie"));
        session.set(name, 1);
        const headers = { "Set-Cookie": await commitSession(session) };
        return { type: "DataWithResponseInit", data: 1, init: { headers } };
      };
    for (const path of ["/app/deep/er", "/app/deep/er.data"]) {
      rig.store.forget();
      const response = await rig.ask(path, {
        "root loader": loader("root"),
        "layout loader": loader("layout"),
        "deeper loader": loader("deeper"),
      });
      expect([response.status, cookieNames(response)]).toEqual([200, [SESSION]]);
      expect(rig.store.count("create")).toBe(1);
      expect((await rig.stored(cookieAfter(response))).data).toEqual({ root: 1, layout: 1, deeper: 1 });
    }
  });

  test("saves what was not committed by hand with the rest", async () => {
    const rig = rigOf(built());
    const { getSession } = rig.sessions.storage;
    const loader = async ({ request }: Args): Promise<number> => {
      (await getSession(request.headers.get("Cookie"))).set("colour", "blue");
      return 1;
    };
    const response = await rig.ask("/app/page", { "page loader": loader });
    expect((await rig.stored(cookieAfter(response))).data).toEqual({ colour: "blue" });
  });

  test("keeps what was committed by hand, and its cookie, when the request fails", async () => {
    const rig = rigOf(built());
    const { getSession, commitSession } = rig.sessions.storage;
    const loader = async (): Promise<number> => {
      const session = await getSession();
      session.set("colour", "blue");
      await commitSession(session);
      session.set("colour", "green");
      throw new Error("after the commit");
    };
    const response = await rig.ask("/app/page", { "page loader": loader });
    expect([response.status, response.headers.get("cache-control")]).toEqual([500, "no-store"]);
    expect((await rig.stored(cookieAfter(response))).data).toEqual({ colour: "blue" });
  });

  test("ends the session, and the middleware revokes the cookie", async () => {
    const rig = rigOf(built());
    const { getSession, destroySession } = rig.sessions.storage;
    const cookie = await rig.visitor("ada");
    const action = async ({ request }: Args): Promise<Response> => {
      const header = await destroySession(await getSession(request.headers.get("Cookie")));
      return new Response(null, { status: 302, headers: { location: "/", "set-cookie": header } });
    };
    const response = await rig.ask(
      "/app/page",
      { "page action": action },
      { cookie, ...form({ name: "x" }) },
    );
    expect([cookieNames(response), cookieAfter(response)]).toEqual([[SESSION], `${SESSION}=`]);
    expect(await rig.stored(cookie)).toEqual({ user: null, data: {} });
  });

  test("has the last word about the cookie: a secret that is made after a commit by hand is the one", async () => {
    const rig = rigOf(built());
    const { getSession, commitSession } = rig.sessions.storage;
    const loader = async (): Promise<Response> => {
      const session = await getSession();
      session.set("colour", "blue");
      await commitSession(session, { maxAge: 60 });
      session.login("ada");
      return new Response("in");
    };
    const response = await rig.ask("/app/resource", { "resource loader": loader });
    expect(cookieNames(response)).toEqual([SESSION]);
    expect(response.headers.getSetCookie()[0]).toContain("Max-Age=60");
    expect((await rig.stored(cookieAfter(response))).user).toBe("ada");
  });

  test("sends the client's cookie again where a commit gives it an age", async () => {
    const rig = rigOf(built());
    const { getSession, commitSession } = rig.sessions.storage;
    const cookie = await rig.visitor();
    const loader = async ({ request }: Args): Promise<Response> => {
      await commitSession(await getSession(request.headers.get("Cookie")), { maxAge: 60 });
      return new Response("kept");
    };
    const response = await rig.ask("/app/resource", { "resource loader": loader }, { cookie });
    expect(response.headers.getSetCookie()).toEqual([
      `${cookie}; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax`,
    ]);
  });

  test("without the request's cookie is a session of its own, whose cookie is the only one", async () => {
    const rig = rigOf(built(), { manager: { rotateEvery: "10m" } });
    const { getSession, commitSession } = rig.sessions.storage;
    const cookie = await rig.visitor();
    rig.clock.advance(11 * 60_000);
    const action = async ({ context }: Args): Promise<Response> => {
      rig.sessions.of(context).set("colour", "blue");
      const fresh = await getSession();
      expect([fresh.id, fresh.get("colour")]).toEqual(["", undefined]);
      fresh.set("colour", "green");
      const headers = { location: "/", "set-cookie": await commitSession(fresh) };
      return new Response(null, { status: 302, headers });
    };
    const response = await rig.ask(
      "/app/page",
      { "page action": action },
      { cookie, ...form({ name: "x" }) },
    );
    expect([cookieNames(response), response.headers.get("cache-control")]).toEqual([[SESSION], "no-store"]);
    expect((await rig.stored(cookieAfter(response))).data).toEqual({ colour: "green" });
    expect((await rig.stored(cookie)).data).toEqual({ colour: "blue" });
  });

  test("fails the request when a commit by hand fails and nobody catches that", async () => {
    const rig = rigOf(built());
    const { getSession, commitSession } = rig.sessions.storage;
    const cookie = await rig.visitor();
    const loader = async ({ request }: Args): Promise<number> => {
      const session = await getSession(request.headers.get("Cookie"));
      session.set("colour", "blue");
      rig.store.always("update", () => Promise.reject(new Error("down")));
      await commitSession(session).finally(() => rig.store.heal());
      return 1;
    };
    expect((await rig.ask("/app/page", { "page loader": loader }, { cookie })).status).toBe(500);
    expect(SessionError.is(rig.errors[0])).toBe(true);
    expect((await rig.stored(cookie)).data).toEqual({ colour: "red" });
  });

  test("refuses to change anything after the headers", async () => {
    const rig = rigOf(built());
    const { getSession, commitSession } = rig.sessions.storage;
    const cookie = await rig.visitor();
    let release = (): void => {};
    const wait = new Promise<void>((resolve) => (release = resolve));
    const loader = async ({ request }: Args): Promise<object> => {
      const session = await getSession(request.headers.get("Cookie"));
      const later = wait.then(async () => {
        const errors: unknown[] = [];
        try {
          session.set("colour", "late");
        } catch (error) {
          errors.push(error);
        }
        await commitSession(session).catch((error: unknown) => errors.push(error));
        return errors.map((error) => (error as SessionError).code).join(" ");
      });
      return { later };
    };
    const response = await rig.ask("/app/late", { "late loader": loader }, { cookie });
    release();
    expect(await response.text()).toContain("ERR_SESSION_SENT ERR_SESSION_SENT");
    expect((await rig.stored(cookie)).data).toEqual({ colour: "red" });
  });

  test("outside of any request loads what a header says", async () => {
    const rig = rigOf(built());
    const cookie = await rig.visitor();
    const { getSession, commitSession } = rig.sessions.storage;
    const session = await getSession(cookie);
    expect(session.get("colour")).toBe("red");
    const fresh = await getSession();
    fresh.set("colour", "green");
    expect((await rig.stored(sentBack(await commitSession(fresh)))).data).toEqual({ colour: "green" });
  });

  test("of two overlapping requests never mixes them up", async () => {
    const rig = rigOf(built());
    const { getSession } = rig.sessions.storage;
    const cookies = await Promise.all([rig.visitor("ada"), rig.visitor("eve")]);
    const loader = async ({ request }: Args): Promise<Response> => {
      await new Promise((resolve) => setImmediate(resolve));
      return new Response((await getSession(request.headers.get("Cookie"))).user);
    };
    const responses = cookies.map((cookie) =>
      rig.ask("/app/resource", { "resource loader": loader }, { cookie }),
    );
    const users = await Promise.all(responses.map(async (response) => await (await response).text()));
    expect(users).toEqual(["ada", "eve"]);
  });
}
