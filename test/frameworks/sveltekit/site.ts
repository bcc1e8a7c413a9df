import type { SvelteKitEvent, sveltekitSessions } from "../../../src/adapters/sveltekit.ts";
import { type Served, type SiteMaker, Sites, type Version } from "../support/sites.ts";

export type { Version } from "../support/sites.ts";

const FOLDER = "test/frameworks/sveltekit";

export const OLDEST: Version = { name: "sveltekit 2.0", folder: `${FOLDER}/2.0.0` };
export const NEWEST: Version = { name: "sveltekit 3.2", folder: `${FOLDER}/3.2.0` };

/** What is used of an event of SvelteKit's beside what the adapter uses. */
export interface Event extends SvelteKitEvent {
  readonly locals: Record<string, unknown>;
  readonly cookies: {
    get(name: string): string | undefined;
    set(name: string, value: string, options: { readonly path: string }): void;
  };
  readonly fetch: typeof fetch;
  setHeaders(headers: Record<string, string>): void;
}

export interface HookInput {
  readonly event: Event;
  resolve(event: Event): Promise<Response>;
}

export type Hook = (input: HookInput) => Promise<Response>;

export interface ErrorInput {
  readonly error: unknown;
  readonly event: Event;
}

/** What the built application gives of SvelteKit, of its own version, and of the package as it was built. */
export interface Tools {
  readonly sveltekitSessions: typeof sveltekitSessions;
  sequence(...hooks: readonly Hook[]): Hook;
  error(status: number, message: string): never;
  redirect(status: number, location: string): never;
  json(value: unknown): Response;
  text(value: string): Response;
}

/** What is served on one port. What it lacks of the application's routes is not asked for. */
export interface Site {
  readonly handle: Hook;
  readonly handleError: (input: ErrorInput) => unknown;
  /** The endpoint of every path that is none of those below. */
  answer?(event: Event): unknown;
  /** The data of `/page`. */
  load?(event: Event): unknown;
  /** The data of the layout around every page. */
  layout?(event: Event): unknown;
  /** The form action of `/page`. */
  action?(event: Event): unknown;
  /** The remote functions. */
  remote?(event: Event, name: string): unknown;
}

const sites = new Sites<Tools, Site>("holdfast.sveltekit", ".generated/build/handler.js", (request, port) =>
  Object.assign(request, { sitePort: port }),
);

/** Serves a site on the application that was built. */
export function serve(version: Version, maker: SiteMaker<Tools, Site>): Promise<Served> {
  return sites.serve(version, maker);
}
