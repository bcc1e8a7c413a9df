// What is served comes from the suite: the application is built and loaded once, and each test is a site of its own, known
// by the port that it is asked on.
import type { HandleServerError, RequestEvent } from "@sveltejs/kit";
import { error, json, redirect, text } from "@sveltejs/kit";
import { sequence } from "@sveltejs/kit/hooks";
import { SessionManager } from "holdfast";
import { sveltekitSessions } from "holdfast/adapters/sveltekit";

export const tools = { error, json, redirect, text, sequence, sveltekitSessions };

type Hook = (input: {
  event: RequestEvent;
  resolve(event: RequestEvent): Promise<Response>;
}) => Promise<Response>;

interface Site {
  readonly handle: Hook;
  readonly handleError: (input: object) => unknown;
  answer(event: RequestEvent): Promise<Response>;
  load?(event: RequestEvent): Promise<object>;
  layout?(event: RequestEvent): Promise<object>;
  action(event: RequestEvent): Promise<object | void>;
  remote(event: RequestEvent, name: string): Promise<unknown>;
}

type Sites = (port: number, given: typeof tools) => Site;

const sites = (globalThis as { [key: symbol]: Sites | undefined })[Symbol.for("holdfast.sveltekit")];

/** While the application is built nobody serves anything, and a store that is called fails the build. */
function refuse(): never {
  throw new Error("The store was called at build time.");
}

const manager = new SessionManager<{ visits: number }>({
  sweepEvery: false,
  store: {
    create: refuse,
    read: refuse,
    update: refuse,
    delete: refuse,
    traits: { shared: false, durable: false, resends: false },
  } as never,
});
const sessions = sveltekitSessions(manager);
const buildSite = {
  handle: sessions.handle,
  handleError: sessions.handleError(((input) =>
    console.error("AT BUILD TIME", input)) satisfies HandleServerError),
} as unknown as Site;

export function siteOf(event: { readonly platform?: unknown }): Site {
  if (sites === undefined) return buildSite;
  const { req } = event.platform as { req: { sitePort: number } };
  return sites(req.sitePort, tools);
}
