import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adapterRules, storeRules } from "../../../src/testing/index.ts";
import { LINE_MARK, type Told } from "../programs/support/told.ts";
import { bundle } from "./bundle.ts";
import type { Runtime } from "./runtimes.ts";

/** Where the rules of one subject are tried, and told of. */
export interface Trial {
  /** Resolves what became of a rule. Rejects when that will never be told. */
  outcome(rule: string): Promise<Told>;
  close(): Promise<void>;
}

/** A contract tried on one subject. */
export interface TrialOptions {
  readonly contract: "adapter" | "store";
  readonly name: string;
  /**
   * Rules that the runtime itself breaks, by group and name, with the reason. Each has to be broken, so that the list is right, and
   * stands on the page about runtimes.
   */
  readonly broken?: Readonly<Record<string, string>>;
  start(): Promise<Trial>;
}

/** A rule that never ends must not keep the others from telling. */
const PATIENCE_MS = 25_000;

/** Registers every rule of the contract as a test of its own, by the contract's own list: one of which nothing is heard fails. */
export function describeTrial({ contract, name, broken = {}, start }: TrialOptions): void {
  describe(`${contract} contract: ${name}`, () => {
    let trial: Trial | undefined;
    beforeAll(async () => {
      trial = await start();
    }, 60_000);
    afterAll(() => trial?.close());

    const rules = (contract === "adapter" ? adapterRules : storeRules).map(
      (rule) => `${rule.group}: ${rule.name}`,
    );
    for (const rule of rules) {
      const reason = broken[rule];
      test(reason === undefined ? rule : `${rule} [broken by the runtime: ${reason}]`, async (context) => {
        const { kind, detail } = await patiently(trial as Trial, rule);
        if (kind === "not applicable") context.skip(detail);
        expect(kind, detail).toBe(reason === undefined ? "kept" : "broken");
      });
    }
    test("the rules said to be broken are rules of the contract", () => {
      expect(Object.keys(broken).filter((rule) => !rules.includes(rule))).toEqual([]);
    });
  });
}

async function patiently(trial: Trial, rule: string): Promise<Told> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("nothing was heard of this rule")), PATIENCE_MS);
  });
  try {
    return await Promise.race([trial.outcome(rule), late]);
  } catch (error) {
    await trial.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** A program of `tryAdapters` or `tryStores`, and who runs it. */
export interface ProgramOptions {
  /** The program's source, relative to the repository. */
  readonly program: string;
  /** Which of its subjects. */
  readonly subject: string;
  /** The folder whose packages it has, relative to the repository; `test/runtimes` unless said otherwise. */
  readonly project?: string;
  /** Further environment, asked for when the program starts. */
  readonly environment?: () => Readonly<Record<string, string>>;
}

/** Makes the program into a file of plain JavaScript and has the runtime run it. */
export async function startProgram(runtime: Runtime, options: ProgramOptions): Promise<Trial> {
  const { program, subject, project, environment } = options;
  if (runtime.program === null)
    throw new Error(`${runtime.name} is missing. It comes from ${runtime.source}.`);
  const variant = `${runtime.name}-${subject}`.replace(/[^\w.-]+/g, "-");
  const file = await bundle(program, { variant, ...(project !== undefined && { project }) });
  // What the test runner sets is not what users have.
  const { NODE_OPTIONS: _options, VITEST: _vitest, NODE_ENV: _env, ...own } = process.env;
  const child = spawn(runtime.program, [...runtime.args(file), subject], {
    cwd: dirname(file),
    env: { ...own, DENO_NO_UPDATE_CHECK: "1", DO_NOT_TRACK: "1", ...environment?.() },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new ProgramTrial(child);
}

class ProgramTrial implements Trial {
  readonly #child: ChildProcess;
  readonly #told = new Map<string, Told>();
  readonly #ended: Promise<void>;
  #over = false;
  #errors = "";
  #wake: () => void = () => undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.on("data", (text: Buffer) => (this.#errors += text.toString()));
    if (child.stdout !== null)
      createInterface({ input: child.stdout }).on("line", (line) => this.#take(line));
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        this.#over = true;
        this.#wake();
        resolve();
      };
      child.once("error", (error) => {
        this.#errors += String(error);
        end();
      });
      child.once("close", end);
    });
  }

  async outcome(rule: string): Promise<Told> {
    for (;;) {
      const told = this.#told.get(rule);
      if (told !== undefined) return told;
      if (this.#over) throw new Error(`the program ended before it told of this rule. ${this.#errors}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async close(): Promise<void> {
    if (!this.#over) this.#child.kill("SIGKILL");
    await this.#ended;
  }

  #take(line: string): void {
    if (!line.startsWith(LINE_MARK)) return void (this.#errors += `${line}\n`);
    const told = JSON.parse(line.slice(LINE_MARK.length)) as Told;
    this.#told.set(told.rule, told);
    this.#wake();
  }
}
