import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { Hono as Hono40 } from "hono40";
import { HTTPException } from "hono/http-exception";
import { HTTPException as HTTPException40 } from "hono40/http-exception";
import * as streaming from "hono/streaming";
import * as streaming40 from "hono40/streaming";
import { type HonoSessions, honoSessions } from "../../../src/adapters/hono.ts";
import type { Session } from "../../../src/index.ts";
import type { AdapterSubject, Answer, Application, RouteContext } from "../../../src/testing/index.ts";

/** A version of Hono, by the types of the newest: the classes have private members, so that no two are the same. */
export interface HonoVersion {
  readonly name: string;
  readonly Hono: typeof Hono;
  readonly HTTPException: typeof HTTPException;
  readonly streaming: Pick<typeof streaming, "stream" | "streamText" | "streamSSE">;
}

export const NEWEST: HonoVersion = { name: "hono 4.13", Hono, HTTPException, streaming };
export const OLDEST: HonoVersion = {
  name: "hono 4.0",
  Hono: Hono40 as unknown as typeof Hono,
  HTTPException: HTTPException40 as unknown as typeof HTTPException,
  streaming: streaming40 as unknown as HonoVersion["streaming"],
};

type Way = (c: Context, text: string) => Response | Promise<Response>;

/** Further ways in which a handler of Hono's comes to a response. */
function waysOf({ streaming, HTTPException }: HonoVersion): Readonly<Record<string, Way>> {
  return {
    "c.text": (c, text) => c.text(text),
    "c.text with c.header and c.status": (c, text) => {
      c.header("x-own", "kept");
      c.status(200);
      return c.text(text);
    },
    "c.json": (c, text) => c.json({ text }),
    "c.html": (c, text) => c.html(`<p>${text}</p>`),
    "c.body": (c, text) => c.body(text),
    "c.body with a stream": (c, text) => c.body(new Blob([text]).stream()),
    "c.newResponse": (c, text) => c.newResponse(text, 200),
    "assigning c.res": (c, text) => {
      c.res = new Response(text);
      return c.res;
    },
    "new Response": (_c, text) => new Response(text),
    "Response.json": (_c, text) => Response.json({ text }),
    "the result of fetch()": (_c, text) => fetch(`data:text/plain,${text}`),
    stream: (c, text) => streaming.stream(c, async (out) => void (await out.write(text))),
    streamText: (c, text) => streaming.streamText(c, async (out) => void (await out.write(text))),
    streamSSE: (c, text) => streaming.streamSSE(c, (out) => out.writeSSE({ data: text })),
    "a thrown HTTPException": (_c, text) => {
      throw new HTTPException(403, { message: text });
    },
  };
}

function pairsOf({ headers = [] }: Answer): [string, string][] {
  return headers.map(([name, value]) => [name, value]);
}

function whole(answer: Answer): Response {
  return new Response(answer.body ?? null, { status: answer.status ?? 200, headers: pairsOf(answer) });
}

/** By the context, with every header under its name. */
function sent(c: Context, answer: Answer): Response {
  const record: Record<string, string[]> = {};
  for (const [name, value] of pairsOf(answer)) (record[name] ??= []).push(value);
  // Hono 4.0 takes headers together with a body only.
  return c.newResponse(answer.body ?? null, (answer.status ?? 200) as 200, record);
}

function streamed(c: Context, answer: Answer, pieces: AsyncIterable<string>): Response {
  const iterator = pieces[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  // No piece is made before the one before it was taken; Hono's own helpers run ahead by one.
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
  const record = Object.fromEntries(pairsOf(answer));
  return c.body(body, (answer.status ?? 200) as 200, record);
}

interface Sessions {
  readonly first: HonoSessions<Session>;
  readonly second: HonoSessions<Session, "second"> | null;
}

function contextOf(version: HonoVersion, c: Context, sessions: Sessions): RouteContext {
  return {
    session: c.var["session"] as Session,
    of: (which = "first") => ((which === "second" ? sessions.second : null) ?? sessions.first).of(c),
    query: (name) => c.req.query(name) ?? null,
    send: (answer) => sent(c, answer),
    redirect: (location) => c.redirect(location),
    stream: (answer, pieces) => streamed(c, answer, pieces),
    throwAnswer(answer) {
      throw new version.HTTPException((answer.status ?? 200) as 403, { res: whole(answer) });
    },
    answerBy: (way, text) => waysOf(version)[way]?.(c, text),
  };
}

function statusOf(error: Error): number {
  const { status, shownAs } = error as { readonly status?: unknown; readonly shownAs?: unknown };
  return [status, shownAs].find((one) => typeof one === "number") ?? 500;
}

/** An application with the adapter on every path, and an error handler such as one has. */
export function honoApplication(version: HonoVersion, application: Application): Hono {
  const { manager, second, routes, only } = application;
  const options = only === undefined ? {} : { only: (c: Context) => only(c.req.path) };
  const sessions: Sessions = {
    first: honoSessions(manager, options),
    second: second === undefined ? null : honoSessions(second, { variable: "second", ...options }),
  };
  const app = new version.Hono();
  app.use(sessions.first);
  if (sessions.second !== null) app.use(sessions.second);
  for (const [path, route] of Object.entries(routes))
    app.all(path, async (c) => (await route(contextOf(version, c, sessions))) as Response);
  app.onError((error, c) => {
    if (error instanceof version.HTTPException) return error.getResponse();
    return c.text("Something went wrong.", statusOf(error) as 500);
  });
  return app;
}

function abilitiesOf(): Omit<AdapterSubject["abilities"], "sockets"> {
  return {
    "late changes": "a Response is complete when it is returned; verbs throw ERR_SESSION_SENT afterwards",
    "thrown answers": true,
    "thrown errors": true,
    only: true,
    "two managers": true,
    streams: true,
  };
}

/** The adapter behind `app.fetch`. What is thrown out of it is answered as runtimes answer: with 500. */
export function directSubject(version: HonoVersion): AdapterSubject {
  return {
    name: version.name,
    ways: Object.keys(waysOf(version)),
    abilities: { ...abilitiesOf(), sockets: "it is called by app.fetch" },
    start: async (application) => {
      const app = honoApplication(version, application);
      const answer = async (request: Request): Promise<Response> => await app.fetch(request);
      return {
        fetch: (request) => answer(request).catch(() => new Response(null, { status: 500 })),
        close: async () => {},
      };
    },
  };
}

/** The adapter behind `@hono/node-server`. */
export function servedSubject(version: HonoVersion): AdapterSubject {
  return {
    name: `${version.name} over @hono/node-server`,
    ways: Object.keys(waysOf(version)),
    abilities: { ...abilitiesOf(), sockets: true },
    start: (application) => served(honoApplication(version, application)),
  };
}

async function served(app: Hono): Promise<{ origin: string; close(): Promise<void> }> {
  const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const started = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, () => resolve(started));
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      if ("closeAllConnections" in server) server.closeAllConnections();
      await closed;
    },
  };
}
