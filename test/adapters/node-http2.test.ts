import { type ClientHttp2Session, connect, createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { nodeSessions } from "../../src/adapters/node.ts";
import { type Session, type SessionEvents, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";

interface Reply {
  readonly status: number;
  readonly cookies: readonly string[];
  readonly body: string;
}

let manager: SessionManager;
let late: SessionEvents["late"][];
let server: Http2Server;
let client: ClientHttp2Session;

beforeEach(async () => {
  manager = new SessionManager({ store: memoryStore() });
  late = [];
  manager.on("late", (event) => void late.push(event));
  const sessions = nodeSessions<Session>(manager, { onError: () => undefined });
  server = createServer(
    sessions.wrapHttp2((request, response, session) => {
      switch (request.url) {
        case "/increment":
          return response.end(String(session.increment("views")));
        case "/login":
          session.login("ann");
          return response.writeHead(303, { location: "/" }).end();
        case "/throws":
          session.set("views", 1000);
          throw new Error("boom");
        case "/past":
          // What a handler must not do: answer on the stream, past the response.
          session.set("past", true);
          response.stream.respond({ ":status": 200 });
          return response.stream.end("past");
        default:
          return response.end(JSON.stringify(session.data));
      }
    }),
  );
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

afterEach(async () => {
  client.close();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  await manager.close();
});

describe("node over HTTP/2", () => {
  test("64 overlapping streams of one connection lose no increment", async () => {
    const { cookies } = await ask("/increment");
    const cookie = pairOf(cookies);
    const replies = await Promise.all(Array.from({ length: 64 }, () => ask("/increment", cookie)));
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    expect((await ask("/increment", cookie)).body).toBe("66");
  });

  test("a login replaces the token before the redirect leaves", async () => {
    const before = pairOf((await ask("/increment")).cookies);
    const login = await ask("/login", before);
    expect(login.status).toBe(303);
    expect((await ask("/", before)).body).toBe("{}");
    expect((await ask("/", pairOf(login.cookies))).body).toBe('{"views":1}');
  });

  test("a handler that throws changes nothing", async () => {
    const cookie = pairOf((await ask("/increment")).cookies);
    expect((await ask("/throws", cookie)).status).toBe(500);
    expect((await ask("/", cookie)).body).toBe('{"views":1}');
  });

  test("a change of a response that went past the hold is stored late, and told", async () => {
    const cookie = pairOf((await ask("/increment")).cookies);
    expect((await ask("/past", cookie)).body).toBe("past");
    await expect.poll(() => late).toEqual([expect.objectContaining({ fields: ["past"], saved: true })]);
    expect((await ask("/", cookie)).body).toBe('{"views":1,"past":true}');
  });
});

function ask(path: string, cookie?: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const stream = client.request({ ":path": path, ...(cookie !== undefined && { cookie }) });
    let status = 0;
    let cookies: readonly string[] = [];
    let body = "";
    stream.setEncoding("utf8");
    stream.on("response", (headers) => {
      status = headers[":status"] ?? 0;
      cookies = headers["set-cookie"] ?? [];
    });
    stream.on("data", (text: string) => (body += text));
    stream.on("end", () => resolve({ status, cookies, body }));
    stream.on("error", reject);
    stream.end();
  });
}

function pairOf(cookies: readonly string[]): string {
  const [line] = cookies;
  if (cookies.length !== 1 || line === undefined) throw new Error(`${cookies.length} cookies were set`);
  return line.split(";")[0] ?? "";
}
