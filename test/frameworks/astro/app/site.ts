// What is served comes from the suite: the application is built and loaded once, and each test is a site of its own, known
// by a header that the server puts on each request.
import type { APIContext, MiddlewareHandler } from "astro";
import { sequence } from "astro:middleware";
import { SessionManager } from "holdfast";
import { astroSessions } from "holdfast/adapters/astro";

export const tools = { sequence, astroSessions };

interface Site {
  readonly onRequest: MiddlewareHandler;
  /** What a page, a component, an action or the endpoint of all other paths does, by its name. */
  run(name: string, context: Pick<APIContext, "request" | "locals">): any;
}

type Sites = (site: string, given: typeof tools) => Site;

const sites = (globalThis as { [key: symbol]: Sites | undefined })[Symbol.for("holdfast.astro")];

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
const buildSite: Site = {
  onRequest: astroSessions(manager).onRequest,
  run: () => ({}),
};

export function siteOf(context: { readonly request: Request; readonly isPrerendered?: boolean }): Site {
  if (sites === undefined || context.isPrerendered) return buildSite;
  return sites(context.request.headers.get("x-site") ?? "", tools);
}

export const run = (name: string, context: Parameters<Site["run"]>[1]): any =>
  siteOf(context).run(name, context);
