import type { LoadTool, Subject } from "./children.ts";
import type { LoadFigures } from "./result.ts";
import { orderOf, rounded, spreadOf } from "./statistics.ts";
import type { WorkEntry } from "./table.ts";
import type { Slice, SliceResult } from "./words.ts";

/** A subject that is ready for a piece of work. */
export interface Runner {
  readonly name: string;
  readonly subject: Subject;
  /** What its connections send, in turn. */
  readonly cookies: readonly string[];
}

export interface Effort {
  readonly rounds: number;
  /** Of one slice. */
  readonly seconds: number;
  readonly connections: number;
  readonly stop: AbortSignal;
}

/** One slice of load on one subject, and what it cost there. */
export interface Measured extends SliceResult {
  readonly perSecond: number;
  /** Microseconds of its processor a request. */
  readonly cpu: number;
}

const WARM_UP_SECONDS = 0.4;

/** Who answers each connection fewer times than this in a slice gets a longer one: the beginning would be most of it. */
const FEW = 5;
const LONGER = 3;

/**
 * Measures subjects in turn, a short slice each, round after round, while the others wait idle; the first round is thrown away, for the
 * compilers to have done their work. Gives the slices of each, by round.
 */
export async function alternate(
  tool: LoadTool,
  runners: readonly Runner[],
  work: Pick<WorkEntry, "method" | "path">,
  { rounds, seconds, connections, stop }: Effort,
): Promise<Map<string, Measured[]>> {
  const slices = new Map<string, Measured[]>(runners.map(({ name }) => [name, []]));
  const run = async ({ subject, cookies }: Runner, lasting: number): Promise<Measured> => {
    stop.throwIfAborted();
    const { method, path } = work;
    return await measured(tool, subject, {
      url: `${subject.url}${path}`,
      method,
      cookies,
      connections,
      seconds: lasting,
    });
  };
  const lasting = new Map<string, number>();
  for (const runner of runners) {
    const { perSecond } = await run(runner, Math.min(seconds, WARM_UP_SECONDS));
    lasting.set(runner.name, perSecond * seconds < FEW * connections ? seconds * LONGER : seconds);
  }
  for (let round = 0; round < rounds; round += 1)
    for (const runner of orderOf(runners, round))
      slices.get(runner.name)?.push(await run(runner, lasting.get(runner.name) ?? seconds));
  return slices;
}

async function measured(tool: LoadTool, subject: Subject, slice: Slice): Promise<Measured> {
  const before = await subject.usage();
  const result = await tool.run(slice);
  const used = (await subject.usage()) - before;
  const { requests, answered, seconds } = result;
  return { ...result, perSecond: requests / seconds, cpu: used / Math.max(1, answered) };
}

/** @param bare the slices of the bare server, of the same rounds. */
export function figuresOf(slices: readonly Measured[], bare: readonly Measured[]): LoadFigures {
  const ratios = (figure: (slice: Measured) => number): number[] =>
    slices.flatMap((slice, round) => {
      const other = bare[round];
      // A slice in which nothing was answered is no measure.
      return other === undefined || other.requests === 0 ? [] : [figure(slice) / figure(other)];
    });
  const spread = (figure: (slice: Measured) => number) => spreadOf(slices.map(figure));
  return {
    perSecond: spread((slice) => slice.perSecond),
    throughputRatio: spreadOf(ratios((slice) => slice.perSecond)),
    p50: spread((slice) => slice.p50),
    p50Ratio: spreadOf(ratios((slice) => slice.p50)),
    p99: spread((slice) => slice.p99),
    p99Ratio: spreadOf(ratios((slice) => slice.p99)),
    cpu: spread((slice) => slice.cpu),
    cpuRatio: spreadOf(ratios((slice) => slice.cpu)),
    errors: slices.reduce((sum, { errors }) => sum + errors, 0),
    toolBusy: rounded(Math.max(...slices.map(({ toolBusy }) => toolBusy))),
  };
}
