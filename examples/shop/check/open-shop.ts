import { type ChildProcess, spawn } from "node:child_process";
import type { Place } from "./visitor.ts";

/** Which shop to open, and how. */
export interface Shop {
  /** The file that starts it, which takes `--store` or the variable `STORE`, and `PORT`. */
  readonly server: string;
  /** The URL of the store of its sessions. */
  readonly store: string;
  /** What runs that file, and what is said to it before the file: this Node unless given. */
  readonly runtime?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A shop in a process of its own, at a free port. */
export class OpenShop implements Place {
  readonly #shop: Shop;
  #process: ChildProcess;
  #origin: string;

  private constructor(shop: Shop, process: ChildProcess, origin: string) {
    this.#shop = shop;
    this.#process = process;
    this.#origin = origin;
  }

  /** Resolves when it is open. Rejects when it ends before, or cannot be started. */
  static async open(shop: Shop): Promise<OpenShop> {
    const child = start(shop);
    return new OpenShop(shop, child, await originOf(child));
  }

  get origin(): string {
    return this.#origin;
  }

  /** Kills it as a power cut does, and opens it again upon the same store. */
  async killAndOpenAgain(): Promise<void> {
    await this.#end("SIGKILL");
    this.#process = start(this.#shop);
    this.#origin = await originOf(this.#process);
  }

  /** Closes it as its owner does. */
  async close(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }
}

function start({ server, store, runtime = [process.execPath], cwd, env }: Shop): ChildProcess {
  const [program = process.execPath, ...args] = runtime;
  // What a test runner sets for itself would change how a framework runs.
  const { NODE_ENV: _env, VITEST: _vitest, NODE_OPTIONS: _options, ...own } = process.env;
  return spawn(program, [...args, server, "--store", store], {
    env: { ...own, ...env, PORT: "0", STORE: store },
    ...(cwd !== undefined && { cwd }),
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function originOf(child: ChildProcess): Promise<string> {
  return await new Promise((resolve, reject) => {
    let printed = "";
    child.stdout?.on("data", (text: Buffer) => {
      printed += text.toString();
      const found = /http:\/\/localhost:[1-9]\d*(?=\D)/.exec(printed);
      if (found !== null) resolve(found[0]);
    });
    child.once("error", reject);
    child.once("exit", (code) =>
      reject(new Error(`The shop did not open, and ended with exit code ${code}. It said:\n${printed}`)),
    );
  });
}
