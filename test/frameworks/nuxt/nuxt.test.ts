import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SessionManager } from "../../../src/index.ts";
import { directoryStore } from "../../../src/stores/directory.ts";
import { type CookieJar, cookieJar } from "../../../src/testing/index.ts";
import { runIn, type Served, serveIn, withProjects } from "../support/projects.ts";

const PROJECT = "test/frameworks/nuxt/4.5";
const QUIET = { NUXT_TELEMETRY_DISABLED: "1" };

const folder = mkdtempSync(join(tmpdir(), "holdfast-nuxt-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One browser. */
class Visitor {
  readonly #origin: string;
  readonly jar: CookieJar = cookieJar();

  constructor(origin: string) {
    this.#origin = origin;
  }

  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const url = `${this.#origin}${path}`;
    const cookie = this.jar.header(url);
    const headers = { accept: "text/html", ...init.headers, ...(cookie !== undefined && { cookie }) };
    const answer = await fetch(url, { redirect: "manual", ...init, headers });
    this.jar.take(answer.headers.getSetCookie(), url);
    return answer;
  }

  /** What the page shows, and its status. */
  async page(
    path: string,
  ): Promise<{ readonly status: number; readonly shown: string; readonly cookies: number }> {
    const answer = await this.ask(path);
    const html = await answer.text();
    const shown = /<pre>(.*?)<\/pre>/s.exec(html)?.[1]?.replaceAll("&quot;", '"') ?? html;
    return { status: answer.status, shown, cookies: answer.headers.getSetCookie().length };
  }

  async show(): Promise<Record<string, unknown>> {
    return (await (await this.ask("/api/show")).json()) as Record<string, unknown>;
  }
}

withProjects([PROJECT], () => {
  let nuxt: Served;
  const visitor = (): Visitor => new Visitor(nuxt.origin);

  async function painted(): Promise<Visitor> {
    const one = visitor();
    await one.ask("/api/colour", { method: "POST" });
    return one;
  }

  async function watched(): Promise<string> {
    return (await (await visitor().ask("/api/watched")).text()) as string;
  }

  async function stored(): Promise<number> {
    const manager = new SessionManager({ store: directoryStore(join(folder, "store")), sweepEvery: false });
    let count = 0;
    for await (const _one of manager.all()) count += 1;
    await manager.close();
    return count;
  }

  beforeAll(async () => {
    const built = await runIn(PROJECT, process.execPath, ["node_modules/nuxt/bin/nuxt.mjs", "build"], {
      ...QUIET,
      STORE: join(folder, "built"),
    });
    expect(built.code, built.output).toBe(0);
    nuxt = await serveIn(PROJECT, process.execPath, ["server.mjs"], {
      ...QUIET,
      STORE: join(folder, "store"),
    });
  }, 180_000);

  afterAll(() => nuxt?.close());

  describe("a page of Nuxt", () => {
    test("has one session with what it asks of the server while it is rendered, and one cookie", async () => {
      const before = await stored();
      const one = visitor();
      const page = await one.page("/plain");
      expect(JSON.parse(page.shown)).toEqual({
        first: { api: 1 },
        shown: { id: null, user: null, visits: 1, api: 1 },
      });
      expect([page.status, page.cookies, await stored()]).toEqual([200, 1, before + 1]);
      expect(await one.show()).toMatchObject({ visits: 1, api: 1 });
    });

    test("sees the login of a route that it asked, and the cookie arrives with the page", async () => {
      const one = await painted();
      const { id } = await one.show();
      const page = await one.page("/signed-in");
      expect(page.cookies).toBe(1);
      expect(await one.show()).toMatchObject({ id, user: "skipper", colour: "teal" });
    });

    test("that is streamed is saved before its first byte, as far as its route middleware goes", async () => {
      const one = visitor();
      const page = await one.page("/streamed");
      expect([page.shown, page.cookies]).toEqual(["1", 1]);
      expect(await one.show()).toMatchObject({ api: 1 });
    });

    test("that is not there costs no session, but for what its error page changes", async () => {
      const before = await stored();
      const one = visitor();
      const page = await one.page("/no-such-page");
      expect([page.status, page.cookies, await stored()]).toEqual([404, 1, before + 1]);
      expect(await one.show()).toMatchObject({ shown: 1 });
    });

    test("that changes nothing sets no cookie and stores nothing", async () => {
      const before = await stored();
      const page = await visitor().page("/api/show");
      expect([page.status, page.cookies, await stored()]).toEqual([200, 0, before]);
    });

    test("that lives on although a route failed keeps what that route changed before", async () => {
      const one = await painted();
      expect((await one.page("/swallowed")).shown).toBe("500");
      expect(await one.show()).toMatchObject({ colour: "blue" });
    });
  });

  describe("an error", () => {
    test("that is unexpected fails the request, and the error page shows what is stored", async () => {
      const one = await painted();
      const page = await one.page("/broken");
      expect([page.status, JSON.parse(page.shown)]).toEqual([500, { status: 500, colour: "teal" }]);
      expect(await one.show()).toMatchObject({ colour: "teal" });
    });

    test("below 500 saves, and the error page is a part of the request: one session, one cookie", async () => {
      const before = await stored();
      const one = visitor();
      const page = await one.page("/refused");
      expect([page.status, JSON.parse(page.shown), page.cookies]).toEqual([
        403,
        { status: 403, colour: "blue" },
        1,
      ]);
      expect(await stored()).toBe(before + 1);
      expect(await one.show()).toMatchObject({ colour: "blue", shown: 1 });
    });

    test("of a route is answered by Nitro, and fails or saves by its status", async () => {
      for (const [query, status, colour] of [
        ["", 500, "teal"],
        ["?status=422", 422, "blue"],
        ["?status=503", 503, "teal"],
      ] as const) {
        const one = await painted();
        const answer = await one.ask(`/api/fails${query}`, { headers: { accept: "application/json" } });
        expect([answer.status, (await one.show())["colour"]]).toEqual([status, colour]);
      }
    });
  });

  describe("requests of the server to itself", () => {
    test("by the global $fetch are those of another visitor", async () => {
      const one = await painted();
      const seen = (await (await one.ask("/api/global")).json()) as {
        outer: string | null;
        inner: string | null;
      };
      expect([typeof seen.outer, seen.inner]).toEqual(["string", null]);
    });

    test("a redirect by a route rule costs no session", async () => {
      const answer = await visitor().ask("/moved");
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([307, []]);
    });
  });

  describe("what is cached for everybody", () => {
    const paths = [
      "/api/cached",
      "/api/cached-variable",
      "/api/cached-within",
      "/api/cached-rule",
      "/cached-page",
    ];
    test.each(paths)("has no session, and says so: %s", async (path) => {
      const one = await painted();
      await watched();
      const answer = await one.ask(path);
      expect(answer.status).toBe(500);
      expect(await watched()).toContain("This answer is cached");
      const other = await visitor().ask(path);
      expect([other.status, await other.text()]).toEqual([500, expect.not.stringContaining("teal")]);
      expect(await one.show()).toMatchObject({ colour: "teal" });
    });

    test("a page that was rendered when the application was built is nobody's", async () => {
      const one = await painted();
      const page = await one.page("/prerendered");
      expect(page.shown).toBe('{"id":null,"user":null}');
      expect(page.cookies).toBe(0);
    });
  });
});
