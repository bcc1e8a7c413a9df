import { cp, rm } from "node:fs/promises";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { reactRouterSessions, reactRouterSessionStorage } from "../../../src/adapters/react-router.ts";
import { ROOT } from "../../package/package-json.ts";
import type { AnySessionStorage } from "../../adapters/support/session-storage-rules.ts";
import { runIn } from "../support/projects.ts";

export const VERSIONS = ["7.9.0", "8.4.0"] as const;

export type Version = (typeof VERSIONS)[number];

export function folderOf(version: Version): string {
  return `test/frameworks/react-router/${version}`;
}

/** What a test puts into the context of a request; `app/shared.ts` takes it from there. */
export interface App {
  readonly middleware: readonly unknown[];
  readonly handlers: Readonly<Record<string, (args: never) => unknown>>;
  failed(error: unknown, args: { readonly context: object }): void;
}

/** The framework's own context, as far as tests use it. */
export interface Provider {
  get<T>(key: { defaultValue?: T }): T;
  set(key: object, value: unknown): void;
}

interface Build {
  readonly entry: { readonly module: { readonly tools: Tools } };
}

interface ExpressApplication {
  (request: IncomingMessage, response: ServerResponse): void;
  disable(name: string): void;
  all(path: RegExp, handler: unknown): void;
}

interface CookieOptions {
  readonly name: string;
  readonly secrets: readonly string[];
  readonly sameSite: "lax";
}

interface Serving {
  readonly build: Build;
  getLoadContext(): Provider;
  readonly mode: "production";
}

/** What the built application hands to the tests: the very modules that it is built with, the package as it was built among them. */
interface Tools {
  createRequestHandler(
    build: Build,
    mode: "production",
  ): (request: Request, context?: Provider) => Promise<Response>;
  createRequestListener(options: Serving): RequestListener;
  createCookieSessionStorage(options: { readonly cookie: CookieOptions }): AnySessionStorage;
  createMemorySessionStorage(options: { readonly cookie: CookieOptions }): AnySessionStorage;
  createSession(): object;
  express(): ExpressApplication;
  expressHandler(options: Serving): unknown;
  isSession(value: unknown): boolean;
  readonly reactRouterSessions: typeof reactRouterSessions;
  readonly reactRouterSessionStorage: typeof reactRouterSessionStorage;
  readonly RouterContextProvider: new () => Provider;
}

/** A built application of one version of the framework. */
export interface Built {
  readonly version: Version;
  readonly tools: Tools;
  /** A context with an application in it. */
  context(app: App): Provider;
  /** Answers without a socket. */
  answer(app: App, request: Request, context?: Provider): Promise<Response>;
  /** Serves by the framework's own listeners for Node. */
  listener(app: App, server: "node" | "express"): RequestListener;
}

/** Builds the application of `app/` by the framework's own build, and loads it. */
export async function build(version: Version): Promise<Built> {
  const folder = folderOf(version);
  const generated = join(ROOT, folder, ".generated");
  await rm(generated, { recursive: true, force: true });
  await cp(join(ROOT, "test/frameworks/react-router/app"), join(generated, "app"), { recursive: true });
  const { code, output } = await runIn(folder, "node_modules/.bin/react-router", ["build"]);
  if (code !== 0) throw new Error(`The build of ${folder} failed:\n${output}`);
  // By Node itself: the test runner resolves packages its own way, and would load the framework twice.
  const load = createRequire(import.meta.url);
  return loaded(version, load(join(generated, "build/server/index.js")) as Build);
}

function loaded(version: Version, build: Build): Built {
  const places = globalThis as unknown as Record<symbol, object>;
  const key = places[Symbol.for("holdfast.test.react-router")];
  if (key === undefined) throw new Error("The built application has not shared its key.");
  const { tools } = build.entry.module;
  const handle = tools.createRequestHandler(build, "production");
  const context = (app: App): Provider => {
    const made = new tools.RouterContextProvider();
    made.set(key, app);
    return made;
  };
  return {
    version,
    tools,
    context,
    answer: (app, request, given = context(app)) => handle(request, given),
    listener(app, server) {
      const options: Serving = { build, getLoadContext: () => context(app), mode: "production" };
      if (server === "node") return tools.createRequestListener(options);
      const served = tools.express();
      served.disable("x-powered-by");
      served.all(/.*/, tools.expressHandler(options));
      return served;
    },
  };
}
