import type { FetchExchange } from "../support/fetch-exchange.ts";
import { plainResponse, reasonOf } from "../support/thrown.ts";
import type { SvelteKitEvent } from "./event.ts";

/** What SvelteKit's `redirect` throws. */
interface Redirect {
  readonly status: number;
  readonly location: string;
}

/** The answer to a session that cannot be loaded or saved. What the application did wrong is thrown: SvelteKit reports it. */
export function failureAnswer(error: unknown, event: SvelteKitEvent): Response {
  const plain = plainResponse(error);
  const { status } = plain;
  const body = errorBody(event, status, reasonOf(status));
  return body === null ? plain : Response.json(body, { status, headers: { "cache-control": "no-store" } });
}

/** The answer to what a hook threw, for the case that SvelteKit's own cannot be used. */
export function thrownAnswer(thrown: unknown, event: SvelteKitEvent): Response {
  const { status, message } = shownOf(thrown);
  const body = errorBody(event, status, message);
  return body === null ? new Response(`${message}\n`, { status }) : Response.json(body, { status });
}

/** The answer that SvelteKit makes of a redirect that a hook throws; `null` for anything else. */
export function redirectAnswer(thrown: unknown, event: SvelteKitEvent): Response | null {
  if (!isRedirect(thrown)) return null;
  const { status, location } = thrown;
  if (isAction(event)) return Response.json({ type: "redirect", status, location });
  return isForClient(event)
    ? clientRedirect(location)
    : new Response(null, { status, headers: { location } });
}

/** A response with the session's headers, in the form in which SvelteKit lets them pass. */
export function settled(event: SvelteKitEvent, exchange: FetchExchange, response: Response): Response {
  const location = response.headers.get("location");
  // SvelteKit makes a response of its own out of this one, without its headers.
  if (event.isDataRequest && location !== null && response.status >= 300 && response.status <= 308) {
    return exchange.redressed(clientRedirect(location));
  }
  // A response with a cookie is stored nowhere; and a 304 in its place has, in older versions, all its cookies in one line.
  if (exchange.bearsCookie) response.headers.delete("etag");
  return response;
}

/** What SvelteKit's client takes for a redirect when it has asked for data or called a remote function. */
function clientRedirect(location: string): Response {
  return Response.json({ type: "redirect", location });
}

function isRedirect(thrown: unknown): thrown is Redirect {
  if (typeof thrown !== "object" || thrown === null) return false;
  const { status, location } = thrown as Partial<Record<keyof Redirect, unknown>>;
  return typeof location === "string" && typeof status === "number" && status >= 300 && status <= 308;
}

/** What SvelteKit's client takes for an error; `null` for a client that is none. */
function errorBody(event: SvelteKitEvent, status: number, message: string): object | null {
  const error = { status, message };
  if (isAction(event) || event.isRemoteRequest === true) return { type: "error", error };
  // As SvelteKit does for its own: who says nothing gets a page, who takes anything gets data.
  const accept = event.request.headers.get("accept") ?? "text/html";
  return event.isDataRequest || !/\btext\/html\b/i.test(accept) ? error : null;
}

function isForClient(event: SvelteKitEvent): boolean {
  return event.isDataRequest || event.isRemoteRequest === true;
}

/** `use:enhance` submits a form. */
function isAction({ request }: SvelteKitEvent): boolean {
  return request.headers.get("x-sveltekit-action") === "true";
}

function shownOf(thrown: unknown): { readonly status: number; readonly message: string } {
  const { status, body, text } = (thrown ?? {}) as {
    readonly status?: unknown;
    readonly body?: { readonly message?: unknown };
    readonly text?: unknown;
  };
  const message = body?.message ?? text;
  // What has no message for clients is an error that is not for them.
  if (typeof status !== "number" || typeof message !== "string") {
    return { status: 500, message: "Internal Error" };
  }
  return { status, message };
}
