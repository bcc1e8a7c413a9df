import { createInterface } from "node:readline/promises";

/** All that the program has of its surroundings. */
export interface World {
  /** Of the package. */
  readonly version: string;
  /** Writes what was asked for. */
  print(text: string): void;
  /** Writes what is said besides: errors, hints, progress, questions. */
  complain(text: string): void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The working directory. */
  readonly folder: string;
  /** Whether what is printed is read on a terminal, and may be coloured. */
  readonly coloured: boolean;
  /** Whether somebody can be asked, and sees what is complained. */
  readonly interactive: boolean;
  /** Where a bar of progress can be drawn; `null` where nobody sees it. */
  readonly progress: NodeJS.WritableStream | null;
  now(): number;
  /** Asks who sits at the terminal, and gives the answer. */
  ask(question: string): Promise<string>;
  /** Aborts when the program is told to stop, such as by Ctrl-C. */
  readonly stopped: AbortSignal;
}

/** What is asked of a process. */
export type Surroundings = Pick<
  NodeJS.Process,
  "stdin" | "stdout" | "stderr" | "env" | "cwd" | "once" | "exit"
>;

/** The surroundings of a process. From here on its interrupts are orders to stop; the second one ends it at once. */
export function worldOf(process: Surroundings, version: string): World {
  const { stdin, stdout, stderr, env } = process;
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  // Who reads has seen enough, as `head` does.
  for (const stream of [stdout, stderr]) stream.on("error", () => process.exit());
  return {
    version,
    print: (text) => void stdout.write(text),
    complain: (text) => void stderr.write(text),
    environment: env,
    folder: process.cwd(),
    // https://no-color.org: any value but an empty one.
    coloured: isTerminal(stdout) && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb",
    interactive: isTerminal(stdin) && isTerminal(stderr),
    progress: isTerminal(stderr) ? stderr : null,
    now: () => Date.now(),
    async ask(question) {
      const lines = createInterface({ input: stdin, output: stderr });
      // While it reads, a terminal's Ctrl-C is a key like others, and Ctrl-D is no answer.
      lines.on("SIGINT", () => stop.abort());
      const silent = (): string => "";
      const closed = new Promise<string>((resolve) => lines.once("close", () => resolve(silent())));
      try {
        return await Promise.race([lines.question(question, { signal: stop.signal }).catch(silent), closed]);
      } finally {
        lines.close();
      }
    },
    stopped: stop.signal,
  };
}

/** What is no terminal lacks the property, whatever its type says. */
function isTerminal(stream: { readonly isTTY?: boolean }): boolean {
  return stream.isTTY === true;
}
