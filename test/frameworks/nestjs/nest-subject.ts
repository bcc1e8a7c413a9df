import { validateHeaderValue } from "node:http";
import { Readable } from "node:stream";

import type { Sessions } from "../../../src/adapters/nestjs.ts";
import type { Session } from "../../../src/index.ts";
import type {
  AdapterSubject,
  Answer,
  Application,
  Route,
  RouteContext,
  RunningApplication,
} from "../../../src/testing/index.ts";
import { pathOf, statusOf } from "../../adapters/support/node-subject.ts";
import {
  type Class,
  decorate,
  decorateClass,
  moduleOf,
  newClass,
  type Nest,
  nestOf,
  type Platform,
  platformOf,
} from "./nest.ts";

/** How handlers of the contract answer: by what they return, or by the response that they ask for. */
export type Style = "returned" | "response";

/** What the contract uses of a response of Express and of a reply of Fastify. */
interface PlatformResponse {
  readonly raw?: PlatformResponse;
  statusCode: number;
  headersSent: boolean;
  status(status: number): PlatformResponse;
  code?(status: number): PlatformResponse;
  send(body?: unknown): unknown;
  header(name: string, value: string): unknown;
  appendHeader?(name: string, value: string): unknown;
  redirect(location: string): unknown;
  hijack?(): void;
  flushHeaders(): void;
  write(piece: string): boolean;
  end(piece?: string): unknown;
  destroy(): void;
}

interface Kit {
  readonly nest: Nest;
  readonly response: PlatformResponse;
}

type Way = (kit: Kit, text: string) => unknown;

/** Ways to answer by what a handler returns. */
const RETURNED: Readonly<Record<string, Way>> = {
  "a returned object": (_kit, text) => ({ text }),
  "a returned promise": async (_kit, text) => await Promise.resolve(text),
  "a returned Observable": ({ nest }, text) => nest.rxjs.of("first", text),
  "an Observable that comes later": ({ nest }, text) => nest.rxjs.from(later(text)),
  "a StreamableFile of a buffer": ({ nest }, text) => new nest.common.StreamableFile(Buffer.from(text)),
  "a StreamableFile of a stream": ({ nest }, text) =>
    new nest.common.StreamableFile(Readable.from([Buffer.from(text)])),
};

/** Ways to answer by the response. */
const RESPONSE: Readonly<Record<string, Way>> = {
  "send of a text": ({ response }, text) => void response.send(text),
  "send of an object": ({ response }, text) => void response.send({ text }),
  "send after the handler returned": ({ response }, text) => void setImmediate(() => response.send(text)),
  "the bare response": ({ response }, text) => void bareOf(response).end(text),
  "the bare response, a piece and a late end": ({ response }, text) => {
    const bare = bareOf(response);
    bare.write(text.slice(0, 1));
    setImmediate(() => bare.end(text.slice(1)));
  },
  "a pipe": ({ response }, text) => void Readable.from([...text]).pipe(bareOf(response) as never),
};

const WAYS: Readonly<Record<Style, Readonly<Record<string, Way>>>> = {
  returned: RETURNED,
  response: RESPONSE,
};

async function later(text: string): Promise<string> {
  await new Promise((resolve) => setImmediate(resolve));
  return text;
}

/** The bare response, which a reply of Fastify gives away when it is hijacked. */
function bareOf(response: PlatformResponse): PlatformResponse {
  response.hijack?.();
  return response.raw ?? response;
}

const ABILITIES: AdapterSubject["abilities"] = {
  sockets: true,
  "late changes": true,
  "thrown answers": "to Nest whatever is thrown is an exception",
  "thrown errors": true,
  only: true,
  "two managers": true,
  streams: true,
};

/** Nest as the contract takes it. */
export function subjectOf(name: string, version: string, platform: Platform, style: Style): AdapterSubject {
  return {
    name,
    ways: Object.keys(WAYS[style]),
    abilities: ABILITIES,
    start: async (application) => await start(await nestOf(version), platform, style, application),
  };
}

async function start(
  nest: Nest,
  platform: Platform,
  style: Style,
  { manager, second, routes, only }: Application,
): Promise<RunningApplication> {
  const { SessionsModule, sessionsToken } = nest.adapter;
  const chosen =
    only === undefined ? {} : { only: (request: { url?: string | undefined }) => only(pathOf(request)) };
  const controller = controllerOf(nest, style, routes, (which, request) =>
    app.get<Sessions<Session>>(sessionsToken(which === "second" && second ? "admin" : undefined)).of(request),
  );
  const admin =
    second === undefined ? [] : [SessionsModule.forRoot({ manager: second, name: "admin", ...chosen })];
  const AppModule = moduleOf(nest, {
    imports: [SessionsModule.forRoot({ manager, ...chosen }), ...admin],
    controllers: [controller],
  });
  const app = await nest.core.NestFactory.create(AppModule, platformOf(nest, platform), {
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
  });
  app.useGlobalFilters(filterOf(nest));
  await app.listen(0, "127.0.0.1");
  const { port } = new URL(await app.getUrl());
  return { origin: `http://127.0.0.1:${port}`, close: () => app.close() };
}

/** Answers as applications' filters do, with the exception's status. */
function filterOf(nest: Nest): object {
  class Filter {
    catch(exception: unknown, host: { switchToHttp(): { getResponse(): PlatformResponse } }): void {
      const response = host.switchToHttp().getResponse();
      if ((response.raw ?? response).headersSent) return (response.raw ?? response).destroy();
      response.status(statusOf(exception)).send("Something went wrong.");
    }
  }
  decorateClass(Filter, [nest.common["Catch"]?.()]);
  return new Filter();
}

type Of = (which: "first" | "second", request: object) => Session;

/** A controller with a handler for each route. */
function controllerOf(nest: Nest, style: Style, routes: Readonly<Record<string, Route>>, of: Of): Class {
  const { All, Controller, Req, Res, Session } = nest.common;
  const Made = newClass();
  for (const [path, route] of Object.entries(routes)) {
    const handler = (request: { url: string }, response: PlatformResponse, session: Session): unknown =>
      route(contextOf({ nest, response }, style, request, session, of));
    Object.defineProperty(Made.prototype, path, { value: handler, configurable: true, writable: true });
    const passthrough = style === "returned" ? [{ passthrough: true }] : [];
    decorate(Made, path, [All?.(path)], [Req?.(), Res?.(...passthrough), Session?.()]);
  }
  decorateClass(Made, [Controller?.()]);
  return Made;
}

function contextOf(
  kit: Kit,
  style: Style,
  request: { readonly url: string },
  session: Session,
  of: Of,
): RouteContext {
  const { searchParams } = new URL(request.url, "http://localhost");
  const { response } = kit;
  return {
    session,
    of: (which = "first") => of(which, request),
    query: (name) => searchParams.get(name),
    ...(style === "returned" ? byReturn(kit) : byResponse(response)),
    throwAnswer() {
      throw new Error("To Nest whatever is thrown is an exception.");
    },
    answerBy: (way, text) => WAYS[style][way]?.(kit, text),
  };
}

function byReturn({ nest, response }: Kit): Pick<RouteContext, "send" | "redirect" | "stream"> {
  return {
    send: (given) => {
      setHead(response, given);
      return given.body;
    },
    redirect(location) {
      setHead(response, { status: 302, headers: [["location", location]] });
    },
    stream: (given, pieces) => {
      setHead(response, given);
      const file = new nest.common.StreamableFile(Readable.from(encoded(pieces), { highWaterMark: 1 }));
      // Nest's own handler ends a stream that broke as it ends a whole one.
      (file as { setErrorHandler(handle: () => void): object }).setErrorHandler(() =>
        (response.raw ?? response).destroy(),
      );
      return file;
    },
  };
}

async function* encoded(pieces: AsyncIterable<string>): AsyncGenerator<Buffer> {
  for await (const piece of pieces) yield Buffer.from(piece);
}

function byResponse(response: PlatformResponse): Pick<RouteContext, "send" | "redirect" | "stream"> {
  return {
    send: (given) => {
      setHead(response, given);
      response.send(given.body);
    },
    redirect(location) {
      validateHeaderValue("location", location);
      // Nest has set a status before, which Fastify then keeps.
      response.status(302).redirect(location);
    },
    async stream(given, pieces) {
      const bare = bareOf(response);
      bare.statusCode = given.status ?? 200;
      for (const [name, value] of given.headers ?? []) bare.appendHeader?.(name, value);
      bare.flushHeaders();
      for await (const piece of pieces) bare.write(piece);
      bare.end();
    },
  };
}

function setHead(response: PlatformResponse, { status = 200, headers = [] }: Omit<Answer, "body">): void {
  for (const [name, value] of headers) validateHeaderValue(name, value);
  for (const [name, value] of headers) {
    // Express would add a charset to a type.
    if (response.appendHeader === undefined) response.header(name, value);
    else response.appendHeader(name, value);
  }
  response.status(status);
}
