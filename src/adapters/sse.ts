import type { AnySession, LiveHooks, LiveSession } from "../index.ts";
import { SessionError } from "../index.ts";
import { checkAdapter } from "./support/options.ts";
import { type EventsOf, pieces } from "./support/event-pieces.ts";

export type { EventsOf, ServerSentEvent } from "./support/event-pieces.ts";

export interface SseSessionsOptions {
  /** What a request must come with, else it is answered with status 401, after which browsers do not connect again: a `"session"`, or a `"user"` who is logged in. Default: nothing. */
  readonly require?: "session" | "user";
  /** The name of the last event, with the reason as its data, when the session ends; default `"session-end"`. */
  readonly endEvent?: string;
  /** How long a stream may be silent before a comment is sent, so that no proxy takes it for dead; default 25 s. `false`: for ever. */
  readonly heartbeat?: number | false;
  /** Is told what a source threw; default: it is printed. The stream is cut, and the browser connects again. */
  readonly onError?: (error: unknown) => void;
}

/** What is used of a response of `node:http` or `node:http2`, and of every framework that gives it out. */
export interface SseTarget {
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
  write(text: string): boolean;
  end(): unknown;
  destroy(): unknown;
  on(event: "close" | "drain", listener: () => void): unknown;
  off(event: "close" | "drain", listener: () => void): unknown;
  readonly destroyed?: boolean;
  /** Of HTTP/2, where the response itself does not tell. */
  readonly stream?: { readonly destroyed: boolean };
}

export interface SseSessions<S extends AnySession> {
  /**
   * Makes the response of a handler that returns one. What the handler has changed is stored before it resolves. The stream lasts until
   * the events do, the client leaves, or the session ends.
   *
   * @throws what `session.commit()` does.
   */
  response(session: S, events: EventsOf<S>): Promise<Response>;
  /**
   * Answers with a response of Node's. What the handler has changed is stored before the first byte. Resolves when the stream is over.
   *
   * @throws what `session.commit()` does, before anything is sent.
   */
  send(response: SseTarget, session: S, events: EventsOf<S>): Promise<void>;
}

const HEADERS = {
  "Content-Type": "text/event-stream",
  // What is compressed waits for more.
  "Cache-Control": "no-store, no-transform",
  "X-Accel-Buffering": "no",
} as const;
const REFUSAL_HEADERS = { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" } as const;
const REFUSAL = "Unauthorized\n";

/** A client that reads nothing any more gets no longer than this for the rest. */
const PATIENCE_MS = 5000;

/**
 * Streams of events (server-sent events) that last as long as the session does. For handlers of every adapter here: those that return a
 * `Response`, and those that have a response of Node's.
 *
 * ```ts
 * const streams = sseSessions(manager);
 * // fetch, Hono, and whatever else returns a Response
 * return await streams.response(session, async function* (live) { yield { event: "hello", data: live.user ?? "" }; });
 * // node:http, Express
 * await streams.send(response, session, async function* (live) { yield "hello"; });
 * ```
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager, or an option is unknown or of the wrong kind.
 */
export function sseSessions<S extends AnySession>(
  manager: LiveHooks<S>,
  options: SseSessionsOptions = {},
): SseSessions<S> {
  const { heartbeat = 25_000, endEvent = "session-end", onError = console.error } = checked(manager, options);
  const rules = { heartbeatMs: heartbeat === false ? null : heartbeat, endEvent };

  function refuses(session: S): boolean {
    if (options.require === "user") return session.user === null;
    return options.require === "session" && session.isNew;
  }

  return {
    async response(session, events) {
      await session.commit();
      if (refuses(session)) return new Response(REFUSAL, { status: 401, headers: REFUSAL_HEADERS });
      const body = streamOf(
        () => manager.live(session),
        (live) => pieces(live, events, rules),
        onError,
      );
      return new Response(body, { headers: HEADERS });
    },
    async send(response, session, events) {
      await session.commit();
      if (refuses(session)) {
        response.writeHead(401, REFUSAL_HEADERS);
        response.write(REFUSAL);
        response.end();
        return;
      }
      response.writeHead(200, HEADERS);
      const live = manager.live(session);
      await sent(response, live, pieces(live, events, rules), onError);
    },
  };
}

function checked<S extends AnySession>(
  manager: LiveHooks<S>,
  options: SseSessionsOptions,
): SseSessionsOptions {
  const { heartbeat, ...others } = options;
  checkAdapter(manager, others, { require: "string", endEvent: "string", onError: "function" });
  const { require, endEvent } = options;
  if (require !== undefined && require !== "session" && require !== "user")
    refuse('The option require must be "session" or "user".');
  if (endEvent !== undefined && !/^[^\r\n]+$/.test(endEvent))
    refuse("The option endEvent must be the name of an event, on one line.");
  const fits =
    heartbeat === undefined || heartbeat === false || (heartbeat >= 1 && heartbeat <= 2_147_483_647);
  if (!fits) refuse("The option heartbeat must be a number of milliseconds, or false.");
  return options;
}

function refuse(message: string): never {
  throw new SessionError("ERR_SESSION_CONFIG", message);
}

/** Holds on to the session only when somebody reads: a response may be thrown away. */
function streamOf<S extends AnySession>(
  open: () => LiveSession<S>,
  piecesOf: (live: LiveSession<S>) => AsyncGenerator<string, void, void>,
  onError: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let live: LiveSession<S> | null = null;
  let all: AsyncGenerator<string, void, void> | null = null;
  // A stream that its reader has cancelled takes neither pieces nor an end any more.
  let left = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        live ??= open();
        all ??= piecesOf(live);
        try {
          const { done, value } = await all.next();
          if (left) return;
          if (done === true) controller.close();
          else controller.enqueue(encoder.encode(value));
        } catch (error) {
          if (left) return;
          onError(error);
          controller.error(error);
        }
      },
      cancel() {
        left = true;
        live?.close();
      },
    },
    { highWaterMark: 0 },
  );
}

async function sent<S extends AnySession>(
  response: SseTarget,
  live: LiveSession<S>,
  all: AsyncGenerator<string, void, void>,
  onError: (error: unknown) => void,
): Promise<void> {
  const left = (): void => live.close();
  response.on("close", left);
  if (response.destroyed === true || response.stream?.destroyed === true) left();
  try {
    for await (const piece of all) {
      if (!response.write(piece) && !live.signal.aborted) await drained(response, live.signal);
    }
    response.end();
    if (live.end === null) return;
    const impatient = setTimeout(() => response.destroy(), PATIENCE_MS);
    impatient.unref();
    response.on("close", () => clearTimeout(impatient));
  } catch (error) {
    onError(error);
    response.destroy();
  }
}

/** Resolves when the client has read what was written, has left, or is to get no more. */
function drained(response: SseTarget, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
    signal.addEventListener("abort", done);
  });
}
