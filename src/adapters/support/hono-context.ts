import type { Context } from "hono";
import type { FetchExchange } from "./fetch-exchange.ts";

/** Under it a context keeps the exchanges whose headers are on its response: those of every adapter in the application. */
const DRESSED = Symbol("holdfast.dressed");

interface Dressed {
  [DRESSED]?: FetchExchange[];
}

/**
 * What `c.header()` and `c.res.headers` got before this middleware, such as those of CORS. A response is made of them,
 * for asking for `c.res` would leave one there. A copy: the responses of `@hono/node-server` share the list that they are
 * made with, which here is the one that the context goes on changing.
 */
export function headersSoFar(c: Context): Headers {
  return new Headers(c.newResponse(null).headers);
}

/**
 * Sees to it that the request has a response. The answer of `app.notFound` is made in here, where it may use the session:
 * Hono 4.0 makes it later when no other middleware and no handler has the path.
 *
 * @throws when a handler gave none, which Hono would find out only after the commit.
 */
export async function complete(c: Context): Promise<void> {
  if (c.finalized) return;
  // Newer versions have it in `hono/route` as well, 4.0 has it here alone.
  if (c.req.matchedRoutes.length > 1) {
    throw new TypeError(
      "Nobody has answered this request: a handler below the session middleware returned no Response, and did not await next().",
    );
  }
  c.res = await c.notFound();
}

/** Puts the session's headers on the response. */
export function dress(c: Context, exchange: FetchExchange): void {
  if (exchange.addsNothing) return;
  if (!exchange.dresses(c.res)) replace(c, exchange.dressed(c.res));
  ((c as Dressed)[DRESSED] ??= []).push(exchange);
}

/**
 * Takes the response back before an error is thrown: Hono would put its headers onto whatever `app.onError` answers.
 * What was there before the session's middleware stays, and so do the cookies of sessions that were stored.
 */
export function undress(c: Context, exchange: FetchExchange, before: Headers): void {
  if (c.finalized) forget(c, before);
  let bare = new Response(null, { headers: before });
  for (const each of [...((c as Dressed)[DRESSED] ?? []), exchange]) bare = each.redressed(bare);
  replace(c, bare);
}

/** Older versions keep the names that an answer was made with, and put them on the next one too. */
function forget(c: Context, before: Headers): void {
  const names = [...c.res.headers.keys()];
  replace(c, new Response(null));
  for (const name of names) if (!before.has(name)) c.header(name, undefined);
}

/** Assigning a response over another merges the headers of both, in place: cookies get lost, and some lists are immutable. */
function replace(c: Context, response: Response): void {
  c.res = undefined;
  c.res = response;
}
