import { expect, test, vi } from "vitest";
import { failsBefore } from "../../../src/testing/index.ts";
import { cookieAfter, cookieNames } from "../support/sites.ts";
import { client } from "./rig.ts";
import type { Context, Version } from "./site.ts";

const SESSION = "__Host-Http-sid";
const DOWN = new Error("redis at 10.0.0.1 is down");

function codeOf(work: () => unknown): unknown {
  try {
    work();
    return "no error";
  } catch (error) {
    return (error as { readonly code?: unknown }).code;
  }
}

/** Waits until the page has surely begun to leave. */
async function later<T>(work: () => T): Promise<T> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return work();
}

/** Pages, and what is streamed of them. */
export function pages(version: Version): void {
  test("a page saves, and its own cookies and headers stay", async () => {
    const shop = await client(version, {
      places: {
        page(context, session) {
          context.cookies.set("theme", "dark", { path: "/" });
          context.response.headers.set("cache-control", "public, max-age=60");
          context.response.headers.set("x-own", "kept");
          return { hits: session.increment("hits") };
        },
      },
    });
    const page = await shop.ask("/page");
    expect(await page.text()).toContain('"hits":1');
    expect(cookieNames(page).sort()).toEqual([SESSION, "theme"]);
    expect([page.headers.get("cache-control"), page.headers.get("x-own")]).toEqual(["no-store", "kept"]);
    expect(await shop.stored(cookieAfter(page))).toEqual({ hits: 1 });
  });

  test("a page that only looks varies by the cookie, and is not left public", async () => {
    const shop = await client(version, {
      places: {
        page(context, session) {
          context.response.headers.set("cache-control", "public, max-age=60");
          return { colour: session.get("colour") };
        },
      },
    });
    const page = await shop.ask("/page", { cookie: await shop.visitor() });
    expect([page.headers.get("cache-control"), page.headers.get("vary"), cookieNames(page)]).toEqual([
      "private, max-age=60",
      "Cookie",
      [],
    ]);
  });

  test("Astro.redirect in a page saves and carries the cookie", async () => {
    const shop = await client(version, {
      places: {
        page(context, session) {
          session.set("from", "/page");
          return context.redirect("/sign-in", 303);
        },
      },
    });
    const page = await shop.ask("/page");
    expect([page.status, page.headers.get("location")]).toEqual([303, "/sign-in"]);
    expect(await shop.stored(cookieAfter(page))).toEqual({ from: "/page" });
  });

  test("a component that is rendered while the page is streamed reads, and what it changes is refused aloud", async () => {
    const shop = await client(version, {
      places: {
        page: (_context, session) => void session.set("colour", "blue"),
        component: (_context, session) =>
          later(() => [session.get("colour"), codeOf(() => session.set("colour", "green"))]),
      },
    });
    const page = await shop.ask("/page");
    expect(await page.text()).toContain('component: ["blue","ERR_SESSION_SENT"]');
    expect(await shop.stored(cookieAfter(page))).toEqual({ colour: "blue" });
  });

  test("a component that fails while the page is streamed keeps what was stored", async () => {
    const shop = await client(version, {
      places: {
        page: (_context, session) => void session.set("colour", "blue"),
        component: () =>
          later(() => {
            throw new Error("unexpected");
          }),
      },
    });
    const cookie = await shop.visitor();
    const page = await shop.ask("/page", { cookie });
    await page.text().catch(() => undefined);
    expect(await shop.stored(cookie)).toEqual({ colour: "blue" });
  });

  test("a server island is a request of its own, with the session", async () => {
    const shop = await client(version, {
      places: {
        island: (_context, session) => [session.get("colour"), codeOf(() => session.set("seen", true))],
      },
    });
    const cookie = await shop.visitor();
    const page = await (await shop.ask("/island", { cookie })).text();
    const address = /\/_server-islands\/[^'"]+/.exec(page)?.[0].replaceAll("&amp;", "&") ?? "";
    const island = await shop.ask(address, { cookie });
    expect(await island.text()).toMatch(/island: \["red",/);
  });

  test("the client's address is the one that Astro knows, or the one that the option gives", async () => {
    for (const [address, options] of [
      ["127.0.0.1", {}],
      ["192.0.2.7", { clientAddress: () => "192.0.2.7" }],
    ] as const) {
      const shop = await client(version, {
        options,
        places: {
          page(_context, session) {
            session.set("colour", "red");
            return { from: session.remoteAddress };
          },
        },
      });
      const cookie = cookieAfter(await shop.ask("/page"));
      expect(await (await shop.ask("/page", { cookie })).text()).toContain(`"from":"${address}"`);
    }
  });

  test("the session has the name in locals that the option gives", async () => {
    const shop = await client(version, {
      options: { local: "visit" },
      places: {
        page: (context, session) => ({
          same: session === context.locals["visit"],
          hits: session.increment("hits"),
        }),
      },
    });
    expect(await (await shop.ask("/page")).text()).toContain('{"same":true,"hits":1}');
  });
}

/** Actions, as forms without JavaScript send them and as Astro's client calls them. */
export function actions(version: Version): void {
  async function order(
    shop: Awaited<ReturnType<typeof client>>,
    way: "form" | "rpc",
    cookie = "",
  ): Promise<Response> {
    const page = await (await shop.ask("/page")).text();
    const query = /<form method="post" action="([^"]+)"/.exec(page)?.[1] ?? "";
    const body = new FormData();
    body.set("what", "an anchor");
    return await shop.ask(way === "form" ? `/page${query}` : "/_actions/order", {
      method: "POST",
      body,
      cookie,
    });
  }

  for (const way of ["form", "rpc"] as const) {
    test(`an action saves and carries the cookie: ${way}`, async () => {
      const shop = await client(version, {
        places: { action: (_context, session) => ({ hits: session.increment("hits") }) },
      });
      const answer = await order(shop, way);
      expect(answer.status).toBe(200);
      expect(await shop.stored(cookieAfter(answer))).toEqual({ hits: 1 });
      if (way === "form") expect(await answer.text()).toContain('"data":{"hits":1}');
    });

    test(`an error of Astro's own in an action is an answer: ${way}`, async () => {
      for (const [code, status, colour] of [
        ["CONFLICT", 409, "blue"],
        ["INTERNAL_SERVER_ERROR", 500, "red"],
      ] as const) {
        const shop = await client(version, {
          places: {
            action(_context, session) {
              session.set("colour", "blue");
              return code;
            },
          },
        });
        const cookie = await shop.visitor();
        expect((await order(shop, way, cookie)).status).toBe(status);
        expect(await shop.stored(cookie)).toEqual({ colour });
      }
    });

    test(`an unexpected error in an action rolls back: ${way}`, async () => {
      const shop = await client(version, {
        places: {
          action(_context, session) {
            session.set("colour", "blue");
            throw new Error("unexpected");
          },
        },
      });
      const cookie = await shop.visitor();
      const answer = await order(shop, way, cookie);
      expect([answer.status, cookieNames(answer)]).toEqual([500, []]);
      expect(await shop.stored(cookie)).toEqual({ colour: "red" });
    });
  }
}

/** What is answered when something fails, and the error pages, which are run through the middleware as well. */
export function errors(version: Version): void {
  test("an unexpected error in a page rolls back, and the error page has the session as it was", async () => {
    const shop = await client(version, {
      places: {
        page(_context, session) {
          session.set("colour", "blue");
          throw new Error("unexpected");
        },
        500: (_context, session) => [session.get("colour"), codeOf(() => session.set("colour", "green"))],
      },
    });
    const cookie = await shop.visitor();
    const page = await shop.ask("/page", { cookie });
    expect([page.status, cookieNames(page)]).toEqual([500, []]);
    expect(await page.text()).toContain('error page 500: ["red","no error"]');
    expect(await shop.stored(cookie)).toEqual({ colour: "red" });
  });

  test("a logout takes place although an error follows: the cookie is revoked, and the error page knows", async () => {
    const printed = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const shop = await client(version, {
      places: {
        page(context, session) {
          context.cookies.set("receipt", "42", { path: "/" });
          session.logout();
          throw new Error("unexpected");
        },
        500: (_context, session) => [session.get("colour") ?? "nobody"],
      },
    });
    const cookie = await shop.visitor();
    const page = await shop.ask("/page", { cookie });
    expect([page.status, cookieNames(page), cookieAfter(page)]).toEqual([500, [SESSION], `${SESSION}=`]);
    expect(await page.text()).toContain('error page 500: ["nobody"]');
    expect(printed.mock.calls.flat()).toContainEqual(expect.objectContaining({ message: "unexpected" }));
    printed.mockRestore();
    expect(await shop.stored(cookie)).toEqual({});
  });

  test("what commit() stored before an error stays, its cookie arrives, and the error page knows", async () => {
    const printed = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const shop = await client(version, {
      places: {
        async page(_context, session) {
          await session.set("colour", "blue").commit();
          session.set("colour", "green");
          throw new Error("unexpected");
        },
        500: (_context, session) => [session.get("colour")],
      },
    });
    const page = await shop.ask("/page");
    printed.mockRestore();
    expect([page.status, cookieNames(page)]).toEqual([500, [SESSION]]);
    expect(await page.text()).toContain('error page 500: ["blue"]');
    expect(await shop.stored(cookieAfter(page))).toEqual({ colour: "blue" });
  });

  test("a page that is not found is saved, and the page that Astro shows instead has the same session", async () => {
    const shop = await client(version, {
      places: {
        page(_context, session) {
          session.increment("misses");
          return new Response(null, { status: 404 });
        },
        404: (_context, session) => [session.increment("misses")],
      },
    });
    const page = await shop.ask("/page");
    expect([page.status, cookieNames(page)]).toEqual([404, [SESSION]]);
    expect(await page.text()).toContain("error page 404: [2]");
    expect(shop.store.count("create")).toBe(1);
    expect(await shop.stored(cookieAfter(page))).toEqual({ misses: 2 });
  });

  test("an unexpected error in an endpoint or a later middleware rolls back", async () => {
    const shop = await client(version, {
      middleware: [
        async (context, next) => {
          const response = await next();
          if (context.url.searchParams.has("after")) throw new Error("unexpected");
          return response;
        },
      ],
      places: {
        endpoint(context, session) {
          session.set("colour", "blue");
          if (context.url.searchParams.has("in")) throw new Error("unexpected");
          return new Response("done");
        },
      },
    });
    const cookie = await shop.visitor();
    for (const path of ["/api?in", "/api?after"]) expect((await shop.ask(path, { cookie })).status).toBe(500);
    expect(await shop.stored(cookie)).toEqual({ colour: "red" });
  });

  test("whatever is thrown is a failure, an error with a status and a Response too, unless isFailure says otherwise", async () => {
    const thrown = {
      error: Object.assign(new Error("not found"), { status: 404 }),
      response: new Response("no"),
    };
    for (const [isFailure, colour] of [
      [undefined, "red"],
      [() => false, "blue"],
    ] as const) {
      const shop = await client(version, {
        options: { ...(isFailure && { isFailure }) },
        places: {
          page(context, session) {
            session.set("colour", "blue");
            // oxlint-disable-next-line typescript/only-throw-error -- what some code does
            throw thrown[context.url.searchParams.get("what") as "error"];
          },
        },
      });
      const cookie = await shop.visitor();
      expect((await shop.ask("/page?what=response", { cookie })).status).toBe(500);
      expect(await shop.stored(cookie)).toEqual({ colour: "red" });
      expect((await shop.ask("/page?what=error", { cookie })).status).toBe(500);
      expect(await shop.stored(cookie)).toEqual({ colour });
    }
  });

  test("a commit that fails is answered with 503, and nothing of the page leaves", async () => {
    const shop = await client(version, {
      places: {
        page(context, session) {
          context.cookies.set("receipt", "42", { path: "/" });
          session.set("colour", "blue");
          return { paid: true };
        },
      },
    });
    shop.store.always("create", failsBefore(DOWN));
    const page = await shop.ask("/page");
    expect([page.status, cookieNames(page), await page.text()]).toEqual([503, [], "Service Unavailable\n"]);
  });

  test("a session that cannot be read is answered with 503, or as the application says", async () => {
    const renderFailure = (error: unknown, { url }: Pick<Context, "url">): Response =>
      new Response(`closed: ${(error as { code?: string }).code} at ${url.pathname}`, { status: 503 });
    for (const [options, text] of [
      [{}, "Service Unavailable\n"],
      [{ renderFailure }, "closed: ERR_SESSION_STORE_UNAVAILABLE at /page"],
    ] as const) {
      const shop = await client(version, { options, places: {} });
      const cookie = await shop.visitor();
      shop.store.always("read", failsBefore(DOWN));
      const page = await shop.ask("/page", { cookie });
      expect([page.status, await page.text(), cookieNames(page)]).toEqual([503, text, []]);
    }
  });

  test("what the application cannot store fails the request, and the error page is shown", async () => {
    const shop = await client(version, {
      places: {
        page: (_context, session) => void session.set("odd", () => "not a value"),
        500: () => ["sorry"],
      },
    });
    const page = await shop.ask("/page");
    expect([page.status, cookieNames(page)]).toEqual([500, []]);
    expect(await page.text()).toContain('error page 500: ["sorry"]');
  });
}

/** Rewrites, for which Astro runs the middleware within itself. */
export function rewrites(version: Version): void {
  for (const [place, path] of [
    ["page", "/page"],
    ["endpoint", "/api"],
  ] as const) {
    test(`a rewrite in a ${place} has the same session: one is stored, and one cookie is set`, async () => {
      const shop = await client(version, {
        places: {
          [place]: (context, session) => {
            session.increment("hits");
            return context.rewrite("/rewritten");
          },
          rewritten: (_context, session) => [session.increment("hits")],
        },
      });
      const page = await shop.ask(path);
      expect([page.status, cookieNames(page)]).toEqual([200, [SESSION]]);
      expect(await page.text()).toContain("rewritten: [2]");
      expect(shop.store.count("create")).toBe(1);
      expect(await shop.stored(cookieAfter(page))).toEqual({ hits: 2 });
    });
  }

  test("a rewrite to a page that fails rolls back all", async () => {
    const shop = await client(version, {
      places: {
        page: (context, session) => {
          session.set("colour", "blue");
          return context.rewrite("/rewritten");
        },
        rewritten() {
          throw new Error("unexpected");
        },
      },
    });
    const cookie = await shop.visitor();
    expect((await shop.ask("/page", { cookie })).status).toBe(500);
    expect(await shop.stored(cookie)).toEqual({ colour: "red" });
  });

  test("a rewrite by a later middleware has the same session", async () => {
    const shop = await client(version, {
      middleware: [
        (context, next) => {
          if (context.url.pathname !== "/page") return next();
          (context.locals["session"] as { increment(name: string): number }).increment("hits");
          return next("/rewritten");
        },
      ],
      places: { rewritten: (_context, session) => [session.increment("hits")] },
    });
    const page = await shop.ask("/page");
    expect(await page.text()).toContain("rewritten: [2]");
    expect(await shop.stored(cookieAfter(page))).toEqual({ hits: 2 });
  });
}
