import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Asked, CpuProfile, Launch, Slice, SliceResult, Told } from "./words.ts";

const PEERS = fileURLToPath(new URL("../peers/", import.meta.url));

/** A server that is measured, in a process of its own. */
export class Subject {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** @param flags for Node. Rejects with what it printed when it does not start. */
  static async start(launch: Launch, flags: readonly string[] = []): Promise<Subject> {
    const child = forked("subject.ts", [JSON.stringify(launch)], flags);
    const ready = await answerOf<Told>(child);
    if (ready.kind !== "ready") throw new Error(`${launch.sessions} did not say its port.`);
    return new Subject(child, ready.port);
  }

  /** Microseconds of processor time that it used so far, its own alone. */
  async usage(): Promise<number> {
    const told = await this.#ask({ kind: "usage" });
    return told.kind === "usage" ? told.microseconds : Number.NaN;
  }

  /** Counts what it allocates from now on. */
  async startAllocations(): Promise<void> {
    await this.#ask({ kind: "start allocations" });
  }

  /** Bytes that it allocated on its JavaScript heap since. */
  async stopAllocations(): Promise<number> {
    const told = await this.#ask({ kind: "stop allocations" });
    return told.kind === "allocated" ? told.bytes : Number.NaN;
  }

  /** Looks from now on what it does. */
  async startProfile(): Promise<void> {
    await this.#ask({ kind: "start profile" });
  }

  async stopProfile(): Promise<CpuProfile> {
    const told = await this.#ask({ kind: "stop profile" });
    if (told.kind === "profile") return told.profile;
    throw new Error("A server of the bench did not tell its profile.");
  }

  /** Stores so many sessions more, past HTTP. */
  async fill(sessions: number): Promise<void> {
    await this.#ask({ kind: "fill", sessions });
  }

  async stop(): Promise<void> {
    await ended(this.#child);
  }

  async #ask(asked: Asked): Promise<Told> {
    if (this.#child.connected) this.#child.send(asked);
    return await answerOf<Told>(this.#child);
  }
}

/** The process that makes load. */
export class LoadTool {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(): Promise<LoadTool> {
    const child = forked("load.ts", [], []);
    await answerOf(child);
    return new LoadTool(child);
  }

  async run(slice: Slice): Promise<SliceResult> {
    if (this.#child.connected) this.#child.send(slice);
    return await answerOf<SliceResult>(this.#child);
  }

  async stop(): Promise<void> {
    await ended(this.#child);
  }
}

/** Runs a program of the peers' project to its end, and gives the one thing that it tells. */
export async function told<T>(
  program: string,
  args: readonly string[],
  flags: readonly string[] = [],
): Promise<T> {
  const child = forked(program, args, flags);
  try {
    return await answerOf<T>(child);
  } finally {
    await ended(child);
  }
}

const PRINTED = new WeakMap<ChildProcess, string[]>();

function forked(program: string, args: readonly string[], flags: readonly string[]): ChildProcess {
  const child = fork(`${PEERS}${program}`, args, {
    cwd: PEERS,
    execArgv: [...flags],
    env: { ...process.env, NODE_ENV: "production" },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const printed: string[] = [];
  PRINTED.set(child, printed);
  // What many requests say alike is said once; nobody has to read all of it.
  child.stderr?.on("data", (text: Buffer) => void (printed.length < 20 && printed.push(text.toString())));
  return child;
}

async function answerOf<T>(child: ChildProcess): Promise<T> {
  if (child.exitCode !== null || child.signalCode !== null) throw endedBefore(child);
  const stop = new AbortController();
  const { signal } = stop;
  const exited = once(child, "exit", { signal }).then(() => {
    throw endedBefore(child);
  });
  try {
    const [answer] = (await Promise.race([once(child, "message", { signal }), exited])) as [T];
    return answer;
  } finally {
    stop.abort();
    exited.catch(() => undefined);
  }
}

function endedBefore(child: ChildProcess): Error {
  const how = child.exitCode ?? child.signalCode;
  return new Error(
    `A process of the bench ended with ${how} by itself.\n${PRINTED.get(child)?.join("") ?? ""}`,
  );
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
