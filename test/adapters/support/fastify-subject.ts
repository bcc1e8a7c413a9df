import { validateHeaderValue } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import { fastifySessions } from "../../../src/adapters/fastify.ts";
import type { Session } from "../../../src/index.ts";
import type { AdapterSubject, Answer, Application, Route, RouteContext } from "../../../src/testing/index.ts";
import { pathOf, statusOf } from "./node-subject.ts";

/** What an adapter's handler is given by Fastify. */
type Way = (reply: FastifyReply, text: string) => unknown;

/** Ways in which a Fastify handler answers that `reply.send` of a text does not show. What they return, the handler returns. */
const WAYS: Readonly<Record<string, Way>> = {
  "a returned text": (_reply, text) => text,
  "a returned object": (_reply, text) => ({ text }),
  "reply.send of an object": (reply, text) => reply.send({ text }),
  "reply.send of a buffer": (reply, text) => reply.send(Buffer.from(text)),
  "reply.send of a stream": (reply, text) => reply.send(Readable.from([...text])),
  "a returned stream": (_reply, text) => Readable.from([...text]),
  "reply.send of a web stream": (reply, text) => reply.send(new Blob([text]).stream()),
  "a returned Response": (_reply, text) => new Response(text, { headers: { "cache-control": "public" } }),
  "reply.send of a Response without a body": (reply) => reply.send(new Response(null, { status: 201 })),
  "reply.send after the handler returned": (reply, text) => {
    setImmediate(() => reply.send(text));
    return reply;
  },
  "a hijacked reply, by end": (reply, text) => {
    reply.hijack();
    reply.raw.end(text);
  },
  "a hijacked reply, by writeHead and a late end": (reply, text) => {
    reply.hijack();
    reply.raw.writeHead(200, { "x-way": "raw" }).write(text.slice(0, 1));
    setImmediate(() => reply.raw.end(text.slice(1)));
  },
  "a hijacked reply, by a pipe": (reply, text) => {
    reply.hijack();
    Readable.from([...text]).pipe(reply.raw);
  },
  "the bare response, past Fastify": (reply, text) => void reply.raw.end(text),
};

export const FASTIFY_WAYS: readonly string[] = Object.keys(WAYS);

export const FASTIFY_ABILITIES: AdapterSubject["abilities"] = {
  sockets: true,
  "late changes": true,
  "thrown answers": "to Fastify whatever is thrown is an error",
  "thrown errors": true,
  only: true,
  "two managers": true,
  streams: true,
};

/** Puts an application of the contract on a Fastify instance. */
export async function install(app: FastifyInstance, application: Application): Promise<void> {
  const { manager, second, routes, only } = application;
  const chosen =
    only === undefined ? {} : { only: (request: { readonly url: string }) => only(pathOf(request)) };
  const first = fastifySessions<Session>(manager, chosen);
  const other = second && fastifySessions<Session>(second, { ...chosen, decorate: "admin" });
  await app.register(first);
  if (other !== undefined) await app.register(other);
  app.setErrorHandler((error, _request, reply) => reply.code(statusOf(error)).send("Something went wrong."));
  for (const [path, route] of Object.entries(routes))
    app.all(path, (request, reply) => answer(route, request, reply));

  async function answer(route: Route, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const of = (which: "first" | "second" = "first"): Session =>
      (which === "second" ? (other ?? first) : first).of(request);
    return await route(contextOf(request, reply, of));
  }
}

function contextOf(request: FastifyRequest, reply: FastifyReply, of: RouteContext["of"]): RouteContext {
  const { searchParams } = new URL(request.url, "http://localhost");
  return {
    session: (request as unknown as { readonly session: Session }).session,
    of,
    query: (name) => searchParams.get(name),
    send: (given) => setHead(reply, given).send(given.body),
    redirect(location) {
      validateHeaderValue("location", location);
      return reply.redirect(location);
    },
    stream: (given, pieces) => setHead(reply, given).send(breakable(reply, pieces)),
    throwAnswer() {
      throw new Error("To Fastify whatever is thrown is an error.");
    },
    answerBy: (way, text) => WAYS[way]?.(reply, text),
  };
}

/** Over HTTP/2 Fastify ends a stream that broke as it ends a whole one; that it broke is for the application to tell. */
function breakable(reply: FastifyReply, pieces: AsyncIterable<string>): Readable {
  const body = Readable.from(pieces);
  const { stream } = reply.raw as { readonly stream?: ServerHttp2Stream };
  body.once("error", () => stream?.close(constants.NGHTTP2_INTERNAL_ERROR));
  return body;
}

/** Fastify keeps headers unseen until it sends them: what Node would refuse then is refused here. */
function setHead(reply: FastifyReply, { status = 200, headers = [] }: Answer): FastifyReply {
  for (const [name, value] of headers) validateHeaderValue(name, value);
  for (const [name, value] of headers) reply.header(name, value);
  return reply.code(status);
}
