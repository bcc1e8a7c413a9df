// Programs that the stores' own tests start beside themselves.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** Starts a program; it is killed when the test is over. Its standard input is a pipe. */
export function startProgram(program: URL, ...args: string[]): ChildProcess {
  const child = fork(fileURLToPath(program), args, {
    execArgv: [],
    stdio: ["pipe", "inherit", "inherit", "ipc"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

export async function message(child: ChildProcess): Promise<unknown> {
  const [first] = (await once(child, "message")) as [unknown];
  return first;
}

/** Lets the event loop go round. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Tells at any time whether a promise is still pending. */
export function watch(promise: Promise<unknown>): { settled: boolean } {
  const state = { settled: false };
  const settle = (): void => void (state.settled = true);
  promise.then(settle, settle);
  return state;
}
