import { judgeBudget } from "./budget.ts";
import type {
  CountedFigures,
  GroupResult,
  LoadFigures,
  PeersResult,
  SingleFigures,
  SubjectResult,
  WorkResult,
} from "./result.ts";
import type { Spread } from "./statistics.ts";
import { bytes, grouped, shown, table } from "./tables.ts";
import { WORKS } from "./table.ts";

/** Makes the readable report of a result: all its figures, a table a kind and group. */
export function reportOnPeers(result: PeersResult): string {
  return [
    "# Holdfast beside its peers",
    "Made by the bench of this repository; the numbers behind it are in `peers.json`. A ratio is to the bare server of the same framework, in the same round: the median of all rounds, and in brackets the lowest and the highest. The first table of a group says the throughput of the bare server beside it.",
    conditions(result),
    "## The budget",
    budgetTable(result),
    ...result.groups.flatMap(groupSection),
    "## Lost updates",
    "Waves of 64 overlapping requests of one session, each adding one to a counter. What was acknowledged and is not in the counter afterwards is lost.",
    lossTable(result),
    ...singlesSection(result.singles),
    "",
  ].join("\n\n");
}

/** What was measured where, with what. */
export function conditions({ machine, settings, ...result }: PeersResult): string {
  const { loadBefore, loadAfter = 0 } = machine;
  const lines = [
    `- \`${result.command}\`, ${result.date}, ${result.minutes} minutes: ${result.rounds} rounds of ${result.seconds} s a slice, ${result.connections} connections, in turn`,
    `- ${machine.cores} cores of ${machine.processor}, ${machine.memoryGiB} GiB, ${machine.disk}, ${machine.system}, Node ${machine.node}; load of the machine before ${loadBefore}, at the end ${loadAfter}`,
    `- load: ${result.tool}`,
    ...Object.entries(settings).map(([store, text]) => `- ${store}: ${text}`),
    `- versions: ${Object.entries(result.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}`,
  ];
  return lines.join("\n");
}

export function budgetTable(result: PeersResult): string {
  const rows = judgeBudget(result).map(({ row, wanted, measured, holds }) => [
    row,
    wanted,
    measured,
    holds ? "kept" : "**missed**",
  ]);
  return table(["row", "budget", "measured", ""], rows);
}

function groupSection(group: GroupResult): string[] {
  if (group.failed !== undefined)
    return [`## ${group.framework}, sessions in ${group.store}`, `Could not be measured: ${group.failed}`];
  return [
    `## ${group.framework}, sessions in ${group.store}`,
    "Throughput, as a share of the bare server's:",
    perWork(group, ({ throughputRatio, perSecond }, name) =>
      name === "bare" ? `${grouped(perSecond.median)}/s` : spread(throughputRatio),
    ),
    "Latency at the median / of the slowest in a hundred, as often as the bare server's:",
    perWork(group, ({ p50, p99, p50Ratio, p99Ratio }, name) =>
      name === "bare"
        ? `${shown(p50.median)} / ${shown(p99.median)} ms`
        : `${shown(p50Ratio.median)} / ${shown(p99Ratio.median)}`,
    ),
    "Processor time of the server a request, in microseconds, and as often as the bare server's; the engine's is not in it:",
    perWork(group, ({ cpu, cpuRatio }) => `${shown(cpu.median)}, ${spread(cpuRatio)}`),
    "What one request allocates; then round trips to the engine, bytes sent to it and received from it, counted on the wire:",
    perWork(group, (_load, _name, counted) => (counted === undefined ? "–" : countedCell(counted))),
  ];
}

type Cell = (load: LoadFigures, subject: string, counted: CountedFigures | undefined) => string;

function perWork({ subjects }: GroupResult, cell: Cell): string {
  const works = WORKS.filter(({ name }) => subjects.some((subject) => workOf(subject, name) !== undefined));
  const rows = subjects.map((subject) => [
    subject.name,
    ...works.map(({ name }) => {
      const work = workOf(subject, name);
      if (work?.cannot !== undefined) return "cannot";
      if (work?.load === undefined) return "";
      const failed = work.load.errors > 0 ? `, ${work.load.errors} errors` : "";
      return cell(work.load, subject.name, work.counted) + failed;
    }),
  ]);
  return table(["", ...works.map(({ name }) => name)], rows);
}

/** What a subject did of a piece of work, if anything was measured. */
export function workOf({ works }: SubjectResult, name: string): WorkResult | undefined {
  return works.find((work) => work.name === name);
}

function spread({ median, min, max }: Spread): string {
  return `${shown(median)} (${shown(min)}–${shown(max)})`;
}

function countedCell({ allocated, roundTrips, bytesSent, bytesReceived }: CountedFigures): string {
  const heap = bytes(allocated);
  if (roundTrips === undefined || bytesSent === undefined || bytesReceived === undefined) return heap;
  return `${heap}; ${shown(roundTrips)}, ${bytes(bytesSent)}, ${bytes(bytesReceived)}`;
}

export function lossTable({ groups }: PeersResult): string {
  const rows = groups.flatMap(({ framework, store, subjects }) =>
    subjects.flatMap(({ name, loss }) =>
      loss === undefined
        ? []
        : [
            [
              `${framework}, ${store}`,
              name,
              grouped(loss.acknowledged),
              grouped(loss.refused),
              grouped(loss.lost),
            ],
          ],
    ),
  );
  return table(["", "sessions", "acknowledged", "refused", "lost"], rows);
}

export function singlesSection({ resident, startUp, imports, coreSize }: SingleFigures): string[] {
  return [
    ...(resident === undefined ? [] : ["## Memory of a session", residentTable(resident)]),
    ...(startUp === undefined
      ? []
      : [
          "## Start-up",
          "From the start of the process to its first answer, sessions in memory:",
          timeTable(startUp),
        ]),
    ...(imports === undefined
      ? []
      : ["What an import takes in a process that has loaded nothing else:", timeTable(imports)]),
    ...(coreSize === undefined
      ? []
      : [
          "## Size of the core",
          `Bundled and minified ${grouped(coreSize.minified)} bytes, compressed ${grouped(coreSize.compressed)}. It needs no other package.`,
        ]),
  ];
}

function residentTable({ sessions, bytes: each }: SingleFigures["resident"] & {}): string {
  const rows = Object.entries(each).map(([name, count]) => [name, grouped(count)]);
  return table(["memory store", `bytes a session, of ${grouped(sessions)}`], rows);
}

function timeTable(times: Readonly<Record<string, Spread>>): string {
  return table(
    ["", "ms"],
    Object.entries(times).map(([name, time]) => [name, spread(time)]),
  );
}
