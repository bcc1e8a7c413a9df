import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tell } from "../scale/progress.ts";
import type { Request } from "./options.ts";
import { measurePeers } from "./peers.ts";
import type { PeersResult, WorkResult } from "./result.ts";
import { shown } from "./tables.ts";

/** How much worse each figure may be. What is counted hardly moves between runs; ratios of times do. */
const ALLOWED = {
  roundTrips: 1.02,
  bytesSent: 1.05,
  bytesReceived: 1.05,
  allocated: 1.1,
  cpu: 1.25,
  coreSize: 1.02,
} as const;

/** Something that became worse. */
export interface Regression {
  readonly where: string;
  readonly what: string;
  readonly before: number;
  readonly now: number;
}

/** Measures quickly, compares with the last whole results, tells what became worse, and gives the exit code. */
export async function guard(request: Request, stop: AbortSignal): Promise<number> {
  const file = join(request.results, "peers.json");
  if (!existsSync(file))
    throw new Error(`There is nothing to compare with: ${file} is what npm run bench writes.`);
  const last = JSON.parse(readFileSync(file, "utf8")) as PeersResult;
  const regressions = regressionsOf(last, await measurePeers(request, stop));
  for (const { where, what, before, now } of regressions)
    tell(`WORSE: ${where}: ${what} was ${shown(before)} and is ${shown(now)}`);
  if (regressions.length === 0) tell(`Nothing became worse since ${last.date}.`);
  return regressions.length === 0 ? 0 : 1;
}

/**
 * What became worse of Holdfast between two results, as far as both have it. Ratios to the bare server are worse only when the best round
 * of now is beyond the worst of then; no figure here is a time.
 */
export function regressionsOf(last: PeersResult, fresh: PeersResult): Regression[] {
  const works = new Map(ownWorks(last).map((one) => [one.where, one]));
  return [
    ...ownWorks(fresh).flatMap(({ where, work }) => {
      const before = works.get(where)?.work;
      return before === undefined ? [] : worseWorks(where, before, work);
    }),
    ...lossesOf(fresh),
    ...failuresOf(fresh),
    ...worse(
      "core",
      "bytes, compressed",
      last.singles.coreSize?.compressed,
      fresh.singles.coreSize?.compressed,
      ALLOWED.coreSize,
    ),
  ];
}

function ownWorks({ groups }: PeersResult): { readonly where: string; readonly work: WorkResult }[] {
  return groups.flatMap(({ framework, store, subjects }) =>
    subjects
      .filter(({ name }) => name.startsWith("holdfast"))
      .flatMap(({ name, works }) =>
        works.map((work) => ({ where: `${name} on ${framework}, ${store}, ${work.name}`, work })),
      ),
  );
}

function worseWorks(where: string, before: WorkResult, now: WorkResult): Regression[] {
  const counted = (["roundTrips", "bytesSent", "bytesReceived", "allocated"] as const).flatMap((figure) =>
    worse(where, figure, before.counted?.[figure], now.counted?.[figure], ALLOWED[figure]),
  );
  const cpu = worse(
    where,
    "processor time as often as the bare server's",
    before.load?.cpuRatio.max,
    now.load?.cpuRatio.min,
    ALLOWED.cpu,
  );
  const failed = worse(where, "errors", before.load?.errors, now.load?.errors, 1);
  return [...counted, ...cpu, ...failed];
}

/** What could not be measured is no better than what became worse. */
function failuresOf({ groups }: PeersResult): Regression[] {
  return groups
    .filter(({ failed }) => failed !== undefined)
    .map(({ framework, store, failed }) => ({
      where: `${framework}, ${store}`,
      what: `what could not be measured (${failed})`,
      before: 0,
      now: 1,
    }));
}

function lossesOf({ groups }: PeersResult): Regression[] {
  return groups.flatMap(({ framework, store, subjects }) =>
    subjects
      .filter(({ name, loss }) => name.startsWith("holdfast") && (loss?.lost ?? 0) !== 0)
      .map(({ name, loss }) => ({
        where: `${name} on ${framework}, ${store}`,
        what: "lost updates",
        before: 0,
        now: loss?.lost ?? 0,
      })),
  );
}

/** Round trips are whole, but for a touch now and then. */
const SLACK = 0.05;

function worse(
  where: string,
  what: string,
  before: number | undefined,
  now: number | undefined,
  allowed: number,
): Regression[] {
  if (before === undefined || now === undefined || now <= before * allowed + SLACK) return [];
  return [{ where, what, before, now }];
}
