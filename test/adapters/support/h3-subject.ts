import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import * as h3v2 from "h3";
import * as h3v20 from "h3v20";
import * as h3v1 from "h3v1";
import * as h3v18 from "h3v18";
import { type H3Sessions, h3Sessions } from "../../../src/adapters/h3.ts";
import type { Session } from "../../../src/index.ts";
import type { AdapterSubject, Answer, Application, RouteContext } from "../../../src/testing/index.ts";
import { contextOf, listening, NODE_ABILITIES, NODE_WAYS, pathOf, statusOf } from "./node-subject.ts";

/** The lowest version of each major one that is supported, and the newest. */
export const FIRST: Readonly<Record<string, typeof h3v1>> = {
  "h3 1.8": h3v18 as unknown as typeof h3v1,
  "h3 1.15": h3v1,
};
export const SECOND: Readonly<Record<string, typeof h3v2>> = {
  "h3 2.0.1": h3v20 as unknown as typeof h3v2,
  "h3 2.0.8": h3v2,
};

/** How an application is called: over sockets, by its own server for Node, or as a function of a `Request`. */
export type Calling = "node" | "web";

const WEB_ABILITIES: AdapterSubject["abilities"] = {
  ...NODE_ABILITIES,
  sockets: "it is called as a function of a Request",
  "late changes": "a Response is complete when it is made; verbs throw ERR_SESSION_SENT afterwards",
};

const THROWN = "h3 answers what is thrown as JSON; a Response that is thrown is an error to it";

interface Sessions {
  readonly first: H3Sessions<Session>;
  readonly second: H3Sessions<Session> | null;
}

function sessionsOf({ manager, second, only }: Application): Sessions {
  const options =
    only === undefined ? {} : { only: (event: { path: string }) => only(pathOf({ url: event.path })) };
  return {
    first: h3Sessions(manager, options),
    second: second === undefined ? null : h3Sessions(second, { ...options, variable: "second" }),
  };
}

function viewOf(event: { readonly path: string; readonly context: object }, sessions: Sessions) {
  const { searchParams } = new URL(event.path, "http://localhost");
  return {
    session: (event.context as { session: Session }).session,
    of: (which: "first" | "second" = "first"): Session =>
      ((which === "second" ? sessions.second : null) ?? sessions.first).of(event as never),
    query: (name: string) => searchParams.get(name),
    throwAnswer(): never {
      throw new Error(THROWN);
    },
  };
}

// ---- h3 1 ----

type Event1 = h3v1.H3Event;
type Way1 = (event: Event1, text: string, h3: typeof h3v1) => unknown;

const WAYS1: Readonly<Record<string, Way1>> = {
  "a text": (_event, text) => text,
  "an object": (_event, text) => ({ text }),
  "a buffer": (_event, text) => Buffer.from(text),
  "a number": () => 200,
  "nothing, said by null": (event) => {
    event.node.res.statusCode = 200;
    return null;
  },
  "a blob": (_event, text) => new Blob([text]),
  "a stream": (_event, text) => Readable.from([...text]),
  "a web stream": (_event, text) => new Blob([text]).stream(),
  "a Response": (_event, text) => new Response(text),
  "send()": (event, text, h3) => h3.send(event, text),
  "sendStream()": (event, text, h3) => h3.sendStream(event, Readable.from([...text])),
  "sendWebResponse()": (event, text, h3) => h3.sendWebResponse(event, new Response(text)),
  "event.respondWith()": (event, text) => event.respondWith(new Response(text)),
  "event.respondWith() without waiting": (event, text) => void event.respondWith(new Response(text)),
};

const PAST1: Readonly<Record<string, Way1>> = {
  ...Object.fromEntries(
    NODE_WAYS.map((way): [string, Way1] => [
      `past h3, ${way}`,
      (event, text) => {
        // h3 waits for nothing that it is not told of, and would say that nobody answered.
        event._handled = true;
        const { req, res } = event.node;
        void contextOf(req, res, {} as never).answerBy(way, text);
      },
    ]),
  ),
  "fromNodeMiddleware()": (event, text, h3) =>
    h3.fromNodeMiddleware(
      (_request: unknown, response: ServerResponse) => void response.writeHead(200).end(text),
    )(event),
};

function application1(h3: typeof h3v1, application: Application): h3v1.App {
  const sessions = sessionsOf(application);
  const app = h3.createApp({
    onError: (error, event) => {
      if (event.handled) return;
      const { shownAs } = (error.cause ?? {}) as { readonly shownAs?: number };
      h3.setResponseStatus(event, shownAs ?? error.statusCode);
      return h3.send(event, "Something went wrong.");
    },
  });
  for (const [path, route] of Object.entries(application.routes)) {
    app.use(
      path,
      h3.eventHandler(async (event) => await routed(h3, event, sessions, route)),
      { match: (rest) => /^\/?(\?.*)?$/.test(rest) },
    );
  }
  sessions.second?.plugin(app);
  sessions.first.plugin(app);
  return app;
}

async function routed(
  h3: typeof h3v1,
  event: Event1,
  sessions: Sessions,
  route: (context: RouteContext) => unknown,
): Promise<unknown> {
  try {
    return await route(routeContext1(h3, event, sessions));
  } catch (error) {
    // h3 1 has no answer to what is no object.
    throw error ?? new Error("nothing was thrown");
  }
}

function routeContext1(h3: typeof h3v1, event: Event1, sessions: Sessions): RouteContext {
  const view = viewOf({ path: event.node.req.originalUrl ?? event.path, context: event.context }, sessions);
  const of = (which: "first" | "second" = "first"): Session =>
    ((which === "second" ? sessions.second : null) ?? sessions.first).of(event);
  const head = ({ status = 200, headers = [] }: Answer): void => {
    event.node.res.statusCode = status;
    // What plays Node's response takes any header.
    for (const [name, value] of new Headers(headers as [string, string][]))
      h3.appendResponseHeader(event, name as "via", value);
  };
  return {
    ...view,
    of,
    send(answer) {
      head(answer);
      return answer.body ?? "";
    },
    redirect: (location) => h3.sendRedirect(event, new Headers({ location }).get("location") ?? ""),
    stream(answer, pieces) {
      head(answer);
      const source = Readable.from(pieces);
      // h3 would leave the client waiting for the rest.
      source.once("error", () => event.node.res.headersSent && event.node.res.destroy());
      return event.node.res.socket === null ? webStream(pieces) : source;
    },
    answerBy: (way, text) => (WAYS1[way] ?? PAST1[way])?.(event, text, h3),
  };
}

function webStream(pieces: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
    },
    { highWaterMark: 0 },
  );
}

/** h3 1 as the contract takes it. */
export function h3Subject1(version: string, calling: Calling): AdapterSubject {
  const h3 = FIRST[version] ?? h3v1;
  const isNode = calling === "node";
  return {
    name: `${version}, by ${isNode ? "toNodeListener" : "toWebHandler"}`,
    ways: [...Object.keys(WAYS1), ...(isNode ? Object.keys(PAST1) : [])],
    abilities: { ...(isNode ? NODE_ABILITIES : WEB_ABILITIES), "thrown answers": THROWN },
    async start(application) {
      const app = application1(h3, application);
      if (isNode) return await listening(h3.toNodeListener(app));
      const handle = h3.toWebHandler(app);
      return { fetch: async (request) => await handle(request), close: async () => undefined };
    },
  };
}

// ---- h3 2 ----

type Event2 = h3v2.H3Event;
type Way2 = (event: Event2, text: string, h3: typeof h3v2) => unknown;

const WAYS2: Readonly<Record<string, Way2>> = {
  "a text": (_event, text) => text,
  "an object": (_event, text) => ({ text }),
  "a buffer": (_event, text) => Buffer.from(text),
  "a number": () => 200,
  null: () => null,
  "a blob": (_event, text) => new Blob([text]),
  "a web stream": (_event, text) => new Blob([text]).stream(),
  "a Response": (_event, text) => new Response(text),
  "an HTTPResponse": (_event, text, h3) => new h3.HTTPResponse(text, { status: 200 }),
  "html()": (_event, text, h3) => h3.html(text),
  "event.res": (event, text) => {
    event.res.status = 200;
    event.res.headers.set("x-own", "kept");
    return text;
  },
  "iterable()": (_event, text, h3) => h3.iterable([...text]),
};

const PAST2: Readonly<Record<string, Way2>> = {
  "a stream of Node's": (_event, text) => Readable.from([...text].map((one) => Buffer.from(one))),
  ...Object.fromEntries(
    NODE_WAYS.map((way): [string, Way2] => [
      `fromNodeHandler(), ${way}`,
      async (event, text, h3) =>
        await h3.fromNodeHandler(
          // Middleware by its three parameters, which h3 does not take for done when it returns.
          (request, response, _next) =>
            void contextOf(request as never, response as never, {} as never).answerBy(way, text),
        )(event),
    ]),
  ),
};

function application2(h3: typeof h3v2, application: Application, errors: "Response" | "text"): h3v2.H3 {
  const sessions = sessionsOf(application);
  const app = new h3.H3({
    silent: true,
    onError: (error, event) => {
      const status = statusOf(error.unhandled === true ? error.cause : error);
      if (errors === "Response") return new Response("Something went wrong.", { status });
      event.res.status = status;
      return "Something went wrong.";
    },
  });
  app.register(sessions.first.plugin);
  if (sessions.second !== null) app.use(sessions.second);
  for (const [path, route] of Object.entries(application.routes))
    app.all(path, (event) => route(routeContext2(h3, event, sessions)));
  return app;
}

function routeContext2(h3: typeof h3v2, event: Event2, sessions: Sessions): RouteContext {
  const head = ({ status = 200, headers = [] }: Answer): void => {
    event.res.status = status;
    for (const [name, value] of headers) event.res.headers.append(name, value);
  };
  return {
    ...viewOf(event, sessions),
    send(answer) {
      head(answer);
      return answer.body ?? "";
    },
    redirect(location) {
      const answer = h3.redirect(location, 302);
      // h3 would look at them when the handler is done.
      return answer.headers.has("location") && answer;
    },
    stream(answer, pieces) {
      head(answer);
      return webStream(pieces);
    },
    answerBy: (way, text) => (WAYS2[way] ?? PAST2[way])?.(event, text, h3),
  };
}

/** h3 2 as the contract takes it; `errors` is what the application's error handler makes of an error. */
export function h3Subject2(
  version: string,
  calling: Calling,
  errors: "Response" | "text" = "text",
): AdapterSubject {
  const h3 = SECOND[version] ?? h3v2;
  const isNode = calling === "node";
  return {
    name: `${version}, by ${isNode ? "toNodeHandler" : "app.fetch"}, errors made to a ${errors}`,
    ways: [...Object.keys(WAYS2), ...(isNode ? Object.keys(PAST2) : [])],
    abilities: { ...(isNode ? NODE_ABILITIES : WEB_ABILITIES), "thrown answers": THROWN },
    async start(application) {
      const app = application2(h3, application, errors);
      if (isNode) return await listening(h3.toNodeHandler(app) as never);
      return { fetch: async (request) => await app.fetch(request), close: async () => undefined };
    },
  };
}
