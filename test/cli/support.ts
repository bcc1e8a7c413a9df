import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { main } from "../../src/cli/main.ts";
import type { World } from "../../src/cli/world.ts";
import { type SessionId, SessionManager, type SessionManagerOptions } from "../../src/index.ts";
import { openStore } from "../../src/open-store.ts";
import { testExchange } from "../support/exchange.ts";

const PROGRAM = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

export interface Ran {
  readonly code: number;
  readonly printed: string;
  readonly complained: string;
}

/** Runs the program within the test, in a world of its own. */
export async function run(args: readonly string[], world: Partial<World> = {}): Promise<Ran> {
  const said = { printed: "", complained: "" };
  const code = await main(args, {
    version: "1.2.3",
    print: (text) => void (said.printed += text),
    complain: (text) => void (said.complained += text),
    environment: {},
    folder: process.cwd(),
    coloured: false,
    interactive: false,
    progress: null,
    now: () => Date.now(),
    ask: async () => "",
    stopped: new AbortController().signal,
    ...world,
  });
  return { code, ...said };
}

/** What a test needs of a process that runs the program. */
export interface Running {
  /** Resolves once what it has printed so far matches. */
  until(pattern: RegExp): Promise<void>;
  interrupt(): void;
  readonly ended: Promise<Ran & { readonly signal: NodeJS.Signals | null }>;
}

export interface ProcessOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
  readonly node?: string;
  readonly program?: string;
}

/** Starts the program as a process, without a terminal. */
export function start(args: readonly string[], options: ProcessOptions = {}): Running {
  const { environment = {}, folder, node = process.execPath, program = PROGRAM } = options;
  const { NODE_OPTIONS: _options, ...inherited } = process.env;
  const child = spawn(node, [program, ...args], {
    cwd: folder,
    env: { ...inherited, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = new PassThrough();
  let printed = "";
  let complained = "";
  child.stdout.on("data", (text: Buffer) => output.emit("said", (printed += text.toString())));
  child.stderr.on("data", (text: Buffer) => output.emit("said", (complained += text.toString())));
  const ended = new Promise<Ran & { signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code: code ?? -1, signal, printed, complained }));
  });
  return {
    ended,
    interrupt: () => void child.kill("SIGINT"),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => void (pattern.test(printed + complained) && resolve());
        output.on("said", look);
        child.on("close", () =>
          reject(new Error(`It ended without ${String(pattern)}: ${printed}${complained}`)),
        );
        look();
      }),
  };
}

export async function ran(args: readonly string[], options: ProcessOptions = {}): Promise<Ran> {
  return await start(args, options).ended;
}

/** A folder for the test alone, gone after it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Person {
  readonly user?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Begins sessions in the store at a URL, as requests do, and gives their ids. */
export async function begin(
  url: string,
  people: readonly Person[],
  options: Pick<SessionManagerOptions<never, never>, "seal"> = {},
): Promise<SessionId[]> {
  const manager = new SessionManager({ ...options, store: await openStore(url) } as never) as SessionManager;
  const ids: SessionId[] = [];
  for (const { user, fields = { cart: ["rope"] } } of people) {
    const exchange = testExchange({
      requestHeaders: { "user-agent": "Mozilla/5.0 Firefox/140.0" },
      remoteAddress: "192.0.2.7",
    });
    const session = await manager.startRequest(exchange);
    for (const [name, value] of Object.entries(fields)) session.set(name as never, value as never);
    if (user !== undefined) session.login(user, { methods: ["pwd"] });
    await manager.finishSuccessfulRequest(exchange);
    if (session.id === null) throw new Error("The session was not stored.");
    ids.push(session.id);
  }
  await manager.close();
  return ids;
}
