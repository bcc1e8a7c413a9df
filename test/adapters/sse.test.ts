import { createServer, type IncomingMessage, get } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
// @ts-expect-error it has no types
import compression from "compression";
import express from "express";
import { afterEach, describe, expect, test, vi } from "vitest";
import { expressSessions } from "../../src/adapters/express.ts";
import { fetchSessions } from "../../src/adapters/fetch.ts";
import { nodeSessions } from "../../src/adapters/node.ts";
import { type EventsOf, sseSessions, type SseSessionsOptions } from "../../src/adapters/sse.ts";
import { type Session, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { failsBefore, faultyStore, liveContract, manualClock } from "../../src/testing/index.ts";
import { done, loggedIn, noUnhandledRejections, seen, settled } from "../races/rig.ts";
import { SSE_SERVERS, sseSubject } from "./support/sse-subject.ts";

for (const server of SSE_SERVERS) liveContract({ test, describe }, sseSubject(server));

noUnhandledRejections();

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  for (const close of closers.splice(0)) await close();
});

function deferred(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Resolves when something has been the same for hundreds of turns of the event loop: every buffer on the way is full. */
async function unchanging(look: () => number): Promise<void> {
  let seen = look();
  for (let turns = 0; turns < 400; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (look() === seen) continue;
    seen = look();
    turns = 0;
  }
}

function fail(): never {
  throw new Error("there is no session");
}

function managed() {
  const clock = manualClock();
  const faulty = faultyStore(memoryStore());
  const manager = new SessionManager({ store: faulty.store, clock, sweepEvery: false });
  return { clock, faulty, manager };
}

interface Reading {
  readonly response: Response;
  /** The next piece, or `null` at the end. */
  piece(): Promise<string | null>;
  rest(): Promise<string>;
  cancel(): Promise<void>;
}

/** A stream by a handler that returns a Response. */
async function reading(
  manager: SessionManager,
  cookie: string | undefined,
  events: EventsOf<Session>,
  options: SseSessionsOptions = {},
  before: (session: Session) => void = () => undefined,
): Promise<Reading> {
  const streams = sseSessions(manager, options);
  const handle = fetchSessions<Session, []>(manager).wrap((_request, session) => {
    before(session);
    return streams.response(session, events);
  });
  const response = await handle(
    new Request("http://localhost/", cookie === undefined ? {} : { headers: { cookie } }),
  );
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  const piece = async (): Promise<string | null> => {
    const next = await reader?.read();
    return next === undefined || next.done
      ? null
      : decoder.decode(next.value as Uint8Array, { stream: true });
  };
  return {
    response,
    piece,
    async rest() {
      let text = "";
      for (let next = await piece(); next !== null; next = await piece()) text += next;
      return text;
    },
    cancel: async () => void (await reader?.cancel()),
  };
}

/** Nothing, until it is over. */
async function* forever({ signal }: { signal: AbortSignal }): AsyncGenerator<string, void, void> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  yield* [];
}

describe("the text of a stream", () => {
  test("is what the HTML standard says, line by line", async () => {
    const { manager } = managed();
    const { response, rest } = await reading(manager, undefined, async function* () {
      yield "plain";
      yield { event: "named", id: "7", retry: 1500, data: "one\ntwo\r\nthree\rfour" };
      yield { data: "" };
    });
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    });
    expect(await rest()).toBe(
      ":\n\ndata: plain\n\nevent: named\nid: 7\nretry: 1500\ndata: one\ndata: two\ndata: three\ndata: four\n\ndata: \n\n",
    );
  });

  for (const [field, event] of Object.entries({
    event: { event: "a\ndata: forged", data: "" },
    id: { id: "1\r\ndata: forged", data: "" },
    nul: { id: "1\0", data: "" },
  })) {
    test(`cannot be forged by what is in ${field}`, async () => {
      const { manager } = managed();
      const told: unknown[] = [];
      const { rest } = await reading(
        manager,
        undefined,
        async function* () {
          yield event;
        },
        { onError: (error) => void told.push(error) },
      );
      await expect(rest()).rejects.toThrow(/one line each/);
      expect(told).toHaveLength(1);
    });
  }

  test("has a comment where it would be silent for long", async () => {
    const { manager, clock } = managed();
    const { piece, cancel } = await reading(manager, undefined, forever, { heartbeat: 5 });
    expect([await piece(), await piece(), await piece()]).toEqual([":\n\n", ":\n\n", ":\n\n"]);
    await cancel();
    await settled();
    expect(clock.pending).toBe(0);
  });

  test("after the end of the session has one event more, and none that comes later", async () => {
    const { manager } = managed();
    const cookie = await loggedIn({ manager });
    let left = false;
    const { piece, rest } = await reading(
      manager,
      cookie,
      async function* (live) {
        try {
          yield "first";
          await new Promise((resolve) => live.signal.addEventListener("abort", resolve));
          yield "secret, and too late";
        } finally {
          left = true;
        }
      },
      { endEvent: "bye" },
    );
    expect([await piece(), await piece()]).toEqual([":\n\n", "data: first\n\n"]);
    const last = rest();
    await manager.revokeUser("ann");
    expect(await last).toBe("event: bye\ndata: ended\n\n");
    await settled();
    expect(left).toBe(true);
  });

  test("does not wait for a source that looks at no signal", async () => {
    const { manager } = managed();
    const cookie = await loggedIn({ manager });
    const { piece, rest } = await reading(manager, cookie, async function* () {
      yield "first";
      await new Promise(() => {});
    });
    await piece();
    await piece();
    const last = rest();
    await manager.revokeUser("ann");
    expect(await last).toContain("session-end");
  });
});

describe("a stream", () => {
  test("is given what the request has stored, with the cookie of a session that it made", async () => {
    const { manager, faulty } = managed();
    let id: string | null = null;
    const { response, rest } = await reading(
      manager,
      undefined,
      async function* (live) {
        id = live.id;
        yield String(await live.run((session) => session.increment("n")));
      },
      {},
      (session) => session.login("ann"),
    );
    expect(faulty.count("create")).toBe(1);
    const cookie = response.headers.getSetCookie()[0]?.split(";")[0];
    expect(await rest()).toBe(":\n\ndata: 1\n\n");
    expect(id).not.toBeNull();
    expect(await seen({ manager }, cookie)).toEqual({ n: 1 });
  });

  test("is not begun when what the request changed cannot be stored", async () => {
    const { manager, faulty } = managed();
    faulty.always("create", failsBefore());
    const change = (session: Session): void => void session.set("a", 1);
    await expect(reading(manager, undefined, forever, {}, change)).rejects.toMatchObject({ status: 503 });
  });

  test("that nobody reads holds on to nothing", async () => {
    const { manager, clock } = managed();
    const cookie = await loggedIn({ manager });
    const streams = sseSessions(manager);
    const handle = fetchSessions<Session, []>(manager).wrap(async (_request, session) => {
      await streams.response(session, forever);
      return new Response("something else");
    });
    await handle(new Request("http://localhost/", { headers: { cookie } }));
    expect(clock.pending).toBe(0);
  });

  test("whose source fails is cut, and tells whom it concerns", async () => {
    const { manager, clock } = managed();
    const cookie = await loggedIn({ manager });
    const printed = vi.spyOn(console, "error").mockImplementation(() => {});
    const error = new Error("of the source");
    const { piece } = await reading(manager, cookie, async function* () {
      yield "first";
      throw error;
    });
    await piece();
    await piece();
    await expect(piece()).rejects.toBe(error);
    expect(printed).toHaveBeenCalledWith(error);
    expect(clock.pending).toBe(0);
  });

  test("whose client leaves while it waits for an event is nobody's error, whatever its source does then", async () => {
    const { manager, clock } = managed();
    const told: unknown[] = [];
    for (const source of [
      forever,
      async function* ({ signal }: { signal: AbortSignal }): AsyncGenerator<string, void, void> {
        yield* forever({ signal });
        fail();
      },
    ]) {
      const { piece, cancel } = await reading(manager, undefined, source, {
        heartbeat: false,
        onError: (error) => void told.push(error),
      });
      await piece();
      const waiting = piece();
      await settled();
      await cancel();
      await waiting;
      await settled();
    }
    expect(told).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test("of a session that is over by the first byte ends at once", async () => {
    const { manager } = managed();
    const cookie = await loggedIn({ manager });
    const { rest } = await reading(manager, cookie, async function* (live) {
      await done({ manager }, cookie, (session) => session.logout());
      yield String(live.end);
    });
    expect(await rest()).toBe(":\n\nevent: session-end\ndata: ended\n\n");
  });
});

/** What a client of a Node server gets, as long as it stays. */
async function serverOf(listener: Parameters<typeof createServer>[1] & object): Promise<number> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return (server.address() as AddressInfo).port;
}

function asked(port: number, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get({ port, host: "127.0.0.1", headers, agent: false }, resolve).on("error", reject);
  });
}

describe("a stream on a response of Node's", () => {
  test("waits for a client that reads slowly, and is over when the client leaves", async () => {
    const { manager, clock } = managed();
    const cookie = await loggedIn({ manager });
    const sessions = nodeSessions(manager);
    const streams = sseSessions(manager);
    let made = 0;
    const over = deferred();
    const port = await serverOf(
      sessions.wrap(async (_request, response, session) => {
        await streams.send(response, session, async function* () {
          for (;;) {
            made += 1;
            yield "x".repeat(65_536);
          }
        });
        over.resolve();
      }),
    );
    const response = await asked(port, { cookie });
    response.on("error", () => {});
    response.pause();
    await unchanging(() => made);
    // What the sockets of both sides keep, and no more.
    expect(made).toBeLessThan(1000);
    response.destroy();
    await over.promise;
    expect(clock.pending).toBe(0);
  });

  test("is of the session as the request has left it: a login in it is no reason to end", async () => {
    const { manager, clock } = managed();
    const before = await done({ manager }, undefined, (session) => void session.set("a", 1));
    const sessions = nodeSessions(manager);
    const streams = sseSessions(manager);
    const port = await serverOf(
      sessions.wrap((_request, response, session) => {
        session.login("ann");
        return streams.send(response, session, async function* (live) {
          yield String(live.user);
          await manager.revoke(live.id ?? fail());
          yield* forever(live);
        });
      }),
    );
    const response = await asked(port, { cookie: before ?? "" });
    response.setEncoding("utf8");
    let text = "";
    for await (const piece of response) text += String(piece);
    expect(text).toBe(":\n\ndata: ann\n\nevent: session-end\ndata: ended\n\n");
    expect(response.headers["set-cookie"]).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test("of a client that reads nothing any more is cut after the end of its session", async () => {
    const { manager } = managed();
    const cookie = await loggedIn({ manager });
    const sessions = nodeSessions(manager);
    const streams = sseSessions(manager);
    const over = deferred();
    const closed = deferred();
    let made = 0;
    const port = await serverOf(
      sessions.wrap(async (_request, response, session) => {
        response.on("close", () => closed.resolve());
        await streams.send(response, session, async function* () {
          for (;;) {
            made += 1;
            yield "x".repeat(65_536);
          }
        });
        over.resolve();
      }),
    );
    const response = await asked(port, { cookie });
    response.on("error", () => {});
    response.pause();
    await unchanging(() => made);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    await manager.revokeUser("ann");
    await over.promise;
    vi.advanceTimersByTime(5000);
    await closed.promise;
    response.destroy();
  });

  test("whose source fails is cut, so that the browser connects again", async () => {
    const { manager } = managed();
    const sessions = nodeSessions(manager);
    const told: unknown[] = [];
    const streams = sseSessions(manager, { onError: (error) => void told.push(error) });
    const error = new Error("of the source");
    const seenFirst = deferred();
    const port = await serverOf(
      sessions.wrap((_request, response, session) =>
        streams.send(response, session, async function* () {
          yield "first";
          await seenFirst.promise;
          throw error;
        }),
      ),
    );
    const response = await asked(port, {});
    const cut = new Promise((resolve) => response.on("error", resolve));
    response.on("data", () => seenFirst.resolve());
    expect(await cut).toMatchObject({ code: "ECONNRESET" });
    expect(told).toEqual([error]);
  });

  test("is let through by what compresses answers", async () => {
    const { manager } = managed();
    const cookie = await loggedIn({ manager });
    const app = express();
    const sessions = expressSessions(manager);
    const streams = sseSessions(manager);
    app.use(compression({ threshold: 0 }) as express.RequestHandler);
    app.use(sessions);
    app.get("/", (request, response) => streams.send(response, sessions.of(request), forever));
    const response = await asked(await serverOf(app), { cookie, "accept-encoding": "gzip" });
    expect(response.headers["content-encoding"]).toBeUndefined();
    const first = await new Promise<Buffer>((resolve) => response.once("data", resolve));
    expect(String(first)).toBe(":\n\n");
    expect(() => gunzipSync(first)).toThrow();
    response.destroy();
  });

  test("is not begun when what the request changed cannot be stored", async () => {
    const { manager, faulty } = managed();
    const sessions = nodeSessions(manager, { onError: () => {} });
    const streams = sseSessions(manager);
    const port = await serverOf(
      sessions.wrap((_request, response, session) => {
        session.set("a", 1);
        return streams.send(response, session, forever);
      }),
    );
    faulty.always("create", failsBefore());
    expect((await asked(port, {})).statusCode).toBe(503);
  });
});

test("options that cannot be are refused", () => {
  const { manager } = managed();
  expect(() => sseSessions({} as never)).toThrow(/must be a SessionManager/);
  expect(() => sseSessions(manager, { require: "admin" as never })).toThrow(/"session" or "user"/);
  expect(() => sseSessions(manager, { endEvent: "a\nb" })).toThrow(/one line/);
  expect(() => sseSessions(manager, { endEvent: "" })).toThrow(/one line/);
  for (const heartbeat of [0, -1, Number.NaN, "25s", 2 ** 31])
    expect(() => sseSessions(manager, { heartbeat: heartbeat as number })).toThrow(/heartbeat/);
  expect(() => sseSessions(manager, { retry: 1 } as never)).toThrow(/not an option/);
});
