import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { ReactRouterSessions } from "../../../src/adapters/react-router.ts";
import type { Session } from "../../../src/index.ts";
import type { AdapterSubject, Answer, Application, RouteContext } from "../../../src/testing/index.ts";
import type { App, Built, Provider } from "./build.ts";

/** What loaders and actions are given. */
export interface Args {
  readonly request: Request;
  readonly context: Provider;
}

type Way = (text: string) => unknown;

/** What the framework takes for `data(value, init)`. */
function data(value: unknown, init: ResponseInit): object {
  return { type: "DataWithResponseInit", data: value, init };
}

/** Further ways in which a resource route comes to a response. */
const WAYS: Readonly<Record<string, Way>> = {
  "new Response": (text) => new Response(text),
  "Response.json": (text) => Response.json({ text }),
  "an immutable redirect": (text) => Response.redirect(`http://shop.test/${text}`, 303),
  "a string": (text) => text,
  "a plain object": (text) => ({ text }),
  "data()": (text) => data({ text }, { status: 201, headers: { "x-own": "kept" } }),
  "the result of fetch()": (text) => fetch(`data:text/plain,${text}`),
  "a stream": (text) => new Response(new Blob([text]).stream()),
  "a thrown Response": (text) => {
    // oxlint-disable-next-line typescript/only-throw-error -- the framework's own way
    throw new Response(text, { status: 403 });
  },
  "a thrown redirect": (text) => {
    // oxlint-disable-next-line typescript/only-throw-error -- the framework's own way
    throw new Response(null, { status: 302, headers: { location: `/${text}` } });
  },
  "thrown data()": (text) => {
    // oxlint-disable-next-line typescript/only-throw-error -- the framework's own way
    throw data({ text }, { status: 403 });
  },
};

function whole(answer: Answer): Response {
  const headers = (answer.headers ?? []).map(([name, value]): [string, string] => [name, value]);
  return new Response(answer.body ?? null, { status: answer.status ?? 200, headers });
}

function streamed(answer: Answer, pieces: AsyncIterable<string>): Response {
  const iterator = pieces[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
    },
    { highWaterMark: 0 },
  );
  const { status, headers } = whole({ ...answer, body: "" });
  headers.delete("content-type");
  for (const [name, value] of answer.headers ?? []) if (name === "content-type") headers.set(name, value);
  return new Response(body, { status, headers });
}

interface Sessions {
  readonly first: ReactRouterSessions<Session>;
  readonly second: ReactRouterSessions<Session> | null;
}

function contextOf(args: Args, { first, second }: Sessions): RouteContext {
  const { request, context } = args;
  return {
    get session() {
      return context.get(first.context);
    },
    of: (which = "first") => ((which === "second" ? second : null) ?? first).of(context),
    query: (name) => new URL(request.url).searchParams.get(name),
    send: whole,
    redirect: (location) => new Response(null, { status: 302, headers: { location } }),
    stream: streamed,
    throwAnswer(answer) {
      // oxlint-disable-next-line typescript/only-throw-error -- the framework's own way
      throw whole(answer);
    },
    answerBy: (way, text) => WAYS[way]?.(text),
  };
}

/** An error with a status becomes an answer, as applications do: the framework itself answers every error with 500. */
async function answered(route: () => unknown): Promise<unknown> {
  try {
    return await route();
  } catch (error) {
    const { status } = (error ?? {}) as { readonly status?: unknown };
    if (error instanceof Response || typeof status !== "number") throw error;
    // oxlint-disable-next-line typescript/only-throw-error -- the framework's own way
    throw new Response("Something went wrong.", { status });
  }
}

/** Below the sessions: shows an unexpected error with another status, as some applications do. */
async function shownAs(args: Args, next: () => Promise<Response>): Promise<Response> {
  const response = await next();
  const status = shown.get(args.context);
  return status === undefined ? response : new Response("Something went wrong.", { status });
}

const shown: WeakMap<object, number> = new WeakMap();

/** The contract's application, as the built one takes it. */
function appOf(application: Application, { tools }: Built): App {
  const { manager, second, routes, only } = application;
  const options =
    only === undefined
      ? {}
      : { only: ({ request }: { readonly request: Request }) => only(new URL(request.url).pathname) };
  const sessions: Sessions = {
    first: tools.reactRouterSessions(manager, options),
    second: second === undefined ? null : tools.reactRouterSessions(second, options),
  };
  const handler = async (args: Args): Promise<unknown> => {
    const route = routes[new URL(args.request.url).pathname];
    if (route === undefined) return new Response("nothing here", { status: 404 });
    return await answered(() => route(contextOf(args, sessions)));
  };
  return {
    middleware: [sessions.first.middleware, sessions.second?.middleware, shownAs],
    handlers: { contract: handler },
    failed(error, args) {
      const { shownAs: status } = (error ?? {}) as { readonly shownAs?: unknown };
      if (typeof status === "number") shown.set(args.context, status);
      sessions.first.failed(error, args);
      sessions.second?.failed(error, args);
    },
  };
}

/** The adapter in a built application, over real sockets. */
export function subjectOf(
  name: string,
  built: () => Built,
  server: "node" | "express" = "node",
): AdapterSubject {
  return {
    name,
    ways: Object.keys(WAYS),
    abilities: {
      sockets: true,
      "late changes": "a Response is complete when it is returned; verbs throw ERR_SESSION_SENT afterwards",
      "thrown answers": true,
      "thrown errors": true,
      only: true,
      "two managers": true,
      streams: true,
    },
    start: (application) => served(built().listener(appOf(application, built()), server)),
  };
}

export async function served(
  listener: RequestListener,
): Promise<{ readonly origin: string; close(): Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
