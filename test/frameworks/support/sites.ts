import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "../../package/package-json.ts";
import { runIn } from "./projects.ts";

/** A version of a framework that an adapter is tried on, by its project's folder. */
export interface Version {
  readonly name: string;
  readonly folder: string;
}

/** What one test serves, made of what the built application has of its framework. */
export type SiteMaker<Tools, Site> = (tools: Tools) => Site;

export interface Served {
  readonly origin: string;
  close(): Promise<void>;
}

/**
 * Many sites of one built application. A framework's build makes a module that is loaded once; what it serves it asks for
 * at run time, by a function under a symbol and by the port that it is asked on.
 */
export class Sites<Tools, Site> {
  readonly #makers: Map<number, SiteMaker<Tools, Site>> = new Map();
  readonly #made: Map<number, Site> = new Map();
  readonly #handler: string;
  readonly #mark: (request: IncomingMessage, port: number) => void;

  /**
   * @param name what the application asks by: `Symbol.for(name)` of `globalThis`.
   * @param handler the built module that exports `handler`, in the project's folder.
   * @param mark puts the port on a request, where the application finds it again.
   */
  constructor(name: string, handler: string, mark: (request: IncomingMessage, port: number) => void) {
    this.#handler = handler;
    this.#mark = mark;
    const siteOf = (port: number | string, tools: Tools): Site => this.#siteOf(Number(port), tools);
    Object.assign(globalThis, { [Symbol.for(name)]: siteOf });
  }

  async serve({ folder }: Version, maker: SiteMaker<Tools, Site>): Promise<Served> {
    const file = pathToFileURL(join(ROOT, folder, this.#handler)).href;
    const { handler } = (await import(file)) as { readonly handler: RequestListener };
    let port = 0;
    const server = createServer((request, response) => {
      // The socket forgets its port when the client leaves.
      this.#mark(request, port);
      handler(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ({ port } = server.address() as AddressInfo);
    this.#makers.set(port, maker);
    return {
      origin: `http://127.0.0.1:${port}`,
      close: async () => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        await closed;
        this.#makers.delete(port);
        this.#made.delete(port);
      },
    };
  }

  #siteOf(port: number, tools: Tools): Site {
    const maker = this.#makers.get(port);
    if (maker === undefined) throw new Error(`nothing is served on port ${port}`);
    const site = this.#made.get(port) ?? maker(tools);
    this.#made.set(port, site);
    return site;
  }
}

/**
 * Builds an application with its framework's own build: what is in `app` beside the version's folder, and in it. Gives what
 * the build printed.
 */
export async function build({ folder }: Version, command: readonly string[]): Promise<string> {
  const sources = join(ROOT, folder, ".generated/src");
  rmSync(join(ROOT, folder, ".generated"), { recursive: true, force: true });
  mkdirSync(sources, { recursive: true });
  for (const app of [join(ROOT, folder, "../app"), join(ROOT, folder, "app")]) {
    if (existsSync(app)) cpSync(app, sources, { recursive: true });
  }
  const environment = { ASTRO_TELEMETRY_DISABLED: "1" };
  const { code, output } = await runIn(folder, "npx", command, environment);
  if (code !== 0) throw new Error(`${command.join(" ")} failed:\n${output}`);
  return output;
}

/** The Cookie header after a response that set a session's. */
export function cookieAfter(response: Response): string {
  const line = response.headers.getSetCookie().find((one) => one.startsWith("__Host-Http-sid="));
  return line?.split(";")[0] ?? "";
}

/** The names of the cookies that a response sets, in order. */
export function cookieNames(response: Response): string[] {
  return response.headers.getSetCookie().map((line) => line.split("=")[0] ?? "");
}
