import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import { afterEach, describe, expect, test } from "vitest";
import { expressSessions } from "../../src/adapters/express.ts";
import { fetchSessions } from "../../src/adapters/fetch.ts";
import { bound, WELL_KNOWN_PATH, wellKnown, type WellKnownOptions } from "../../src/bound.ts";
import { fetchEndpoint, nodeEndpoint } from "../../src/endpoint.ts";
import { SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { refusal } from "../support/site.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function listening(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => void server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${WELL_KNOWN_PATH}`;
}

function managerOf(): SessionManager {
  const manager = new SessionManager({ store: memoryStore(), extensions: [bound()] });
  closing.push(() => manager.close());
  return manager;
}

const OPTIONS = {
  registeringOrigins: ["https://login.shop.example", "https://shop.example:8443"],
  relyingOrigins: ["https://shop.example", "https://shop.test"],
} satisfies WellKnownOptions;
const FILE = {
  registering_origins: ["https://login.shop.example", "https://shop.example:8443"],
  relying_origins: ["https://shop.example", "https://shop.test"],
};

/** The ways to serve it: by itself, and behind the sessions of a site. */
const SERVERS: readonly {
  readonly name: string;
  readonly start: (o: WellKnownOptions) => Promise<string>;
}[] = [
  {
    name: "node",
    start: (options) => {
      const answer = nodeEndpoint(wellKnown(options), () => null);
      return listening(createServer((request, response) => void answer(request, response)));
    },
  },
  {
    name: "Express, behind its sessions",
    start: (options) => {
      const sessions = expressSessions(managerOf());
      const app = express();
      app.use(sessions);
      app.all(
        WELL_KNOWN_PATH,
        nodeEndpoint(wellKnown(options), (request) => sessions.of(request)),
      );
      return listening(createServer(app));
    },
  },
  {
    name: "fetch",
    start: (options) => {
      const answer = fetchEndpoint(wellKnown(options));
      return listening(createServer(getRequestListener((request) => answer(request, null))));
    },
  },
  {
    name: "fetch, behind its sessions",
    start: (options) => {
      const answer = fetchEndpoint(wellKnown(options));
      const handler = fetchSessions(managerOf()).wrap((request, session) => answer(request, session));
      return listening(createServer(getRequestListener((request) => handler(request))));
    },
  },
];

describe.each(SERVERS)("the well-known file, over $name", ({ start }) => {
  test("is JSON that any cache may keep, without a cookie", async () => {
    const response = await fetch(await start(OPTIONS));
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toBe("public, max-age=300");
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(response.headers.get("vary")).toBe(null);
    expect(await response.json()).toEqual(FILE);
  });

  test("is shown to HEAD without its body, and to no other method", async () => {
    const url = await start(OPTIONS);
    const head = await fetch(url, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(head.headers.get("content-type")).toBe("application/json");
    for (const method of ["POST", "PUT", "DELETE"]) {
      const { status, headers } = await fetch(url, { method });
      expect([status, headers.get("allow")]).toEqual([405, "GET, HEAD"]);
      expect(headers.get("cache-control")).toBe("no-store");
    }
  });

  test("names what it was given alone, each once", async () => {
    const relying = await fetch(await start({ providerOrigin: "https://id.example" }));
    expect(await relying.json()).toEqual({ provider_origin: "https://id.example" });
    const twice = ["https://login.shop.example", "https://login.shop.example"];
    const registering = await fetch(await start({ registeringOrigins: twice }));
    expect(await registering.json()).toEqual({ registering_origins: ["https://login.shop.example"] });
  });
});

test("the file is at the path that browsers ask", () => {
  expect(WELL_KNOWN_PATH).toBe("/.well-known/device-bound-sessions");
});

describe("the options of the well-known file", () => {
  test.each([
    [undefined, /object/],
    [null, /object/],
    [{}, /at least one/],
    [{ origins: [] }, /no option "origins"/],
    [{ registeringOrigins: "https://shop.example" }, /registeringOrigins/],
    [{ registeringOrigins: [] }, /registeringOrigins/],
    [{ registeringOrigins: ["https://shop.example/"] }, /registeringOrigins/],
    [{ registeringOrigins: ["https://Shop.example"] }, /registeringOrigins/],
    [{ registeringOrigins: ["https://shop.example:443"] }, /registeringOrigins/],
    [{ registeringOrigins: ["http://shop.example"] }, /registeringOrigins/],
    [{ relyingOrigins: ["shop.example"] }, /relyingOrigins/],
    [{ relyingOrigins: ["https://*.shop.example"] }, /relyingOrigins/],
    [{ relyingOrigins: [1] }, /relyingOrigins/],
    [{ relyingOrigins: ["null"] }, /relyingOrigins/],
    [{ providerOrigin: ["https://id.example"] }, /providerOrigin/],
    [{ providerOrigin: "https://id.example/login" }, /providerOrigin/],
    [{ providerOrigin: "" }, /providerOrigin/],
    [{ relyingOrigins: ["https://a.example"], providerOrigin: "https://id.example" }, /not both/],
  ])("are refused when no browser could use them: %j", (options, message) => {
    const error = refusal(() => wellKnown(options as never));
    expect(error.code).toBe("ERR_SESSION_CONFIG");
    expect(error.message).toMatch(message);
  });

  test("may name this very machine, to try it", async () => {
    const endpoint = wellKnown({ registeringOrigins: ["http://localhost:8080"] });
    const { body } = await endpoint({ method: "GET", url: WELL_KNOWN_PATH } as never, null);
    expect(JSON.parse(body)).toEqual({ registering_origins: ["http://localhost:8080"] });
  });
});
