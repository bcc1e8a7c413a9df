import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Application, RunningApplication } from "../../../src/testing/index.ts";
import type { SessionManager } from "../../../src/index.ts";
import { ROOT } from "../../package/package-json.ts";
import { runIn } from "../support/projects.ts";

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

type Serve = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

interface NextServer {
  prepare(): Promise<void>;
  getRequestHandler(): Serve;
  close(): Promise<void>;
}

const APPLICATION = Symbol.for("holdfast.test.application");

/** One version of Next with the site of these tests, built by it. */
export class Site {
  readonly folder: string;
  readonly version: string;
  #next: NextServer | null = null;
  #serve: Serve | null = null;

  constructor(version: string) {
    this.version = version;
    this.folder = `test/frameworks/next/${version}/.generated`;
  }

  get path(): string {
    return join(ROOT, this.folder);
  }

  /** Builds the site and loads Next into this process, where the tests' managers are. Once a process: Next changes its globals. */
  async open(): Promise<void> {
    this.#copy();
    const { code, output } = await this.run("build");
    if (code !== 0) throw new Error(`next build failed:\n${output}`);
    process.env["NEXT_TELEMETRY_DISABLED"] = "1";
    // What the test runner says is neither of the two that Next and React know.
    Object.assign(process.env, { NODE_ENV: "production" });
    const next = createRequire(join(this.path, "next.config.mjs"))("next") as (options: object) => NextServer;
    this.#next = next({ dev: false, dir: this.path, quiet: true });
    this.#serve = this.#next.getRequestHandler();
    await this.#next.prepare();
  }

  async close(): Promise<void> {
    await this.#next?.close();
  }

  /** Runs a command of Next's on the site to its end. */
  run(command: string): ReturnType<typeof runIn> {
    return runIn(this.folder, process.execPath, [this.cli, command], { NEXT_TELEMETRY_DISABLED: "1" });
  }

  get cli(): string {
    return join(this.path, "../node_modules/next/dist/bin/next");
  }

  /** Serves an application on a free port. */
  async start(application: SiteApplication): Promise<RunningApplication & { readonly origin: string }> {
    const serve = this.#serve;
    if (serve === null) throw new Error("The site is not open.");
    const server = createServer((request, response) => void serve(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    Object.assign(globalThis, { [APPLICATION]: application });
    const { port } = server.address() as AddressInfo;
    return {
      origin: `http://127.0.0.1:${port}`,
      close: async () => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        await closed;
      },
    };
  }

  /** A file that the build made. */
  built(file: string): string {
    return readFileSync(join(this.path, ".next", file), "utf8");
  }

  #copy(): void {
    rmSync(this.path, { recursive: true, force: true });
    cpSync(join(ROOT, "test/frameworks/next/site"), this.path, { recursive: true });
    if (!this.version.startsWith("15.")) return;
    // Next 15 has another name for the file, and runs it on Node only where it says so.
    const proxy = join(this.path, "proxy.js");
    const text = readFileSync(proxy, "utf8").replace("config = {", 'config = { runtime: "nodejs",');
    writeFileSync(proxy, text);
    renameSync(proxy, join(this.path, "middleware.js"));
  }
}

export function isInstalled(version: string): boolean {
  return existsSync(join(ROOT, `test/frameworks/next/${version}/node_modules/next`));
}
