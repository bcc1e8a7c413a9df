import type { AstroSessions } from "../../../src/adapters/astro.ts";
import { type Session, SessionError } from "../../../src/index.ts";
import type { AdapterSubject, Application, RouteContext } from "../../../src/testing/index.ts";
import { streamed, whole } from "../../adapters/support/fetch-subject.ts";
import { type Context, type Middleware, serve, type Site, type Tools, type Version } from "./site.ts";

/** Further ways in which an endpoint comes to a response. */
const WAYS: Readonly<Record<string, (context: Context, text: string) => unknown>> = {
  "new Response": (_context, text) => new Response(text),
  "Response.json": (_context, text) => Response.json({ text }),
  "a stream": (_context, text) => new Response(new Blob([text]).stream()),
  "context.cookies": (context, text) => {
    context.cookies.set("theme", "dark", { path: "/" });
    return new Response(text);
  },
  "the result of fetch()": (_context, text) => fetch(`data:text/plain,${text}`),
};

interface Sessions {
  readonly first: AstroSessions<Session>;
  readonly second: AstroSessions<Session> | null;
}

function contextOf(context: Context, sessions: Sessions): RouteContext {
  return {
    session: context.locals["session"] as Session,
    of: (which = "first") => ((which === "second" ? sessions.second : null) ?? sessions.first).of(context),
    query: (name) => context.url.searchParams.get(name),
    send: whole,
    redirect: (location) => context.redirect(location),
    stream: streamed,
    throwAnswer: (answer) => {
      throw whole(answer);
    },
    answerBy: (way, text) => WAYS[way]?.(context, text),
  };
}

function sorry(status: number): Response {
  return new Response("Something went wrong.", { status });
}

/** Innermost: an error that names the client's mistake is an answer. */
const answering: Middleware = async (_context, next) => {
  try {
    return await next();
  } catch (thrown) {
    const { status } = (thrown ?? {}) as { readonly status?: unknown };
    const isAnswer = typeof status === "number" && status < 500 && !SessionError.is(thrown);
    if (isAnswer) return sorry(status);
    throw thrown;
  }
};

/** Outermost: every other error is shown in some way. */
const showing: Middleware = async (_context, next) => {
  try {
    return await next();
  } catch (thrown) {
    const { status, shownAs } = (thrown ?? {}) as { readonly status?: unknown; readonly shownAs?: unknown };
    return sorry([status, shownAs].find((one) => typeof one === "number") ?? 500);
  }
};

function siteOf(tools: Tools, { manager, second, routes, only }: Application): Site {
  const options = only === undefined ? {} : { only: ({ url }: Pick<Context, "url">) => only(url.pathname) };
  const sessions: Sessions = {
    first: tools.astroSessions(manager, options),
    second: second === undefined ? null : tools.astroSessions(second, { ...options, local: "second" }),
  };
  const middleware = [sessions.first, sessions.second].flatMap((one) => one?.onRequest ?? []);
  return {
    onRequest: tools.sequence(showing, ...middleware, answering),
    run: (_place, context) => routes[context.url.pathname]?.(contextOf(context, sessions)),
  };
}

export function subject(version: Version): AdapterSubject {
  return {
    name: version.name,
    ways: Object.keys(WAYS),
    abilities: {
      sockets: true,
      "late changes":
        "a Response is complete when a middleware returns it; verbs throw ERR_SESSION_SENT afterwards",
      "thrown answers": "Astro answers whatever is thrown with status 500",
      "thrown errors": true,
      only: true,
      "two managers": true,
      streams: true,
    },
    start: (application) => serve(version, (tools) => siteOf(tools, application)),
  };
}
