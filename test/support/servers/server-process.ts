import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, createServer } from "node:net";

/** How a server program is started. */
export interface ServerSpec {
  /** For messages. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Whom it runs as when the tests run as root, which PostgreSQL and others refuse. */
  readonly user?: string;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Resolves to whether the server serves; asked again and again until it does. */
  ready(): Promise<boolean>;
  /** What it prints when it does not start because parts of the one that was killed are still ending. */
  readonly notYet?: RegExp;
  /** How to ask it to stop in good order; SIGTERM unless said otherwise. */
  readonly stopSignal?: NodeJS.Signals;
}

const READY_MS = 30_000;
const STOP_MS = 20_000;

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** One server process of the tests: started, killed, paused and started again, by its own process id and no other. */
export class ServerProcess {
  readonly #spec: ServerSpec;
  #child: ChildProcess | null = null;
  #exited: Promise<unknown> = Promise.resolve();
  #log = "";

  constructor(spec: ServerSpec) {
    this.#spec = spec;
  }

  /** The process id while it runs. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.#spec.name} does not run.`);
    return pid;
  }

  get runs(): boolean {
    return this.#child !== null;
  }

  /** The end of what it printed. */
  get log(): string {
    return this.#log;
  }

  /** Starts it, and resolves when it serves. Rejects with what it printed when it ends instead. */
  async #startOnce(): Promise<void> {
    if (this.#child !== null) throw new Error(`${this.#spec.name} runs already.`);
    const [program, args] = commandOf(this.#spec);
    const child = spawn(program, args, {
      cwd: this.#spec.cwd ?? "/",
      env: { PATH: process.env["PATH"], LC_ALL: "C", ...this.#spec.environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    running.add(child);
    this.#log = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text: Buffer) => (this.#log = (this.#log + text.toString()).slice(-20_000)));
    child.on("error", (error) => (this.#log += String(error)));
    this.#exited = Promise.race([once(child, "exit"), once(child, "error")]).finally(() => {
      running.delete(child);
      if (this.#child === child) this.#child = null;
    });
    await this.#becomesReady(child);
  }

  /** Asks it to stop in good order, and insists after a while. */
  async stop(): Promise<void> {
    if (this.#child === null) return;
    this.signal("SIGCONT");
    this.signal(this.#spec.stopSignal ?? "SIGTERM");
    const child = this.#child;
    const insist = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await this.#exited;
    clearTimeout(insist);
  }

  /** Ends it without a chance to write anything. */
  async kill(): Promise<void> {
    if (this.#child === null) return;
    this.signal("SIGKILL");
    await this.#exited;
  }

  /** Stops it from running, as a machine without air does: its sockets stay open and nothing answers. */
  pause(): void {
    this.signal("SIGSTOP");
    // PostgreSQL serves each connection by a process of its own.
    signalChildren(this.pid, "SIGSTOP");
  }

  resume(): void {
    signalChildren(this.pid, "SIGCONT");
    this.signal("SIGCONT");
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Starts it, and again while parts of the one that was killed before are still ending. */
  async start(): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#startOnce();
      } catch (error) {
        if (attempt === 50 || this.#spec.notYet?.test(this.#log) !== true) throw error;
        await pause(100);
      }
    }
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  async #becomesReady(child: ChildProcess): Promise<void> {
    const until = Date.now() + READY_MS;
    while (this.#child === child) {
      if (await this.#spec.ready().catch(() => false)) return;
      if (Date.now() > until) {
        await this.kill();
        throw new Error(`${this.#spec.name} was not ready in time.\n${this.#log}`);
      }
      await pause(20);
    }
    throw new Error(`${this.#spec.name} ended at its start.\n${this.#log}`);
  }
}

/** Where the system can, the server dies with the process that started it, however that ends. */
function commandOf({ program, args, user }: ServerSpec): [string, readonly string[]] {
  const changes = user !== undefined && process.getuid?.() === 0;
  if (!existsSync("/usr/bin/setpriv")) {
    if (changes)
      throw new Error(`${program} does not run as root, and there is no setpriv to start it as ${user}.`);
    return [program, args];
  }
  const identity = changes ? [`--reuid=${user}`, `--regid=${groupOf(user)}`, "--clear-groups"] : [];
  return ["/usr/bin/setpriv", [...identity, "--pdeathsig", "KILL", program, ...args]];
}

function groupOf(user: string): string {
  return spawnSync("id", ["-g", user], { encoding: "utf8" }).stdout.trim();
}

function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" });
  return (stdout ?? "")
    .split("\n")
    .map(Number)
    .filter((child) => child > 0);
}

/** A child that ended since it was listed, as a connection's process does when its client leaves, wants no signal. */
function signalChildren(pid: number, signal: NodeJS.Signals): void {
  for (const child of childrenOf(pid)) {
    try {
      process.kill(child, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Polls until the condition holds. Rejects, naming it, when it does not within the bound. */
export async function until(
  what: string,
  condition: () => Promise<boolean> | boolean,
  boundMs = 30_000,
): Promise<void> {
  const end = Date.now() + boundMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`It did not come to this: ${what}.`);
    await pause(25);
  }
}

/** Connects, sends what is given, and gives the first bytes that come back. Rejects when none come for a while. */
export async function firstAnswer(port: number, sent: Buffer): Promise<Buffer> {
  const socket = connect(port, "127.0.0.1");
  const signal = AbortSignal.timeout(2000);
  try {
    await once(socket, "connect", { signal });
    if (sent.length > 0) socket.write(sent);
    const [answer] = (await once(socket, "data", { signal })) as [Buffer];
    return answer;
  } finally {
    socket.destroy();
  }
}

/**
 * Below the range from which systems take ports for outgoing connections, so that a server finds its port free when
 * it starts again. A cluster's bus lies 10 000 above its port, and below that range too.
 */
const LOWEST_PORT = 11_000;
const PORTS = 10_000;

/** A port that nobody listens on, nor on the one that a cluster node would use beside it. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = LOWEST_PORT + Math.floor(Math.random() * PORTS);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
  throw new Error("No free port was found.");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

/** Starts a server on a free port, and once more on another when somebody took that port in between. */
export async function startOnFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (attempt === 3 || !/address already in use/i.test(String(error))) throw error;
    }
  }
}
