import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Request } from "./options.ts";

/** What a run has measured so far, in a file, so that `--resume` goes on with one that was stopped. */
export class Unfinished<T> {
  readonly #file: string;
  readonly #done: T[];

  /** @param name of the part, which is that of its file. */
  constructor(name: string, { folder, resume }: Pick<Request, "folder" | "resume">) {
    this.#file = join(folder, `${name}.partial.json`);
    this.#done =
      resume && existsSync(this.#file) ? (JSON.parse(readFileSync(this.#file, "utf8")) as T[]) : [];
  }

  get done(): readonly T[] {
    return this.#done;
  }

  add(...more: readonly T[]): void {
    this.#done.push(...more);
    writeFileSync(this.#file, JSON.stringify(this.#done));
  }

  /** Everything is measured, and kept elsewhere. */
  end(): void {
    rmSync(this.#file, { force: true });
  }
}
