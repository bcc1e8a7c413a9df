import type { RequestListener } from "node:http";
import { connect } from "node:net";
import express from "express";
import express4 from "express4";
import { afterEach, describe, expect, test } from "vitest";
import {
  type Ask,
  type Endpoint,
  fetchEndpoint,
  jsonAnswer,
  MAX_BODY_BYTES,
  type NodeAsk,
  nodeEndpoint,
} from "../src/endpoint.ts";
import { served as serve } from "./support/served.ts";

/** Tells what it was given. */
const told: Endpoint = async (ask) =>
  jsonAnswer(200, { fields: Object.fromEntries(await ask.fields()), url: ask.url });

const repeated: Endpoint = async (ask) => jsonAnswer(200, { text: await ask.text() });

const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** Serves until the test is over. */
async function served(listener: RequestListener): Promise<string> {
  const { origin, close } = await serve(listener);
  stops.push(close);
  return origin;
}

type Send = (type: string, body: string) => Promise<Response>;
type Door = (endpoint: Endpoint) => Promise<Send>;

function sendTo(origin: string): Send {
  return (type, body) => fetch(`${origin}/in`, { method: "POST", headers: { "content-type": type }, body });
}

function onExpress(make: typeof express, ...parsers: readonly ("json" | "urlencoded" | "text")[]): Door {
  return async (endpoint) => {
    const app = make();
    for (const parser of parsers) app.use(make[parser]({ extended: true, type: TYPES[parser] } as never));
    app.post(
      "/in",
      nodeEndpoint<null, NodeAsk>(endpoint, () => null),
    );
    return sendTo(await served(app as RequestListener));
  };
}

const FORM = "application/x-www-form-urlencoded";
const TYPES = { json: "application/json", urlencoded: FORM, text: "application/secevent+jwt" };
const DOORS: Readonly<Record<string, Door>> = {
  fetch: async (endpoint) => (type, body) =>
    fetchEndpoint(endpoint)(
      new Request("http://here/in", { method: "POST", headers: { "content-type": type }, body }),
      null,
    ),
  "node:http": async (endpoint) => {
    const handle = nodeEndpoint<null, NodeAsk>(endpoint, () => null);
    return sendTo(await served((request, response) => void handle(request, response)));
  },
  "Express 5": onExpress(express),
  "Express 5 with parsers": onExpress(express, "json", "urlencoded", "text"),
  "Express 5 with a parser for something else": onExpress(express, "json"),
  "Express 4": onExpress(express4 as unknown as typeof express),
  "Express 4 with parsers": onExpress(express4 as unknown as typeof express, "json", "urlencoded", "text"),
  // It leaves `{}` in place of a body that it did not read.
  "Express 4 with a parser for something else": onExpress(express4 as unknown as typeof express, "json"),
};

describe.each(Object.entries(DOORS))("an endpoint on %s", (_name, door) => {
  test("is given the fields of a form", async () => {
    const reply = await (await door(told))(FORM, "a=1&b=two+words");
    expect(await reply.json()).toEqual({ fields: { a: "1", b: "two words" }, url: "/in" });
  });

  test("is given no field that comes twice: which of the two is meant, nobody can tell", async () => {
    const reply = await (await door(told))(FORM, "a=1&b=2&a=3");
    expect(await reply.json()).toEqual({ fields: { b: "2" }, url: "/in" });
  });

  test("is given the texts of a JSON object", async () => {
    const reply = await (await door(told))("application/json", '{"a":"1","b":2,"c":["3"],"d":null}');
    expect(await reply.json()).toEqual({ fields: { a: "1" }, url: "/in" });
  });

  test("is given the text of a body of another type", async () => {
    const reply = await (await door(repeated))("application/secevent+jwt", "a.b.c");
    expect(await reply.json()).toEqual({ text: "a.b.c" });
  });
});

describe.each(Object.entries(DOORS).filter(([name]) => !name.endsWith("parsers")))(
  "a body that is too large, on %s",
  (_name, door) => {
    test("is answered by 413, never to be kept", async () => {
      const reply = await (await door(told))(FORM, `a=${"x".repeat(MAX_BODY_BYTES)}`);
      expect(reply.status).toBe(413);
      expect(await reply.json()).toEqual({ error: "too_large" });
      expect(reply.headers.get("cache-control")).toBe("no-store");
    });

    test("is one byte more than is allowed", async () => {
      const reply = await (await door(told))(FORM, `a=${"x".repeat(MAX_BODY_BYTES - 2)}`);
      expect(reply.status).toBe(200);
    });
  },
);

test("a body without end is not read to its end: the answer comes, and the connection is closed", async () => {
  const handle = nodeEndpoint<null, NodeAsk>(told, () => null);
  const origin = await served((request, response) => void handle(request, response));
  const socket = connect(Number(new URL(origin).port), "127.0.0.1");
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  let seen = "";
  socket.on("data", (data) => (seen += String(data)));
  socket.on("error", () => undefined);
  socket.write(`POST /in HTTP/1.1\r\nHost: x\r\nContent-Type: ${FORM}\r\nTransfer-Encoding: chunked\r\n\r\n`);
  const chunk = `4000\r\n${"x".repeat(0x4000)}\r\n`;
  for (let count = 0; count < 8; count += 1) socket.write(chunk);
  await closed;
  expect(seen).toContain("413");
  expect(seen).toContain("too_large");
});

test("what a request lacks is empty, not an error", async () => {
  const asks: Ask[] = [];
  const endpoint: Endpoint = async (ask) => {
    asks.push(ask);
    return jsonAnswer(200, [await ask.text(), [...(await ask.fields())]]);
  };
  const reply = await fetchEndpoint(endpoint)(new Request("http://here/in"), null);
  expect(await reply.json()).toEqual(["", []]);
});
