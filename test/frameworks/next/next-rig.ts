import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Application, RunningApplication } from "../../../src/testing/index.ts";
import type { SessionManager } from "../../../src/index.ts";
import { ROOT } from "../../package/package-json.ts";
import { runIn, type Served, serveIn } from "../support/projects.ts";

/** What the site serves now: the contract's routes, and what its own pages need. */
export interface SiteApplication extends Partial<Omit<Application, "manager">> {
  readonly manager: SessionManager;
  /** Options of the adapter. */
  readonly options?: object;
  /** What the streamed page waits for. */
  readonly late?: () => Promise<void>;
  /** What an action or the proxy waits for when its form says `wait`. */
  readonly wait?: () => Promise<void>;
}

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

interface NextServer {
  prepare(): Promise<void>;
  getRequestHandler(): Serve;
  close(): Promise<void>;
}

const HOST = "127.0.0.1";
const QUIET = { NEXT_TELEMETRY_DISABLED: "1" };
const APPLICATION = Symbol.for("holdfast.test.application");

/** One version of Next with the site of these tests, built by it. */
export class Site {
  readonly folder: string;
  readonly version: string;
  /** Where Next asks itself. Applications have servers of their own, so that no connection outlives them. */
  readonly #own: Server = createServer();
  #next: NextServer | null = null;
  #serve: Serve | null = null;

  constructor(version: string) {
    this.version = version;
    this.folder = `test/frameworks/next/${version}/.generated`;
  }

  get path(): string {
    return join(ROOT, this.folder);
  }

  get cli(): string {
    return join(this.path, "../node_modules/next/dist/bin/next");
  }

  /** Builds the site and loads Next into this process, where the tests' managers are. Once a process: Next changes its globals. */
  async open(): Promise<void> {
    this.#copy();
    const { code, output } = await runIn(this.folder, process.execPath, [this.cli, "build"], QUIET);
    if (code !== 0) throw new Error(`next build failed:\n${output}`);
    // What the test runner says is neither of the two that Next and React know.
    Object.assign(process.env, QUIET, { NODE_ENV: "production", FOLDER: join(this.path, ".sessions") });
    const port = await listening(this.#own);
    const next = createRequire(join(this.path, "next.config.mjs"))("next") as (options: object) => NextServer;
    // Next asks itself for the page that an action redirects to, and so has to know where it is.
    this.#next = next({ dev: false, dir: this.path, quiet: true, hostname: HOST, port });
    this.#serve = this.#next.getRequestHandler();
    await this.#next.prepare();
    this.#own.on("request", this.#serve);
  }

  async close(): Promise<void> {
    await closed(this.#own);
    await this.#next?.close();
  }

  /** Serves an application from now on. */
  async start(application: SiteApplication): Promise<RunningApplication & { readonly origin: string }> {
    if (this.#serve === null) throw new Error("The site is not open.");
    Object.assign(globalThis, { [APPLICATION]: application });
    const server = createServer(this.#serve);
    const port = await listening(server);
    return { origin: `http://${HOST}:${port}`, close: () => closed(server) };
  }

  /** Serves the site by itself in another process, as `next start` or `next dev` do. What it keeps is in the folder. */
  async serve(command: "start" | "dev", folder: string): Promise<Served> {
    const args = [this.cli, command, "--port", "0", "--hostname", HOST];
    return await serveIn(this.folder, process.execPath, args, { ...QUIET, FOLDER: folder });
  }

  /** A file that the build made. */
  built(file: string): string {
    return readFileSync(join(this.path, ".next", file), "utf8");
  }

  /** Changes a file of the site in place, as its author would. */
  edit(file: string, change: (text: string) => string): void {
    const path = join(this.path, file);
    writeFileSync(path, change(readFileSync(path, "utf8")));
  }

  #copy(): void {
    rmSync(this.path, { recursive: true, force: true });
    cpSync(join(ROOT, "test/frameworks/next/site"), this.path, { recursive: true });
    if (!this.version.startsWith("15.")) return;
    // And there the package is bundled.
    this.edit("next.config.mjs", (text) => text.replace(/^ *serverExternalPackages.*$/m, ""));
    // Next 15 has another name for the file, and runs it on Node only where it says so.
    this.edit("proxy.js", (text) => text.replace("config = {", 'config = { runtime: "nodejs",'));
    renameSync(join(this.path, "proxy.js"), join(this.path, "middleware.js"));
  }
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  return (server.address() as AddressInfo).port;
}

async function closed(server: Server): Promise<void> {
  const end = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await end;
}
