import type { SvelteKitSessions } from "../../../src/adapters/sveltekit.ts";
import { type Session, SessionError } from "../../../src/index.ts";
import type { AdapterSubject, Application, RouteContext } from "../../../src/testing/index.ts";
import { streamed, whole } from "../../adapters/support/fetch-subject.ts";
import {
  type ErrorInput,
  type Event,
  type HookInput,
  serve,
  type Site,
  type Tools,
  type Version,
} from "./site.ts";

type Way = (tools: Tools, event: Event, text: string) => unknown;

/** Further ways in which an endpoint comes to a response. */
const WAYS: Readonly<Record<string, Way>> = {
  "text()": ({ text }, _event, body) => text(body),
  "json()": ({ json }, _event, text) => json({ text }),
  "new Response": (_tools, _event, text) => new Response(text),
  "a stream": (_tools, _event, text) => new Response(new Blob([text]).stream()),
  "setHeaders and cookies": ({ text }, event, body) => {
    event.setHeaders({ "x-own": "kept" });
    event.cookies.set("theme", "dark", { path: "/" });
    return text(body);
  },
  "the result of event.fetch()": (_tools, event, text) => event.fetch(`/ping?text=${text}`),
  "the result of fetch()": (_tools, _event, text) => fetch(`data:text/plain,${text}`),
};

interface Sessions {
  readonly first: SvelteKitSessions<Session>;
  readonly second: SvelteKitSessions<Session> | null;
}

function contextOf(tools: Tools, event: Event, sessions: Sessions): RouteContext {
  return {
    session: event.locals["session"] as Session,
    of: (which = "first") => ((which === "second" ? sessions.second : null) ?? sessions.first).of(event),
    query: (name) => event.url.searchParams.get(name),
    send: whole,
    redirect: (location) => tools.redirect(302, location),
    stream: streamed,
    throwAnswer({ status = 200, headers = [], body = "" }) {
      const location = headers.find(([name]) => name === "location");
      return location === undefined ? tools.error(status, body) : tools.redirect(status, location[1]);
    },
    answerBy: (way, text) => WAYS[way]?.(tools, event, text),
  };
}

/** As the application's code would say it: an error with a status for the client is one of SvelteKit's. */
function asError(tools: Tools, thrown: unknown): unknown {
  const { status } = (thrown ?? {}) as { readonly status?: unknown };
  const isError = thrown instanceof Error && !SessionError.is(thrown) && typeof status === "number";
  return isError ? tools.error(status, "Something went wrong.") : thrown;
}

/** What an error is shown as, where the application shows it as something else than SvelteKit would. */
const shown: WeakMap<Request, number> = new WeakMap();

async function showing({ event, resolve }: HookInput): Promise<Response> {
  const response = await resolve(event);
  const status = shown.get(event.request);
  if (status === undefined || status === response.status) return response;
  return new Response(response.body, { status, headers: response.headers });
}

/** SvelteKit 3 takes the status from here, SvelteKit 2 does not. */
function report({ error, event }: ErrorInput): object {
  const { status, shownAs } = (error ?? {}) as { readonly status?: unknown; readonly shownAs?: unknown };
  const found = SessionError.is(error) ? status : shownAs;
  if (typeof found !== "number") return { message: "Something went wrong." };
  shown.set(event.request, found);
  return { message: "Something went wrong.", status: found };
}

function siteOf(tools: Tools, { manager, second, routes, only }: Application): Site {
  const options = only === undefined ? {} : { only: ({ url }: Pick<Event, "url">) => only(url.pathname) };
  const sessions: Sessions = {
    first: tools.sveltekitSessions(manager, options),
    second: second === undefined ? null : tools.sveltekitSessions(second, { ...options, local: "second" }),
  };
  const hooks = [sessions.first, sessions.second].flatMap((one) => one ?? []);
  return {
    handle: tools.sequence(...hooks.map((one) => one.handle), showing),
    handleError: hooks.reduceRight((hook, one) => one.handleError(hook), report),
    answer: async (event) => {
      try {
        return await routes[event.url.pathname]?.(contextOf(tools, event, sessions));
      } catch (thrown) {
        throw asError(tools, thrown);
      }
    },
  };
}

export function subject(version: Version): AdapterSubject {
  return {
    name: version.name,
    ways: Object.keys(WAYS),
    abilities: {
      sockets: true,
      "late changes":
        "a Response is complete when a hook returns it; verbs throw ERR_SESSION_SENT afterwards",
      "thrown answers": true,
      "thrown errors": true,
      only: true,
      "two managers": true,
      streams: true,
    },
    start: (application) => serve(version, (tools) => siteOf(tools, application)),
  };
}
