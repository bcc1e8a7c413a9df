import { createServer as createHttp } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { describe, expect, test } from "vitest";

import { expressSessions } from "../../src/adapters/express.ts";
import { nodeSessions } from "../../src/adapters/node.ts";
import { type Session, SessionManager } from "../../src/index.ts";
import { faultyStore, gate, waitsBefore } from "../../src/testing/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { listening } from "./support/node-subject.ts";

// `response.end(f())` reads the method `end` before it calls f: whoever replaces the method inside f comes too late.
describe("a handler that first looks at its session inside the arguments of the call that answers", () => {
  const kinds = {
    node: (manager: SessionManager) =>
      nodeSessions<Session>(manager).wrap((request, response, session) => {
        if (request.url === "/write") {
          response.write(String(session.increment("views")));
          return response.end();
        }
        if (request.url === "/head")
          return response.writeHead(200, { "x-views": session.increment("views") }).end("1");
        return response.end(String(session.increment("views")));
      }),
    Express: (manager: SessionManager) => {
      const sessions = expressSessions<Session>(manager);
      const app = express();
      app.use(sessions);
      app.get("/write", (request, response) => {
        response.write(String(sessions.of(request).increment("views")));
        response.end();
      });
      app.get("/head", (request, response) => {
        response.writeHead(200, { "x-views": sessions.of(request).increment("views") }).end("1");
      });
      app.get(
        "/end",
        (request, response) => void response.end(String(sessions.of(request).increment("views"))),
      );
      return app;
    },
  };

  for (const [name, listenerOf] of Object.entries(kinds)) {
    test.each(["/end", "/write", "/head"])(`has it saved before seen (${name}, %s)`, async (path) => {
      const faulty = faultyStore(memoryStore());
      const door = gate();
      faulty.next("create", waitsBefore(door));
      const running = await listening(listenerOf(new SessionManager({ store: faulty.store })));
      let arrived = false;
      const answer = fetch(`${running.origin}${path}`).finally(() => (arrived = true));
      await door.reached();
      await turns();
      expect(arrived).toBe(false);
      door.open();
      const reply = await answer;
      expect(reply.headers.getSetCookie()).toHaveLength(1);
      expect(await reply.text()).toBe("1");
      await running.close();
    });
  }
});

/** Another server's answer: whatever was written before has arrived by then. */
async function turns(): Promise<void> {
  const other = createHttp((_request, response) => void response.end());
  await new Promise<void>((resolve) => {
    other.listen(0, "127.0.0.1", resolve);
  });
  for (let turn = 0; turn < 3; turn += 1)
    await fetch(`http://127.0.0.1:${(other.address() as AddressInfo).port}`);
  other.closeAllConnections();
  other.close();
}
