import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe } from "vitest";
import { ROOT } from "../../package/package-json.ts";

/** What became of a program. */
export interface Ran {
  readonly code: number | null;
  readonly output: string;
}

/** A program that serves, and where. */
export interface Served {
  readonly origin: string;
  readonly process: ChildProcess;
  /** What it has printed so far. */
  output(): string;
  close(): Promise<void>;
}

/**
 * Describes suites that need projects with installations of their own, by their folders in the repository. Where one is
 * not installed they are skipped, loudly; in CI they run all the same, and so fail.
 */
export function withProjects(folders: readonly string[], suites: () => void): void {
  const missing = folders.filter((folder) => !existsSync(join(ROOT, folder, "node_modules/.lock-stamp")));
  if (missing.length === 0 || process.env["CI"] === "true") return suites();
  console.error(
    `NOT RUN: ${missing.join(" and ")} is not installed; \`npm test -- test/frameworks\` installs it.`,
  );
  describe.skip(`without ${missing.join(" and ")}`, suites);
}

/** Runs a program in a folder of the repository to its end, such as a framework's own build. */
export async function runIn(
  folder: string,
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const child = start(folder, program, args, environment);
  const printed = printedBy(child);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { code, output: printed() };
}

/** Starts a program that prints where it listens, such as `http://localhost:4711`, and waits until it does. */
export async function serveIn(
  folder: string,
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Served> {
  const child = start(folder, program, args, environment);
  const printed = printedBy(child);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const origin = await new Promise<string>((resolve, reject) => {
    const look = (): void => {
      const found = /http:\/\/(?:localhost|127\.0\.0\.1):[1-9]\d*/.exec(printed());
      if (found !== null) resolve(found[0]);
    };
    child.stdout?.on("data", look);
    child.stderr?.on("data", look);
    child.once("error", reject);
    child.once("close", () => reject(new Error(`${program} ended before it listened:\n${printed()}`)));
  });
  return {
    origin,
    process: child,
    output: printed,
    async close() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function start(
  folder: string,
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): ChildProcess {
  // What the test runner sets would change how a framework builds.
  const { NODE_ENV: _env, VITEST: _vitest, NODE_OPTIONS: _options, ...own } = process.env;
  return spawn(program, args, {
    cwd: join(ROOT, folder),
    env: { ...own, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function printedBy(child: ChildProcess): () => string {
  let printed = "";
  child.stdout?.on("data", (text: Buffer) => (printed += text.toString()));
  child.stderr?.on("data", (text: Buffer) => (printed += text.toString()));
  return () => printed;
}
