import { createHash } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { Ending, EXIT } from "./exit.ts";

/** How far a migration is, so that another run goes on from there. Holds no password. */
export interface MigrationState {
  readonly from: string;
  readonly to: string;
  readonly mode: string;
  /** Where to go on in the old store. */
  readonly after: string;
  /** Records met so far, by all runs. */
  readonly done: number;
}

export type Route = Pick<MigrationState, "from" | "to" | "mode">;

/** The file in which a migration notes how far it is. Each way from one store to another has one of its own. */
export class StateFile {
  readonly path: string;
  readonly #route: Route;

  constructor(folder: string, given: string | undefined, route: Route) {
    const { from, to, mode } = route;
    const digest = createHash("sha256")
      .update(JSON.stringify([from, to, mode]))
      .digest("hex")
      .slice(0, 12);
    this.path = resolve(folder, given ?? `holdfast-migration-${digest}.json`);
    this.#route = route;
  }

  /** What an earlier run noted; `null` where none did. @throws {@link Ending} for a file of another migration, or of something else. */
  read(): MigrationState | null {
    const text = this.#text();
    if (text === null) return null;
    const state = parsed(text);
    const { from, to, mode } = this.#route;
    if (state?.from === from && state.to === to && state.mode === mode) return state;
    throw new Ending(
      EXIT.refused,
      `${this.path} is not of this migration. Name another file with --state, or begin anew with --fresh.`,
    );
  }

  /** Whole or not at all, whenever the program is ended. */
  write(after: string, done: number): void {
    const state: MigrationState = { ...this.#route, after, done };
    const draft = `${this.path}.new`;
    writeFileSync(draft, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
    renameSync(draft, this.path);
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }

  #text(): string | null {
    try {
      return readFileSync(this.path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw new Ending(EXIT.refused, `${this.path} cannot be read: ${(error as Error).message}`);
    }
  }
}

function parsed(text: string): MigrationState | null {
  try {
    const value = JSON.parse(text) as Partial<MigrationState> | null;
    return typeof value?.after === "string" && typeof value.done === "number"
      ? (value as MigrationState)
      : null;
  } catch {
    return null;
  }
}
