import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { ROOT } from "../package/package-json.ts";

/** How a server is started that does not run on this Node, or not from the repository's folder. */
export interface Running {
  /** The program that runs the server, and what is said to it before the file. */
  readonly runtime?: readonly string[];
  /** The folder it is started in, in the repository. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** No other process can open its store, so what is in there is not counted. */
  readonly uncounted?: boolean;
}

/** Has the shop's own client walk through it, as a server of `examples/` serves it. */
export async function walkThrough(server: string, running: Running = {}): Promise<void> {
  const { code, output } = await walked(server, running);
  expect(output).toContain("All as promised.");
  expect(output.match(/^ {2}ok {2} /gm)?.length, output).toBeGreaterThan(30);
  expect(code, output).toBe(0);
}

function walked(
  server: string,
  { runtime, cwd, env = {}, uncounted = false }: Running,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const args = [
    join(ROOT, "examples/shop/check.ts"),
    "--server",
    join(ROOT, server),
    ...(runtime === undefined ? [] : ["--runtime", runtime.join(" ")]),
    ...(cwd === undefined ? [] : ["--cwd", join(ROOT, cwd)]),
    ...(uncounted ? ["--uncounted"] : []),
    ...Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: ROOT });
    // It closes the shop when it is told to end, as it is where the test's time is over.
    onTestFinished(() => void child.kill("SIGTERM"));
    let output = "";
    child.stdout.on("data", (text: Buffer) => (output += text.toString()));
    child.stderr.on("data", (text: Buffer) => (output += text.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}
