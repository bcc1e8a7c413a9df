import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { type NodeHandlerOptions, nodeSessions } from "../../src/adapters/node.ts";
import { expressSessions } from "../../src/adapters/express.ts";
import { type Session, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import express from "express";
import { listening } from "./support/node-subject.ts";

let told: unknown[][];
beforeEach(() => {
  told = [];
  vi.spyOn(console, "error").mockImplementation((...said) => void told.push(said));
});
afterEach(() => vi.restoreAllMocks());

describe("what an application gives for errors harms its own request alone when it", () => {
  const mistakes: Readonly<Record<string, NodeHandlerOptions>> = {
    "is a renderFailure that throws": {
      renderFailure: () => {
        throw new Error("in renderFailure");
      },
    },
    "is an onError that throws": {
      onError: () => {
        throw new Error("in onError");
      },
    },
    "renders a header that Node refuses": {
      onError: () => undefined,
      renderFailure: () => ({ status: 500, headers: { "x-bad": "a\r\nb" }, body: "" }),
    },
    "renders a status that there is none of": {
      onError: () => undefined,
      renderFailure: () => ({ status: 99_999, headers: {}, body: "" }),
    },
    "renders asynchronously": {
      onError: () => undefined,
      renderFailure: () => Promise.resolve({ status: 500, headers: {}, body: "" }) as never,
    },
  };

  test.each(Object.entries(mistakes))("%s", async (_name, options) => {
    const sessions = nodeSessions<Session>(new SessionManager({ store: memoryStore() }), options);
    const running = await listening(
      sessions.wrap((request, response) => {
        if (request.url === "/fails") throw new Error("boom");
        response.end("fine");
      }),
    );
    const failed = await fetch(`${running.origin}/fails`);
    expect([failed.status, await failed.text()]).toEqual([500, "Internal Server Error\n"]);
    expect(told.length).toBeGreaterThan(0);
    expect(await (await fetch(`${running.origin}/`)).text()).toBe("fine");
    await running.close();
  });
});

test("two managers that would set one cookie fail the request instead of losing a session", async () => {
  const first = expressSessions<Session>(new SessionManager({ store: memoryStore() }));
  const second = expressSessions<Session>(new SessionManager({ store: memoryStore() }));
  const app = express();
  app.use(first, second);
  app.get("/", (request, response) => {
    first.of(request).set("a", 1);
    second.of(request).set("b", 2);
    response.send("both");
  });
  const running = await listening(app);
  const answer = await fetch(`${running.origin}/`);
  expect(answer.status).toBe(500);
  expect(answer.headers.getSetCookie().length).toBeLessThan(2);
  await running.close();
});

test("a request that the page of another site sent is refused, and prints nothing: anybody could fill the log", async () => {
  const sessions = nodeSessions<Session>(new SessionManager({ store: memoryStore() }));
  const running = await listening(sessions.wrap((_request, response) => void response.end("paid")));
  const headers = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
  const answer = await fetch(`${running.origin}/`, { method: "POST", headers });
  expect([answer.status, await answer.text()]).toEqual([403, "Forbidden\n"]);
  expect(told).toEqual([]);
  await running.close();
});
