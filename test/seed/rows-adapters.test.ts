import { describe, expect, test } from "vitest";
import { currentSession, NullSessionManager, type Session } from "../../src/index.ts";
import { type FetchHandler, fetchSessions } from "../../src/adapters/fetch.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { cookieJar } from "../../src/testing/cookie-jar.ts";
import { boundToAddress } from "./address-binding.ts";
import { site, type Site, stored } from "./support.ts";

const URL = "https://shop.example/";

/** A browser in front of a fetch handler. */
function browser(shop: Site<Session>): (handler: FetchHandler<Session, []>) => Promise<Response> {
  const sessions = fetchSessions(shop.manager);
  const jar = cookieJar({ clock: shop.clock });
  return async (handler) => {
    const cookie = jar.header(URL);
    const request = new Request(URL, cookie === undefined ? {} : { headers: { cookie } });
    const response = await sessions.wrap(handler)(request);
    jar.take(response.headers.getSetCookie(), URL);
    return response;
  };
}

describe("rows 11, 39 and 40 through an adapter", () => {
  test("row 11: an error with a status below 500 stores what the request changed; one without rolls it back", async () => {
    const visit = browser(site());
    await visit((_request, session) => {
      session.set("count", 1);
      return new Response("not found", { status: 404 });
    });
    const forbidden = Object.assign(new Error("forbidden"), { status: 403 });
    await expect(
      visit((_request, session) => {
        session.increment("count");
        throw forbidden;
      }),
    ).rejects.toBe(forbidden);
    await expect(
      visit((_request, session) => {
        session.increment("count");
        throw new Error("a fault of ours");
      }),
    ).rejects.toThrow("a fault of ours");
    const last = await visit((_request, session) => new Response(String(session.get("count"))));
    expect(await last.text()).toBe("2");
  });

  test("row 39: a fetch handler gets the session of its request, and its changes are stored before it answers", async () => {
    const store = memoryStore();
    const shop = site(store, { context: true });
    const visit = browser(shop);
    const first = await visit((_request, session) => {
      session.login("ann");
      return new Response(null, { status: 303, headers: { location: "/" } });
    });
    expect(first.status).toBe(303);
    expect(first.headers.getSetCookie()).toHaveLength(1);
    expect(await stored(store)).toHaveLength(1);
    const second = await visit(() => new Response(currentSession()?.user));
    expect(await second.text()).toBe("ann");
    expect(second.headers.get("vary")).toBe("Cookie");
  });

  test("row 39: a visit through an adapter that leaves the session empty sets no cookie and calls no store", async () => {
    const shop = site();
    const response = await browser(shop)((_request, session) => new Response(String(session.data["cart"])));
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(shop.calls.count()).toBe(0);
  });

  test("row 42: a handler that is bound to the address refuses a request from elsewhere, and leaves the owner alone", async () => {
    const addressOf = (request: Request): string => request.headers.get("x-client") ?? "";
    const { manager } = site();
    const sessions = fetchSessions(manager, { clientAddress: addressOf });
    const handle = sessions.wrap(
      boundToAddress((_request, session) => new Response(String(session.increment("views"))), addressOf),
    );
    const ask = (address: string, cookie = ""): Promise<Response> =>
      handle(new Request(URL, { headers: { cookie, "x-client": address } }));
    const first = await ask("192.0.2.1");
    const cookie = first.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    expect((await ask("192.0.2.2", cookie)).status).toBe(403);
    expect(await (await ask("192.0.2.1", cookie)).text()).toBe("2");
  });

  test("row 40: the manager that manages nothing fits wherever the other does", async () => {
    const sessions = fetchSessions(new NullSessionManager());
    const answer = await sessions.wrap((_request: Request, session: Session) => {
      session.set("count", 1);
      return new Response(String(session.get("count")));
    })(new Request(URL));
    expect(await answer.text()).toBe("1");
    expect(answer.headers.getSetCookie()).toEqual([]);
  });
});
