import type { AstroContext, astroSessions } from "../../../src/adapters/astro.ts";
import { type Served, type SiteMaker, Sites, type Version } from "../support/sites.ts";

export type { Version } from "../support/sites.ts";

const FOLDER = "test/frameworks/astro";

export const OLDEST: Version = { name: "astro 5.0", folder: `${FOLDER}/5.0.0` };
export const NEWEST: Version = { name: "astro 7.3", folder: `${FOLDER}/7.3.5` };

/** What is used of Astro's context beside what the adapter uses. */
export interface Context extends AstroContext {
  readonly locals: Record<string, unknown>;
  readonly cookies: { set(name: string, value: string, options?: { readonly path: string }): void };
  redirect(path: string, status?: number): Response;
  rewrite(path: string): Promise<Response>;
  /** What a page has besides. */
  readonly response: { status: number; readonly headers: Headers };
}

export type Middleware = (
  context: Context,
  next: (rewriteTo?: string) => Promise<Response>,
) => Promise<Response>;

/** What the built application gives of Astro, of its own version, and of the package as it was built. */
export interface Tools {
  readonly astroSessions: typeof astroSessions;
  sequence(...middleware: readonly Middleware[]): Middleware;
}

/** What is served on one port. */
export interface Site {
  readonly onRequest: Middleware;
  /**
   * What a place of the application does: `page`, `component` in it, `rewritten`, `island`, `action`, `404`, `500`, and the
   * `endpoint` of all other paths.
   */
  run(place: string, context: Context): unknown;
}

const sites = new Sites<Tools, Site>(
  "holdfast.astro",
  ".generated/build/server/entry.mjs",
  (request, port) => (request.headers["x-site"] = String(port)),
);

/** Serves a site on the application that was built. */
export function serve(version: Version, maker: SiteMaker<Tools, Site>): Promise<Served> {
  return sites.serve(version, maker);
}
