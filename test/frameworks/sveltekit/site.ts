import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { SvelteKitEvent, sveltekitSessions } from "../../../src/adapters/sveltekit.ts";
import { ROOT } from "../../package/package-json.ts";
import { runIn } from "../support/projects.ts";

/** A version of SvelteKit that the adapter is tried on, by its project's folder. */
export interface Version {
  readonly name: string;
  readonly folder: string;
}

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

export type SiteMaker = (tools: Tools) => Site;

export interface Served {
  readonly origin: string;
  close(): Promise<void>;
}

const makers: Map<number, SiteMaker> = new Map();
const made: Map<number, Site> = new Map();

Object.assign(globalThis, {
  [Symbol.for("holdfast.sveltekit")]: (port: number, tools: Tools): Site => {
    const maker = makers.get(port);
    if (maker === undefined) throw new Error(`nothing is served on port ${port}`);
    const site = made.get(port) ?? maker(tools);
    made.set(port, site);
    return site;
  },
});

/** Builds the application of the suite with SvelteKit's own build. */
export async function build({ folder }: Version): Promise<string> {
  const sources = join(ROOT, folder, ".generated/src");
  rmSync(join(ROOT, folder, ".generated"), { recursive: true, force: true });
  mkdirSync(sources, { recursive: true });
  cpSync(join(ROOT, FOLDER, "app"), sources, { recursive: true });
  const additions = join(ROOT, folder, "app");
  if (existsSync(additions)) cpSync(additions, sources, { recursive: true });
  const { code, output } = await runIn(folder, "npx", ["vite", "build"]);
  if (code !== 0) throw new Error(`vite build failed:\n${output}`);
  return output;
}

/** Serves a site on the application that was built. */
export async function serve({ folder }: Version, maker: SiteMaker): Promise<Served> {
  const file = join(ROOT, folder, ".generated/build/handler.js");
  const { handler } = (await import(pathToFileURL(file).href)) as { readonly handler: RequestListener };
  const server = createServer((request, response) => {
    // The socket forgets its port when the client leaves.
    Object.assign(request, { sitePort: (server.address() as AddressInfo).port });
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  makers.set(port, maker);
  return {
    origin: `http://127.0.0.1:${port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      makers.delete(port);
      made.delete(port);
    },
  };
}
