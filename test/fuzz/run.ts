/**
 * Coverage-guided fuzzing, for a given time: `node test/fuzz/run.ts [--seconds 60] [--target cookie] [--seed 1]`. Inputs that reach a block of
 * the library that no other reached make the corpus, smallest first; one that makes a target throw ends the run, and joins it too, so that the
 * everyday suite fails until the defect is mended.
 */
import { parseArgs } from "node:util";
import { type Random, seededRandom } from "../../src/testing/random.ts";
import { corpusOf, keepCorpus } from "./corpus.ts";
import { Coverage } from "./coverage.ts";
import { mutated } from "./mutate.ts";
import { TARGETS } from "./targets.ts";
import type { Target } from "./targets/target.ts";

/** Reading what was reached takes far longer than most targets: many inputs share a reading, and part only where it shows something new. */
const BATCH = 256;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    target: { type: "string", multiple: true },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const chosen = values.target ?? Object.keys(TARGETS);
const coverage = new Coverage();
let findings = 0;
for (const name of chosen) {
  const target = TARGETS[name];
  if (target === undefined)
    throw new RangeError(`No target ${name}. There are ${Object.keys(TARGETS).join(", ")}.`);
  findings += await fuzzed(name, target, (Number(values.seconds) * 1000) / chosen.length);
}
coverage.stop();
process.exitCode = findings === 0 ? 0 : 1;

/** Fuzzes one target until its time is over, or something is found. Returns how much was. */
async function fuzzed(name: string, target: Target, forMs: number): Promise<number> {
  const random = seededRandom(Number(values.seed));
  const end = performance.now() + forMs;
  const known = new Set<string>();
  const inputs: string[] = [];
  const before = corpusOf(name);
  let runs = 0;
  for (let batch = before; runs === 0 || performance.now() < end; batch = mutants(inputs, random)) {
    const finding = await firstFinding(target, batch);
    if (finding !== null) {
      keepCorpus(name, [...before, ...inputs, finding.input]);
      console.error(
        `${name}: a finding with seed ${values.seed}: ${JSON.stringify(finding.input)}\n`,
        finding.error,
      );
      return 1;
    }
    runs += batch.length;
    if (!hasNews(coverage.take(), known)) continue;
    for (const input of batch.toSorted((a, b) => a.length - b.length)) {
      await target(input);
      const reached = coverage.take();
      if (hasNews(reached, known)) inputs.push(input);
      for (const block of reached) known.add(block);
    }
  }
  const news = inputs.filter((input) => !before.includes(input));
  keepCorpus(name, [...before, ...news]);
  console.log(
    `${name}: ${runs} runs, ${known.size} blocks reached, ${news.length} inputs more than ${before.length}`,
  );
  return 0;
}

function mutants(inputs: readonly string[], random: Random): string[] {
  return Array.from({ length: BATCH }, () => mutated(inputs, random));
}

async function firstFinding(
  target: Target,
  batch: readonly string[],
): Promise<{ input: string; error: unknown } | null> {
  for (const input of batch) {
    try {
      await target(input);
    } catch (error) {
      return { input, error };
    }
  }
  return null;
}

function hasNews(reached: ReadonlySet<string>, known: ReadonlySet<string>): boolean {
  return [...reached].some((block) => !known.has(block));
}
