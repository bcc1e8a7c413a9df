import { writeFile } from "node:fs/promises";
import { hasCode, processFiles, type Files } from "../../../src/stores/directory/files.ts";
import { Layout } from "../../../src/stores/directory/names.ts";
import { PlacedStore } from "../../../src/stores/directory/store.ts";
import { call } from "./support.ts";

/** One thing asked of the file system, and how it would be done. */
export interface Step {
  readonly number: number;
  readonly verb: keyof Files;
  readonly path: string;
  readonly text: string;
  run(): Promise<unknown>;
}

export type Intercept = (step: Step) => Promise<unknown>;

/** A store whose every step passes through `intercept`, once it is armed. */
export interface SteppedStore {
  readonly store: PlacedStore;
  /** From here on, steps are numbered from 0 and handed to `intercept`. */
  arm(intercept: Intercept): void;
}

const VERBS = [
  "list",
  "read",
  "write",
  "makeFolder",
  "rename",
  "unlink",
  "removeFolder",
  "look",
  "setMode",
  "settle",
] as const satisfies readonly (keyof Files)[];

/** Opens a store on a folder that is set up already. */
export async function steppedStore(root: string): Promise<SteppedStore> {
  let intercept: Intercept = (step) => step.run();
  let number = 0;
  const wrap =
    (verb: keyof Files) =>
    (...args: readonly unknown[]): Promise<unknown> => {
      const plain = processFiles[verb] as (...args: readonly unknown[]) => Promise<unknown>;
      const [path, text] = args.map(String);
      return intercept({
        number: number++,
        verb,
        path: path ?? "",
        text: text ?? "",
        run: () => plain(...args),
      });
    };
  const files = Object.fromEntries(VERBS.map((verb) => [verb, wrap(verb)])) as unknown as Files;
  const store = new PlacedStore({ layout: new Layout(root), files }, "process");
  await store.setup(call());
  return {
    store,
    arm(next) {
      intercept = next;
      number = 0;
    },
  };
}

/** Lets the first `count` steps pass and stops before the next, until `resume`. */
export class Pause {
  readonly #at: number;
  readonly #reached: { promise: Promise<void>; resolve: () => void } = deferred();
  readonly #resumed: { promise: Promise<void>; resolve: () => void } = deferred();

  constructor(at: number) {
    this.#at = at;
  }

  readonly intercept: Intercept = async (step) => {
    if (step.number === this.#at) {
      this.#reached.resolve();
      await this.#resumed.promise;
    }
    return step.run();
  };

  /** Resolves `true` when the writer stands at the step, `false` when it finished without reaching it. */
  async stands(work: Promise<unknown>): Promise<boolean> {
    const finished = work.then(
      () => false,
      () => false,
    );
    return Promise.race([this.#reached.promise.then(() => true), finished]);
  }

  resume(): void {
    this.#resumed.resolve();
  }
}

/** Lets the first `at` steps pass; the next never happens, nor anything after it. */
export function killAt(at: number, reached: () => void): Intercept {
  return async (step) => {
    if (step.number < at) return step.run();
    reached();
    return new Promise(() => {});
  };
}

/** As `killAt`, for a step that writes a file, which then has half of its bytes. Does nothing at other steps. */
export function killWithin(at: number, reached: () => void): Intercept {
  let dead = false;
  return async (step) => {
    if (step.number === at && step.verb === "write") {
      dead = true;
      await writeFile(step.path, step.text.slice(0, step.text.length >> 1), { mode: 0o600 }).catch(
        (error: unknown) => {
          if (!hasCode(error, "ENOENT", "EEXIST")) throw error;
        },
      );
    }
    if (!dead) return step.run();
    reached();
    return new Promise(() => {});
  };
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
