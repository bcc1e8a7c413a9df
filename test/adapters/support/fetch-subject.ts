import type { AdapterSubject, Answer, Application, RouteContext } from "../../../src/testing/index.ts";
import { type FetchSessions, fetchSessions, type FetchSessionsOptions } from "../../../src/adapters/fetch.ts";
import type { Session, SessionManager } from "../../../src/index.ts";
import { serveFetch } from "./fetch-bridge.ts";

type Handle = (request: Request) => Promise<Response>;

/** Makes the adapter under test; a test of the suite itself gives one with a defect. */
export type MakeSessions = (
  manager: SessionManager,
  options: FetchSessionsOptions<[]>,
) => FetchSessions<Session, []>;

/** What a browser would take for a page of its own: an absolute address, as `Response.redirect` wants it. */
function redirect(request: Request, location: string): Response {
  return Response.redirect(new URL(location, request.url), 302);
}

/** A complete answer as a `Response`. */
export function whole({ status = 200, headers = [], body }: Answer): Response {
  return new Response(body ?? null, { status, headers: headers.map(([name, value]) => [name, value]) });
}

/** An answer whose body is made piece by piece, as it is taken. */
export function streamed({ status = 200, headers = [] }: Answer, pieces: AsyncIterable<string>): Response {
  const iterator = pieces[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  // No piece is made before the one before it was taken, so what a piece does happens after the headers.
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
  return new Response(body, { status, headers: headers.map(([name, value]) => [name, value]) });
}

/** Further ways in which a handler comes to a response. */
const WAYS: Readonly<Record<string, (text: string) => Response | Promise<Response>>> = {
  "the result of fetch()": (text) => fetch(`data:text/plain,${text}`),
  "a clone": (text) => new Response(text).clone(),
  "Response.json": (text) => Response.json(text),
  "a Blob": (text) => new Response(new Blob([text])),
  "a FormData": (text) => {
    const form = new FormData();
    form.set("text", text);
    return new Response(form);
  },
  "a pipe": (text) =>
    new Response(
      new Blob([text]).stream().pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream()),
    ),
};

interface Sessions {
  readonly first: FetchSessions<Session, []>;
  readonly second: FetchSessions<Session, []> | null;
}

function contextOf(request: Request, session: Session, sessions: Sessions): RouteContext {
  const { searchParams } = new URL(request.url);
  return {
    session,
    of: (which = "first") => (which === "second" ? sessions.second : sessions.first)?.of(request) ?? session,
    query: (name) => searchParams.get(name),
    send: whole,
    redirect: (location) => redirect(request, location),
    stream: streamed,
    throwAnswer(answer) {
      throw whole(answer);
    },
    answerBy: (way, text) => WAYS[way]?.(text),
  };
}

/** An application of plain functions, with an error handler around it such as a framework has. */
export function fetchApplication(
  application: Application,
  make: MakeSessions = fetchSessions<Session, []>,
): Handle {
  const { manager, second, routes, only } = application;
  const options =
    only === undefined ? {} : { only: (request: Request) => only(new URL(request.url).pathname) };
  const sessions: Sessions = {
    first: make(manager, options),
    second: second === undefined ? null : make(second, options),
  };
  const handler = sessions.first.wrap(async (request, session) => {
    const route = routes[new URL(request.url).pathname];
    if (route === undefined) return new Response("no such route", { status: 404 });
    return (await route(contextOf(request, session, sessions))) as Response;
  });
  const outer = sessions.second?.wrap((request) => handler(request)) ?? handler;
  return async (request) => {
    try {
      return await outer(request);
    } catch (thrown) {
      if (thrown instanceof Response) return thrown;
      const shown = new Response("Something went wrong.", { status: statusOf(thrown) });
      return sessions.first.carry(request, shown);
    }
  };
}

function statusOf(thrown: unknown): number {
  const { status, shownAs } = (thrown ?? {}) as { readonly status?: unknown; readonly shownAs?: unknown };
  return [status, shownAs].find((one) => typeof one === "number") ?? 500;
}

const COMMON = {
  "late changes": "a Response is complete when it is returned; verbs throw ERR_SESSION_SENT afterwards",
  "thrown answers": true,
  "thrown errors": true,
  only: true,
  "two managers": true,
  streams: true,
} as const;

/** The adapter, called as a function. */
export function directSubject(make?: MakeSessions): AdapterSubject {
  return {
    name: "fetch",
    ways: Object.keys(WAYS),
    abilities: { ...COMMON, sockets: "it is called as a function" },
    start: async (application) => ({ fetch: fetchApplication(application, make), close: async () => {} }),
  };
}

/** The adapter behind a server of `node:http`. */
export function bridgedSubject(make?: MakeSessions): AdapterSubject {
  return {
    name: "fetch over node:http",
    ways: Object.keys(WAYS),
    abilities: { ...COMMON, sockets: true },
    start: (application) => serveFetch(fetchApplication(application, make)),
  };
}
