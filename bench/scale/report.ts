import { ENGINES } from "./engines/engine.ts";
import type { Latency } from "./measure.ts";
import type { OperationResult, RemovalResult, ScaleResult, SizeResult, TrafficResult } from "./result.ts";

/** Writes the readable report of any number of results. Nothing in it is not in them. */
export function reportOn(results: readonly ScaleResult[]): string {
  const sorted = results.toSorted(
    (one, other) => ENGINES.indexOf(one.engine) - ENGINES.indexOf(other.engine),
  );
  const parts = [HEAD, summary(sorted), ...sorted.map(section)];
  return `${parts.join("\n\n")}\n`;
}

const HEAD = `# Scale, measured

Made by \`npm run bench:scale\` out of the \`scale-*.json\` beside it; not to be edited. Each engine was loaded by the store's own
\`create\`, size after size, and measured at each. Times are milliseconds, one call after another, half of them faster and 99 of 100
faster; "a second" is with 64 calls in flight from one process. What an operation touched is counted by the engine, and depends
neither on the machine nor on what else ran on it: those columns tell how costs grow. Where more processes wanted a core than there
are cores before the run began, others were at work on the machine: its times are then no more than bounds.`;

function summary(results: readonly ScaleResult[]): string {
  const names = ["read", "update of one field", "touch", "list by user"];
  const rows = results.map(({ engine, sizes }) => {
    const last = sizes.at(-1);
    const speeds = names.map((name) => String(find(last, name)?.atOnce?.perSecond ?? "–"));
    const revoked = find(last, "revokeUser");
    return [
      engine,
      spaced(last?.sessions),
      ...speeds.map((speed) => spaced(Number(speed))),
      medianOf(revoked),
      perSession(last),
    ];
  });
  const heads = [
    "engine",
    "sessions",
    ...names.map((name) => `${name}, a second`),
    "revokeUser, ms",
    "bytes a session",
  ];
  return `## At the largest size\n\n${table(heads, rows)}`;
}

function section(result: ScaleResult): string {
  const { engine, version, settings, machine, sizes, removal } = result;
  const set = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  const { cores, processor, memoryGiB, disk, system, node, loadBefore, loadAfter = loadBefore } = machine;
  return [
    `## ${engine} ${version}`,
    `\`${result.command}\`, ${result.date}, ${result.minutes} min. ${cores} cores (${processor}), ${memoryGiB} GiB, ${disk}, ${system}, Node ${node}; ${loadBefore} processes wanted a core when it began and ${loadAfter} when it ended. ${set.join("; ")}.`,
    `Loaded: ${sizes.map(({ load, sessions }) => `up to ${spaced(sessions)} at ${spaced(load.perSecond)} a second`).join(", ")}. At ${spaced(sizes.at(-1)?.sessions)} a session takes ${perSession(sizes.at(-1))} bytes.`,
    times(sizes),
    ...touched(result),
    removed(removal),
  ].join("\n\n");
}

function times(sizes: readonly SizeResult[]): string {
  const heads = [
    "operation",
    ...sizes.map(({ sessions }) => `${spaced(sessions)}: p50 / p99`),
    ...sizes.map(({ sessions }) => `${spaced(sessions)}: a second`),
  ];
  const rows = namesIn(sizes).map((name) => {
    const found = sizes.map((size) => find(size, name));
    const latencies = found.map((one) => (one === undefined ? "–" : pair(one.latency)));
    return [name, ...latencies, ...found.map((one) => spaced(one?.atOnce?.perSecond))];
  });
  return table(heads, rows);
}

function touched({ counted, sizes }: ScaleResult): string[] {
  if (sizes.every(({ operations }) => operations.every((one) => Object.keys(one.touched).length === 0)))
    return [];
  const shown = sizes.length > 1 ? [sizes[0], sizes.at(-1)] : [sizes[0]];
  const heads = ["operation", ...shown.map((size) => `at ${spaced(size?.sessions)}`)];
  const rows = namesIn(sizes).map((name) => [
    name,
    ...shown.map((size) => countsOf(find(size, name)?.touched ?? {})),
  ]);
  return [`Touched by one operation (${counted}):`, table(heads, rows)];
}

function countsOf(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([name, count]) => `${spaced(count)} ${name}`);
  return parts.length === 0 ? "–" : parts.join(", ");
}

function removed(result: RemovalResult): string {
  const { by, removal, expired, requestsPerSecond, alone, besideReaders, besideRemoval, books } = result;
  const readers = "beside as many processes that read";
  const rows = [
    trafficRow("alone", alone),
    trafficRow(readers, besideReaders),
    trafficRow(by === "sweep" ? "beside the sweep" : "while they expire", besideRemoval),
  ];
  const waits = Object.entries(result.lockWaits).map(([name, count]) => `${spaced(count)} ${name}`);
  const how =
    "calls" in removal
      ? `${removal.processes} processes swept ${spaced(expired)} expired sessions at once, 1000 a call: ${removal.seconds} s, ${spaced(removal.perSecond)} a second, ${pair(removal.calls)} ms a call, ${removal.calls.max} ms the longest.`
      : `${spaced(expired)} sessions (${spaced(removal.keys)} keys) expired at one moment and the engine removed them: half within ${removal.halfAfterSeconds ?? "more than 60"} s, 99 of 100 within ${removal.mostAfterSeconds ?? "more than 60"} s.`;
  return [
    `${how} Meanwhile ${requestsPerSecond} requests a second, timed from when each was due:`,
    table(["traffic", "reads: p50 / p99 / longest", "writes: p50 / p99 / longest"], rows),
    ...(waits.length === 0 ? [] : [`Waits for locks: ${waits.join(", ")}.`]),
    booked(books),
  ].join("\n\n");
}

function booked(books: RemovalResult["books"]): string {
  const swept =
    books.deleted === undefined
      ? ""
      : `${spaced(books.deleted)} deleted of ${spaced(books.due)} that were due, `;
  const kept =
    books.touchedInTime === 0
      ? ""
      : `${spaced(books.touchedInTime)} touched just before they expired and all there, `;
  return `Books ${books.balanced ? "balanced" : "NOT BALANCED"}: ${swept}${kept}${spaced(books.found)} sessions found where ${spaced(books.live)} have to be, ${books.wrongAnswers} wrong answers.`;
}

function trafficRow(name: string, { reads, writes }: TrafficResult): string[] {
  const all = (latency: Latency): string => `${pair(latency)} / ${latency.max}`;
  return [name, all(reads), all(writes)];
}

function namesIn(sizes: readonly SizeResult[]): string[] {
  return [...new Set(sizes.flatMap(({ operations }) => operations.map(({ name }) => name)))];
}

function find(size: SizeResult | undefined, name: string): OperationResult | undefined {
  return size?.operations.find((operation) => operation.name === name);
}

function medianOf(operation: OperationResult | undefined): string {
  return operation === undefined ? "–" : String(operation.latency.p50);
}

function perSession(size: SizeResult | undefined): string {
  const parts = Object.entries(size?.bytesPerSession ?? {});
  if (parts.length > 2) return spaced(parts.reduce((sum, [, bytes]) => sum + bytes, 0));
  return parts.map(([part, bytes]) => `${spaced(bytes)} (${part})`).join(", ");
}

function pair({ p50, p99 }: Latency): string {
  return `${p50} / ${p99}`;
}

function spaced(count: number | undefined): string {
  if (count === undefined || Number.isNaN(count)) return "–";
  return count < 10_000 ? String(count) : String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, " ");
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(heads), `|${heads.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}
