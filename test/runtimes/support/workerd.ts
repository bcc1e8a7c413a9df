import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Told } from "../programs/support/told.ts";
import { bundle } from "./bundle.ts";
import { WORKERD } from "./runtimes.ts";
import type { Trial } from "./trial.ts";

const PROGRAM = "test/runtimes/programs/worker.ts";
const INSTEAD = {
  "node:child_process": "test/runtimes/programs/worker/child-process.ts",
  "@hono/node-server": "test/runtimes/programs/worker/no-node-server.ts",
};

/** The newest date that this release of the runtime knows: what a new worker is made with. */
const COMPATIBILITY_DATE = WORKERD.name.replace(/^.*\.(\d{4})(\d{2})(\d{2})\..*$/, "$1-$2-$3");

/** How many isolates stand in for processes. */
const ISOLATES = 4;

/** A workerd that serves the worker of the tests, its objects in a folder. */
export class Workerd {
  readonly origin: string;
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #output: () => string;

  private constructor(
    child: ChildProcess,
    ended: Promise<void>,
    folder: string,
    port: number,
    output: () => string,
  ) {
    this.#child = child;
    this.#ended = ended;
    this.folder = folder;
    this.origin = `http://127.0.0.1:${port}`;
    this.#output = output;
  }

  /** Starts on a free port; on the objects of an earlier one where its folder is given, with another worker where that is. */
  static async start(variant: string, folder?: string, program: string = PROGRAM): Promise<Workerd> {
    if (WORKERD.program === null)
      throw new Error(`${WORKERD.name} is missing. It comes from ${WORKERD.source}.`);
    const data = folder ?? (await mkdtemp(join(tmpdir(), "holdfast-workerd-")));
    const file = await bundle(program, { variant: `workerd-${variant}`, whole: true, instead: INSTEAD });
    const settings = file.replace(/\.mjs$/, ".capnp");
    await mkdir(join(data, "objects"), { recursive: true });
    await writeFile(settings, settingsOf(basename(file), join(data, "objects")));
    const child = spawn(WORKERD.program, ["serve", "--control-fd=3", basename(settings)], {
      cwd: dirname(settings),
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (text: Buffer) => (output += text.toString()));
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const failed = ended.then(() => {
      throw new Error(`workerd ended before it listened: ${output}`);
    });
    const port = await Promise.race([portOf(child.stdio[3] as Readable), failed]);
    failed.catch(() => undefined);
    return new Workerd(child, ended, data, port, () => output);
  }

  /** What it has printed so far. */
  get output(): string {
    return this.#output();
  }

  async ask(path: string, parameters: Readonly<Record<string, string>>, body?: unknown): Promise<unknown> {
    const url = `${this.origin}/~${path}?${new URLSearchParams(parameters).toString()}`;
    const response = await fetch(url, {
      method: body === undefined ? "GET" : "POST",
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${text} ${this.output}`);
    return text.startsWith("{") || text.startsWith("[") ? (JSON.parse(text) as unknown) : text;
  }

  /** Ends the process as a power cut would, and leaves its folder. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function portOf(control: Readable): Promise<number> {
  for await (const line of createInterface({ input: control })) {
    const { event, port } = JSON.parse(line) as { readonly event: string; readonly port: number };
    if (event === "listen") return port;
  }
  throw new Error("workerd told of no port");
}

function settingsOf(module: string, objects: string): string {
  const names = Array.from({ length: ISOLATES }, (_, index) => `isolate${index}`);
  const services = names.map((name) => `(name = "${name}", worker = .isolate)`);
  const bindings = names.map((name) => `(name = "${name.toUpperCase()}", service = "${name}")`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "loopback", network = (allow = ["local"])),
    (name = "objects", disk = (path = ${JSON.stringify(objects)}, writable = true)),
    ${services.join(",\n    ")},
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "${module}")],
  compatibilityDate = "${COMPATIBILITY_DATE}",
  globalOutbound = "loopback",
  durableObjectNamespaces = [(className = "TriedObject", uniqueKey = "tried", enableSql = true)],
  durableObjectStorage = (localDisk = "objects"),
  bindings = [
    (name = "SESSIONS", durableObjectNamespace = "TriedObject"),
    ${bindings.join(",\n    ")},
  ],
);
const isolate :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "${module}")],
  compatibilityDate = "${COMPATIBILITY_DATE}",
  bindings = [
    (name = "SESSIONS", durableObjectNamespace = (className = "TriedObject", serviceName = "main")),
  ],
);
`;
}

/** Tries a contract in workerd, a rule a request. `store` is what the adapter's sessions are in, unless in memory. */
export async function startInWorkerd(
  contract: "adapter" | "store",
  subject: string,
  store = "",
): Promise<Trial> {
  const variant = `${contract}-${subject}-${store}`.replace(/[^\w.-]+/g, "-");
  const workerd = await Workerd.start(variant);
  return {
    outcome: async (rule) => (await workerd.ask("try", { contract, subject, store, rule })) as Told,
    close: () => workerd.stop(),
  };
}
