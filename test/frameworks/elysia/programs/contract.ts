// Tries the adapter on the runtime that runs this: on Bun by `listen`, with and without compilation, and as a function.
import { Elysia, redirect, status } from "elysia";
import { type ElysiaSessions, elysiaSessions } from "../../../../src/adapters/elysia.ts";
import type { Session } from "../../../../src/index.ts";
import type { AdapterSubject, Answer, Application, RouteContext } from "../../../../src/testing/index.ts";
import { tryAdapters } from "../../../runtimes/programs/support/trial.ts";

/** What a handler of Elysia's is given, as much as is used here. */
interface Context {
  readonly request: Request;
  readonly query: Record<string, string | undefined>;
  readonly session: Session;
  readonly set: { status?: number | string; headers: Record<string, string | string[]> };
}

type Way = (context: Context, text: string) => unknown;

const WAYS: Readonly<Record<string, Way>> = {
  "a returned object": (_context, text) => ({ text }),
  "a returned Response": (_context, text) => new Response(text),
  "a returned promise": async (_context, text) => await Promise.resolve(text),
  "status()": (_context, text) => status(202, text),
  "a thrown status() below 500": (_context, text) => {
    throw status(418, text);
  },
  "a number": (_context, text) => text.length,
  "a Blob": (_context, text) => new Blob([text]),
  "a FormData": (_context, text) => {
    const form = new FormData();
    form.set("text", text);
    return form;
  },
  "a ReadableStream": (_context, text) => new Blob([text]).stream(),
  "a generator": function* (_context, text) {
    yield text;
    yield text;
  },
  "an asynchronous generator": async function* (_context, text) {
    yield await Promise.resolve(text);
    yield text;
  },
  nothing: () => undefined,
};

const ABILITIES: AdapterSubject["abilities"] = {
  sockets: true,
  "late changes": "a Response is complete when it is returned; verbs throw ERR_SESSION_SENT afterwards",
  "thrown answers": true,
  "thrown errors": true,
  only: true,
  "two managers": true,
  streams: true,
};

function setHead({ set }: Context, { status: code = 200, headers = [] }: Answer): void {
  // What cannot be a header is refused at once.
  void new Headers(headers.map(([name, value]) => [name, value]));
  for (const [name, value] of headers) {
    const present = set.headers[name];
    set.headers[name] =
      present === undefined ? value : [...(Array.isArray(present) ? present : [present]), value];
  }
  set.status = code;
}

function whole({ status: code = 200, headers = [], body }: Answer): Response {
  return new Response(body ?? null, { status: code, headers: headers.map(([name, value]) => [name, value]) });
}

interface Both {
  readonly first: ElysiaSessions<Session, "session", "global">;
  readonly second: ElysiaSessions<Session, "admin", "global"> | null;
}

function contextOf(context: Context, sessions: Both): RouteContext {
  return {
    session: context.session,
    of: (which = "first") => ((which === "second" ? sessions.second : null) ?? sessions.first).of(context),
    query: (name) => new URL(context.request.url).searchParams.get(name),
    send(answer) {
      if ([204, 304].includes(answer.status ?? 200) || answer.body === undefined) return whole(answer);
      setHead(context, answer);
      return answer.body;
    },
    redirect(location) {
      void new Headers({ location });
      return redirect(location);
    },
    stream: (answer, pieces) => {
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
      const { status: code = 200, headers = [] } = answer;
      return new Response(body, { status: code, headers: headers.map(([name, value]) => [name, value]) });
    },
    throwAnswer(answer) {
      throw whole(answer);
    },
    answerBy: (way, text) => WAYS[way]?.(context, text),
  };
}

function statusOf(error: unknown): number {
  const { status: own, shownAs } = (error ?? {}) as { readonly status?: unknown; readonly shownAs?: unknown };
  return ([own, shownAs].find((one) => typeof one === "number") as number | undefined) ?? 500;
}

function applicationOf({ manager, second, routes, only }: Application, aot: boolean): Elysia {
  const options =
    only === undefined ? {} : { only: (request: Request) => only(new URL(request.url).pathname) };
  const sessions: Both = {
    first: elysiaSessions<Session>(manager, options),
    second:
      second === undefined ? null : elysiaSessions<Session, "admin">(second, { name: "admin", ...options }),
  };
  let app = new Elysia({ aot }).use(sessions.first) as unknown as Elysia;
  if (sessions.second !== null) app = app.use(sessions.second) as unknown as Elysia;
  app.onError(({ error, set, code }) => {
    if (error instanceof Response || "response" in (Object(error) as object)) return undefined;
    set.status = code === "NOT_FOUND" ? 404 : statusOf(error);
    return "Something went wrong.";
  });
  for (const [path, route] of Object.entries(routes)) {
    // The usual method has a route of its own, which Bun finds; the others are for all.
    const handler = (context: unknown): unknown => route(contextOf(context as Context, sessions));
    app.get(path, handler as never).all(path, handler as never);
  }
  return app;
}

/** Not compiled, Elysia itself answers a thrown `status()` with 500. */
function waysOf(aot: boolean): string[] {
  return Object.keys(WAYS).filter((way) => aot || !way.startsWith("a thrown"));
}

function listening(name: string, aot: boolean): AdapterSubject {
  return {
    name,
    ways: waysOf(aot),
    abilities: ABILITIES,
    async start(application) {
      const app = applicationOf(application, aot).listen({ port: 0, hostname: "127.0.0.1" });
      const { port } = app.server as { port: number };
      return { origin: `http://127.0.0.1:${port}`, close: async () => void (await app.server?.stop(true)) };
    },
  };
}

function called(name: string, aot: boolean): AdapterSubject {
  return {
    name,
    ways: waysOf(aot),
    abilities: { ...ABILITIES, sockets: "it is called as a function" },
    async start(application) {
      const app = applicationOf(application, aot);
      // As Bun's server answers what is thrown at it.
      const failed = (): Response => new Response("Something went wrong.", { status: 500 });
      return { fetch: async (request) => await app.handle(request).catch(failed), close: async () => {} };
    },
  };
}

await tryAdapters({
  listen: () => listening("Elysia", true),
  "listen, aot: false": () => listening("Elysia, aot: false", false),
  handle: () => called("Elysia by handle", true),
  "handle, aot: false": () => called("Elysia by handle, aot: false", false),
});
