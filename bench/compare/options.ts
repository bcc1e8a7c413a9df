import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const RESULTS: string = fileURLToPath(new URL("../results", import.meta.url));

/**
 * What is to be done: the comparison, the curves, the ways by which it is fast, where the time of a request goes, a look whether something
 * became worse, or the pages made anew of what is there.
 */
export type Part = "peers" | "growth" | "ways" | "profile" | "guard" | "report";

/** What the command line asks for. */
export interface Request {
  readonly part: Part;
  readonly quick: boolean;
  /** Whether the result is printed as JSON too. */
  readonly json: boolean;
  /** Whether to go on with a run that was stopped, after what it had measured whole. */
  readonly resume: boolean;
  /** Whether only what is counted is looked at, which needs no quiet machine. */
  readonly counted: boolean;
  /** What is measured of all, by the names of framework, store, subject and work. */
  readonly only: RegExp;
  readonly rounds: number;
  /** Of one slice. */
  readonly seconds: number;
  readonly connections: number;
  /** How often 64 requests of one session overlap. */
  readonly waves: number;
  /** How many requests are counted for allocations and bytes. */
  readonly countedRequests: number;
  /** How many sessions lie in memory when their size is taken. */
  readonly resident: number;
  /** How often a start is timed. */
  readonly starts: number;
  /** Where results are written. */
  readonly folder: string;
  /** Where the whole results are, which a guard compares with. */
  readonly results: string;
  /** The command as it can be given again. */
  readonly command: string;
}

/** Express stands for all of them, where a minute has to do. */
const QUICK = "^express (memory|redis)|core size|start-up|memory per session";

/** What is counted is the same under every framework. */
const GUARDED = "^express|core size";

/** Nor does it need peers to be held against. */
const COUNTED = "^express \\w+ holdfast|core size";

const PARTS: readonly Part[] = ["peers", "growth", "ways", "profile", "guard", "report"];

/** Reads the command line. Throws, saying what may be given, for what it does not know. */
export function requestOf(args: readonly string[]): Request {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: "boolean" },
      json: { type: "boolean" },
      resume: { type: "boolean" },
      counted: { type: "boolean" },
      only: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      connections: { type: "string" },
      out: { type: "string" },
    },
  });
  const part = partOf(positionals);
  const { only, rounds, seconds, connections, out, json = false, resume = false, counted = false } = values;
  if (counted && part !== "guard") throw new Error("--counted goes with guard.");
  const quick = values.quick === true || part === "guard";
  const usual = usualEffort(part, quick);
  return {
    part,
    quick,
    json,
    resume,
    counted,
    only: new RegExp(only ?? (counted ? COUNTED : usualPart(part, quick)), "i"),
    rounds: positive("--rounds", rounds) ?? usual.rounds,
    seconds: positive("--seconds", seconds) ?? usual.seconds,
    connections: positive("--connections", connections) ?? 64,
    waves: quick ? 5 : 20,
    countedRequests: quick && !counted ? 150 : 400,
    resident: quick ? 20_000 : 1_000_000,
    starts: quick ? 3 : 7,
    // A quick run is for looking at, and a part of one too: neither takes the place of a whole one.
    folder: out ?? (quick || only !== undefined ? join(RESULTS, "quick") : RESULTS),
    results: RESULTS,
    command: ["npm run bench --", ...args].join(" ").replace(/ --$/, ""),
  };
}

/** A whole comparison takes a quarter of an hour, all curves ten minutes. */
function usualEffort(part: Part, quick: boolean): Pick<Request, "rounds" | "seconds"> {
  if (part === "ways") return quick ? { rounds: 2, seconds: 0.1 } : { rounds: 7, seconds: 0.3 };
  if (part === "profile") return quick ? { rounds: 1, seconds: 0.5 } : { rounds: 1, seconds: 4 };
  if (part === "growth") return quick ? { rounds: 1, seconds: 0.2 } : { rounds: 3, seconds: 0.5 };
  return quick ? { rounds: 2, seconds: 0.25 } : { rounds: 5, seconds: 0.7 };
}

function usualPart(part: Part, quick: boolean): string {
  if (part === "guard") return GUARDED;
  return quick && part === "peers" ? QUICK : "";
}

function partOf(positionals: readonly string[]): Part {
  const [name = "peers", ...more] = positionals;
  const found = PARTS.find((part) => part === name);
  if (found !== undefined && more.length === 0) return found;
  throw new Error(`${positionals.join(" ")} is no part of the bench. There are ${PARTS.join(", ")}.`);
}

function positive(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new Error(`${option} wants a number above 0, not ${text}.`);
}
