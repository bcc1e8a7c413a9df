import { type Profiler, Session } from "node:inspector";

/** Counts how often the blocks of the library's code are entered, by the engine itself. */
export class Coverage {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** The blocks that were entered since the last call. */
  take(): ReadonlySet<string> {
    return new Set(this.#counts().keys());
  }

  /** How much work was done since the last call: how often blocks were entered. The same in every run, however slow the machine. */
  work(): number {
    return [...this.#counts().values()].reduce((sum, count) => sum + count, 0);
  }

  #counts(): ReadonlyMap<string, number> {
    const reached = new Map<string, number>();
    // Answers come before the call returns.
    this.#session.post("Profiler.takePreciseCoverage", (error, { result }) => {
      if (error !== null) throw error;
      for (const script of result) if (isOurs(script.url)) note(script, reached);
    });
    return reached;
  }

  stop(): void {
    this.#session.post("Profiler.stopPreciseCoverage");
    this.#session.disconnect();
  }
}

function isOurs(url: string): boolean {
  return url.includes("/src/") && !url.includes("/node_modules/") && !url.includes("/src/testing/");
}

function note({ url, functions }: Profiler.ScriptCoverage, reached: Map<string, number>): void {
  for (const { ranges } of functions)
    for (const { startOffset, endOffset, count } of ranges)
      if (count > 0) reached.set(`${url.slice(url.indexOf("/src/"))} ${startOffset}-${endOffset}`, count);
}
