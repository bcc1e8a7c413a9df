import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CookieJar, cookieJar } from "../../../src/testing/index.ts";
import { runIn, type Served, serveIn, withProjects } from "../support/projects.ts";

const PROJECT = "test/frameworks/nitro/3.0";

const folder = mkdtempSync(join(tmpdir(), "holdfast-nitro-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

withProjects([PROJECT], () => {
  let nitro: Served;

  beforeAll(async () => {
    const built = await runIn(PROJECT, process.execPath, ["node_modules/.bin/nitro", "build"]);
    expect(built.code, built.output).toBe(0);
    nitro = await serveIn(PROJECT, process.execPath, ["start.mjs"], { STORE: join(folder, "store") });
  }, 120_000);

  afterAll(() => nitro?.close());

  async function ask(jar: CookieJar, path: string, init: RequestInit = {}): Promise<Response> {
    const url = `${nitro.origin}${path}`;
    const cookie = jar.header(url);
    const headers = { accept: "application/json", ...(cookie !== undefined && { cookie }) };
    const answer = await fetch(url, { redirect: "manual", ...init, headers });
    jar.take(answer.headers.getSetCookie(), url);
    return answer;
  }

  async function show(jar: CookieJar): Promise<Record<string, unknown>> {
    return (await (await ask(jar, "/show")).json()) as Record<string, unknown>;
  }

  async function painted(): Promise<CookieJar> {
    const jar = cookieJar();
    expect((await ask(jar, "/colour", { method: "POST" })).status).toBe(303);
    return jar;
  }

  describe("Nitro 3, the sessions a file of its middleware", () => {
    test("saves before a redirect leaves", async () => {
      expect(await show(await painted())).toMatchObject({ colour: "teal" });
    });

    test("an error fails or saves by its status, and its cookie arrives with Nitro's own answer", async () => {
      for (const [query, status, saved] of [
        ["", 500, { colour: "teal", user: null }],
        ["?status=422", 422, { colour: "blue", user: "skipper" }],
      ] as const) {
        const jar = await painted();
        expect((await ask(jar, `/fails${query}`)).status).toBe(status);
        expect(await show(jar)).toMatchObject(saved);
      }
    });

    test("a request of the server to itself is a part of the one around it: one session, one cookie", async () => {
      const jar = cookieJar();
      const answer = await ask(jar, "/within");
      expect(await answer.json()).toEqual({ cookies: 0, inner: 1 });
      expect(answer.headers.getSetCookie()).toHaveLength(1);
      expect(await show(jar)).toMatchObject({ inner: 1 });
    });

    test.each(["/cached", "/cached-rule"])(
      "what is cached for everybody has no session: %s",
      async (path) => {
        const jar = await painted();
        expect((await ask(jar, path)).status).toBe(500);
        const other = await ask(cookieJar(), path);
        expect([other.status, await other.text()]).toEqual([500, expect.not.stringContaining("teal")]);
      },
    );
  });
});
