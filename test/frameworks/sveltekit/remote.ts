import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../../package/package-json.ts";
import { failsBefore } from "../../../src/testing/index.ts";
import { cookieAfter } from "../support/sites.ts";
import { type Client, client } from "./rig.ts";
import type { Version } from "./site.ts";

/** Remote functions, as SvelteKit's client calls them. */
export function remoteFunctions(version: Version): void {
  test("a command saves and carries the cookie, and a query reads", async () => {
    const shop = await client(version, {
      remote: (_event, session, name) =>
        name === "command" ? session.increment("hits") : session.get("hits"),
    });
    const ordered = await command(shop, version);
    expect(await ordered.json()).toMatchObject({ type: "result" });
    const cookie = cookieAfter(ordered);
    expect(await shop.stored(cookie)).toEqual({ hits: 1 });
    const asked = await shop.ask(`/_app/remote/${idOf(version, "ask")}?payload=`, { cookie });
    expect(await asked.json()).toMatchObject({ type: "result", data: expect.stringContaining("1") });
  });

  test("an unexpected error in a command rolls back, although it is answered with status 200", async () => {
    const shop = await client(version, {
      remote(_event, session) {
        session.set("colour", "blue");
        throw new Error("unexpected");
      },
    });
    const cookie = await shop.visitor();
    const answer = await command(shop, version, cookie);
    expect([answer.status, await answer.json()]).toMatchObject([
      200,
      { type: "error", error: { status: 500 } },
    ]);
    expect(await shop.stored(cookie)).toEqual({ colour: "red" });
  });

  test("a live query reads the session as long as it lives, and what it changes is refused aloud", async () => {
    const shop = await client(version, {
      remote: (_event, session, name) =>
        name === "live" ? session.get("colour") : codeOf(() => session.set("colour", "blue")),
    });
    const cookie = await shop.visitor();
    const answer = await shop.ask(`/_app/remote/${idOf(version, "watch")}?payload=`, { cookie });
    expect(await answer.text()).toMatch(/red[\s\S]*ERR_SESSION_SENT/);
    expect(await shop.stored(cookie)).toEqual({ colour: "red" });
  });

  test("a commit that fails is an error to SvelteKit's client", async () => {
    const shop = await client(version, { remote: (_event, session) => session.increment("hits") });
    shop.store.always("create", failsBefore(new Error("down")));
    const answer = await command(shop, version);
    expect([answer.status, await answer.json()]).toMatchObject([
      503,
      { type: "error", error: { status: 503 } },
    ]);
  });
}

function command(shop: Client, version: Version, cookie = ""): Promise<Response> {
  return shop.ask(`/_app/remote/${idOf(version, "order")}`, {
    method: "POST",
    cookie,
    headers: {
      "content-type": "application/json", // Without ORIGIN, adapter-node takes itself for https.
      origin: shop.origin.replace("http:", "https:"),
      "x-sveltekit-pathname": "/remote",
    },
    body: JSON.stringify({ payload: "", refreshes: [] }),
  });
}

function codeOf(work: () => unknown): unknown {
  try {
    work();
    return "no error";
  } catch (error) {
    return (error as { readonly code?: unknown }).code;
  }
}

/** The address of a remote function has a hash in it, which the client's code knows. */
function idOf({ folder }: Version, name: string): string {
  const scripts = globSync("**/*.js", { cwd: join(ROOT, folder, ".generated/build/client/_app") });
  for (const script of scripts) {
    const text = readFileSync(join(ROOT, folder, ".generated/build/client/_app", script), "utf8");
    const found = new RegExp(`["'\`]([a-z0-9]+/${name})["'\`]`).exec(text);
    if (found?.[1] !== undefined) return found[1];
  }
  throw new Error(`no remote function ${name} in the client's code`);
}
