import { type Clock, systemClock } from "../core/clock.ts";
import type { Colours } from "./colours.ts";
import { json } from "./text.ts";
import type { World } from "./world.ts";

/** What every command is given besides its own arguments. */
export interface Job {
  readonly world: World;
  readonly colours: Colours;
  /** Whether to print data instead of text. */
  readonly json: boolean;
  /** How long one call of the store may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** The clock of the surroundings, for what takes one. */
export function clockOf({ now }: World): Clock {
  return { ...systemClock, now };
}

/** Prints the data, or the text that is made of it. */
export function answer(job: Job, data: unknown, text: () => string): void {
  job.world.print(job.json ? `${json(data, 2)}\n` : text());
}
