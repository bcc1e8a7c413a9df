import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Effort, OF_THEIR_OWN, QUICK, WHOLE } from "./effort.ts";
import { type EngineName, ENGINES } from "./engines/engine.ts";

const RESULTS: string = fileURLToPath(new URL("../results", import.meta.url));

/** What the command line asks for. */
export interface Request {
  readonly engines: readonly EngineName[];
  readonly effort: (engine: EngineName) => Effort;
  /** Where results are written. */
  readonly folder: string;
  /** The command as it can be given again. */
  readonly command: (engine: EngineName) => string;
}

/** Reads the command line. Throws, saying what may be given, for what it does not know. */
export function requestOf(args: readonly string[]): Request {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { quick: { type: "boolean" }, sizes: { type: "string" }, out: { type: "string" } },
  });
  const { quick = false, sizes, out } = values;
  const given = sizes === undefined ? {} : { sizes: sizesOf(sizes) };
  const options = [...(quick ? ["--quick"] : []), ...(sizes === undefined ? [] : [`--sizes ${sizes}`])];
  return {
    engines: positionals.map(engineOf),
    effort: (engine) => (quick ? { ...QUICK, ...given } : { ...WHOLE, ...OF_THEIR_OWN[engine], ...given }),
    // A quick run is for looking at, and does not take the place of a whole one.
    folder: out ?? (quick ? join(RESULTS, "quick") : RESULTS),
    command: (engine) => ["npm run bench:scale --", engine, ...options].join(" "),
  };
}

function engineOf(name: string): EngineName {
  const found = ENGINES.find((engine) => engine === name);
  if (found !== undefined) return found;
  throw new Error(`${name} is no engine that can be measured. There are ${ENGINES.join(", ")}.`);
}

function sizesOf(text: string): number[] {
  const sizes = text.split(",").map(Number);
  const grow = sizes.every((size, place) => size % 10 === 0 && size > (sizes[place - 1] ?? 0));
  if (grow) return sizes;
  throw new Error("--sizes wants growing multiples of ten, such as 10000,100000.");
}
