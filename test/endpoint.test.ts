import { once } from "node:events";
import { createServer, request as httpRequest, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import express5 from "express";
import express4 from "express4";
import Fastify from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import {
  type Answer,
  type Ask,
  type Endpoint,
  fetchEndpoint,
  jsonAnswer,
  MAX_BODY_BYTES,
  nodeEndpoint,
} from "../src/endpoint.ts";

const closers: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const FORM = "application/x-www-form-urlencoded";

/** Tells of what it was asked. */
const mirror: Endpoint = async (ask) => {
  const { method, url, address } = ask;
  const fields = Object.fromEntries(method === "GET" ? [] : await ask.fields());
  return jsonAnswer(200, { method, url, address, odd: ask.header("x-odd") ?? null, fields });
};

interface Mirrored {
  readonly method: string;
  readonly url: string;
  readonly address: string | null;
  readonly odd: string | null;
  readonly fields: Record<string, string>;
}

type Serve = (endpoint: Endpoint) => Promise<string>;

async function listening(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const node: Serve = async (endpoint) => {
  const handle = nodeEndpoint(endpoint, () => null);
  const answer: RequestListener = (request, response) => {
    handle(request, response).catch(() => {
      response.statusCode = 500;
      response.end("the framework's own");
    });
  };
  return await listening(createServer(answer));
};

/** Express, with whichever parsers are mounted before. */
function express(make: () => express5.Express, ...parsers: express5.RequestHandler[]): Serve {
  return async (endpoint) => {
    const app = make();
    for (const parser of parsers) app.use(parser);
    app.use(
      "/at",
      nodeEndpoint(endpoint, () => null),
    );
    app.use(((_error, _request, response, _next) => {
      response.status(500).send("the framework's own");
    }) satisfies express5.ErrorRequestHandler);
    return await listening(createServer(app));
  };
}

const fastify: Serve = async (endpoint) => {
  const app = Fastify();
  app.setErrorHandler((_error, _request, reply) => reply.status(500).send("the framework's own"));
  const handle = nodeEndpoint(endpoint, () => null);
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
    scope.all("/at/*", async (request, reply) => {
      await handle(request.raw, reply.raw);
      // Not before: an error is Fastify's to answer.
      reply.hijack();
    });
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  closers.push(() => app.close());
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
};

const fetchWay: Serve = async (endpoint) => {
  const handle = fetchEndpoint(endpoint);
  const fetch = (request: Request): Promise<Response> =>
    handle(request, null).catch(() => new Response("the framework's own", { status: 500 }));
  return await listening(createAdaptorServer({ fetch }) as Server);
};

const SERVERS: Readonly<Record<string, Serve>> = {
  "node:http": node,
  "Express 5": express(express5),
  "Express 5 with parsers": express(express5, express5.json(), express5.urlencoded()),
  "Express 5 with a parser of JSON alone": express(express5, express5.json()),
  "Express 5 with parsers of text": express(express5, express5.text({ type: () => true })),
  "Express 5 with parsers of bytes": express(express5, express5.raw({ type: () => true })),
  "Express 4": express(express4 as unknown as () => express5.Express),
  "Express 4 with a parser of JSON alone": express(
    express4 as unknown as () => express5.Express,
    (express4 as unknown as typeof express5).json(),
  ),
  Fastify: fastify,
  fetch: fetchWay,
};

async function post(origin: string, type: string | null, body: string): Promise<Response> {
  const headers = { ...(type !== null && { "content-type": type }), "x-odd": "1" };
  // A text has a type of its own.
  return await fetch(`${origin}/at/all?a=b`, {
    method: "POST",
    headers,
    body: new TextEncoder().encode(body),
  });
}

async function fieldsOf(answer: Response): Promise<Record<string, string>> {
  return ((await answer.json()) as Mirrored).fields;
}

describe.each(Object.entries(SERVERS))("an endpoint on %s", (name, serve) => {
  test("is told the method, the whole address and the headers", async () => {
    const origin = await serve(mirror);
    const answer = await fetch(`${origin}/at/all?a=b`, { headers: { "X-Odd": "yes" } });
    const asked = (await answer.json()) as Mirrored;
    expect(asked).toMatchObject({ method: "GET", url: "/at/all?a=b", odd: "yes" });
    expect(asked.address).toBe(name === "fetch" ? null : "127.0.0.1");
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  test("gets the texts of a form", async () => {
    const origin = await serve(mirror);
    const answer = await post(origin, `${FORM};charset=UTF-8`, "one=%C3%A4+b&two=&%00=c");
    expect(await fieldsOf(answer)).toEqual({ one: "ä b", two: "", "\0": "c" });
  });

  test("gets the texts of an object of JSON, and nothing else of it", async () => {
    const origin = await serve(mirror);
    const body = JSON.stringify({ one: "ä", two: 2, three: { four: "5" }, six: null, seven: ["8"] });
    expect(await fieldsOf(await post(origin, "application/json; charset=utf-8", body))).toEqual({ one: "ä" });
  });

  test("gets nothing of any other body", async () => {
    const origin = await serve(mirror);
    for (const [type, body] of [
      [null, "one=two"],
      ["text/plain", "one=two"],
      ["application/json", '["one"]'],
      [FORM, ""],
    ] as const) {
      expect(await fieldsOf(await post(origin, type, body)), `${type} ${body}`).toEqual({});
    }
  });

  test("gives back several headers of one name, and one of each other", async () => {
    const origin = await serve(() =>
      Promise.resolve({
        status: 303,
        headers: [
          ["Set-Cookie", "a=1"],
          ["Location", "/there"],
          ["Set-Cookie", "b=2"],
        ],
        body: "",
      }),
    );
    const answer = await fetch(`${origin}/at/all`, { redirect: "manual" });
    expect(answer.status).toBe(303);
    expect(answer.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(answer.headers.get("location")).toBe("/there");
    expect(await answer.text()).toBe("");
  });

  test("leaves what it throws to the framework", async () => {
    const origin = await serve(() => Promise.reject(new Error("The store is down.")));
    const answer = await fetch(`${origin}/at/all`);
    expect(answer.status).toBe(500);
    expect(await answer.text()).toBe("the framework's own");
  });
});

const UNPARSED = ["node:http", "Express 5", "Express 4", "Fastify", "fetch"];

describe.each(UNPARSED)("a body on %s", (name) => {
  const serve = SERVERS[name] as Serve;

  test("of 64 KiB is read, and one of a byte more is answered with 413", async () => {
    const origin = await serve(mirror);
    const fits = `a=${"b".repeat(MAX_BODY_BYTES - 2)}`;
    expect((await post(origin, FORM, fits)).status).toBe(200);
    const answer = await post(origin, FORM, `${fits}b`);
    expect(answer.status).toBe(413);
    expect(await answer.json()).toEqual({ error: "too_large" });
    expect((await post(origin, FORM, "a=b")).status).toBe(200);
  });

  test("that does not end is answered with 413 all the same", async () => {
    const origin = await serve(mirror);
    const sent = await endless(origin);
    expect(sent).toBe(413);
  });

  test("of JSON that is none has no fields", async () => {
    const origin = await serve(mirror);
    for (const text of ['{"one":', "null", "7", '"one"', "\ufeff", "{}"])
      expect(await fieldsOf(await post(origin, "application/json", text)), text).toEqual({});
  });

  test("in pieces is put together, in the middle of a character too", async () => {
    const origin = await serve(mirror);
    const bytes = new TextEncoder().encode('{"one":"ä"}');
    const cut = bytes.indexOf(0xc3) + 1;
    expect(await inPieces(origin, [bytes.slice(0, cut), bytes.slice(cut)])).toEqual({ one: "ä" });
  });
});

/** The status that answers a body which goes on after the limit. */
async function endless(origin: string): Promise<number | undefined> {
  const sending = httpRequest(`${origin}/at/all`, { method: "POST", headers: { "content-type": FORM } });
  sending.on("error", () => undefined);
  sending.write(`a=${"b".repeat(MAX_BODY_BYTES)}`);
  const [answer] = (await once(sending, "response")) as [{ statusCode?: number }];
  sending.destroy();
  return answer.statusCode;
}

async function inPieces(origin: string, pieces: readonly Uint8Array[]): Promise<unknown> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  const received: Buffer[] = [];
  socket.on("data", (data: Buffer) => void received.push(data));
  const closed = once(socket, "close");
  const head =
    "POST /at/all HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  socket.write(head);
  for (const piece of pieces) {
    socket.write(`${piece.byteLength.toString(16)}\r\n`);
    socket.write(piece);
    await new Promise<void>((resolve) => socket.write("\r\n", () => resolve()));
  }
  socket.end("0\r\n\r\n");
  await closed;
  const text = Buffer.concat(received).toString();
  const [, json = ""] = /(\{"method".*\})/.exec(text) ?? [];
  return (JSON.parse(json) as Mirrored).fields;
}

test("a header that the framework has set already gives way to the endpoint's", async () => {
  const app = express5();
  app.use((_request, response, next) => {
    response.setHeader("Cache-Control", "public, max-age=60");
    response.setHeader("Set-Cookie", "own=1");
    next();
  });
  const answer: Answer = {
    ...jsonAnswer(200, {}),
    headers: [...jsonAnswer(200, {}).headers, ["Set-Cookie", "a=1"]],
  };
  app.use(
    nodeEndpoint(
      () => Promise.resolve(answer),
      () => null,
    ),
  );
  const got = await fetch(await listening(createServer(app)));
  expect(got.headers.get("cache-control")).toBe("no-store");
  expect(got.headers.getSetCookie()).toEqual(["own=1", "a=1"]);
});

describe("a body that somebody else has read, and kept to themselves,", () => {
  const used = { code: "ERR_SESSION_USE", message: expect.stringContaining("body") as string };

  test("is a mistake that is named, on Node", async () => {
    const caught: unknown[] = [];
    const handle = nodeEndpoint(mirror, () => null);
    const server = createServer((request, response) => {
      request.resume().on("end", () => {
        handle(request, response).catch((error: unknown) => {
          caught.push(error);
          response.end();
        });
      });
    });
    const origin = await listening(server);
    await post(origin, FORM, "a=b");
    expect(caught).toMatchObject([used]);
    await post(origin, FORM, "");
    expect(caught).toHaveLength(1);
  });

  test("is one with the Fetch API too", async () => {
    const request = new Request("http://a/at", { method: "POST", body: new URLSearchParams({ a: "b" }) });
    await request.text();
    await expect(fetchEndpoint(mirror)(request, null)).rejects.toMatchObject(used);
  });
});

test("a client that leaves amid its body is an error of its request, and of nobody else's", async () => {
  const caught: unknown[] = [];
  const handle = nodeEndpoint(mirror, () => null);
  let failed: () => void = () => undefined;
  const failure = new Promise<void>((resolve) => (failed = resolve));
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      caught.push(error);
      failed();
    });
  });
  const origin = await listening(server);
  const sending = httpRequest(origin, {
    method: "POST",
    headers: { "content-type": FORM, "content-length": 9 },
  });
  sending.on("error", () => undefined);
  sending.write("a=");
  server.once("request", () => sending.destroy());
  await failure;
  expect(caught).toHaveLength(1);
  expect((await fetch(origin)).status).toBe(200);
});

test("a request whose body was too large still has its socket, for whatever looks at it afterwards", async () => {
  const sockets: unknown[] = [];
  const handle = nodeEndpoint(mirror, () => null);
  const server = createServer((request, response) => {
    void handle(request, response).then(() => sockets.push(request.socket?.remoteAddress));
  });
  expect(await endless(await listening(server))).toBe(413);
  expect(sockets).toEqual(["127.0.0.1"]);
});

test("what a hand-made ask holds is what the endpoint sees", async () => {
  const ask: Ask = {
    method: "POST",
    url: "/",
    address: null,
    header: () => undefined,
    fields: () => Promise.resolve(new Map([["a", "b"]])),
    text: () => Promise.resolve(""),
  };
  expect(JSON.parse((await mirror(ask, null)).body)).toMatchObject({ fields: { a: "b" } });
});
