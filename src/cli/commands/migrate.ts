import type { MigrationProgress, MigrationReport } from "../../migration.ts";
import { migrate } from "../../migration.ts";
import { Ending, EXIT, type ExitCode, refuseUsage } from "../exit.ts";
import { answer, clockOf, type Job } from "../job.ts";
import { StateFile } from "../migration-state.ts";
import { probeRecord } from "../probe-record.ts";
import { progressOf } from "../progress.ts";
import { isLive } from "../records.ts";
import { withoutSecrets } from "../secrets.ts";
import { addressOf, openAny, type OpenedStore, openExisting, using } from "../stores.ts";
import { counted, printable } from "../text.ts";

export interface MigrateArguments {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly mode: "move" | "copy";
  readonly state: string | undefined;
  readonly fresh: boolean;
  readonly yes: boolean;
  /** Whether to count first, so that the remaining time is known. */
  readonly count: boolean;
  readonly concurrency: number;
}

/** Live sessions at the end, marks left out; `null` where they were not counted. */
interface Counts {
  readonly from: number | null;
  readonly to: number | null;
}

/** Brings every session from one store to another, notes how far it is, and compares both at the end. */
export async function migrateStores(job: Job, given: MigrateArguments): Promise<ExitCode> {
  const { world } = job;
  const source = addressOf({ given: given.from, variable: "HOLDFAST_FROM" }, world);
  const target = addressOf({ given: given.to, variable: "HOLDFAST_TO" }, world);
  if (source.shown === target.shown)
    refuseUsage("Both stores are the same. Give the old one and the new one.");
  const route = { from: source.shown, to: target.shown, mode: given.mode };
  const state = new StateFile(world.folder, given.state, route);
  return await using(openExisting(source, world, job.timeoutMs), async (from) => {
    from.demand("all", "list all its sessions, so that none can be brought elsewhere");
    return await using(openAny(target, world, job.timeoutMs), async (to) => {
      if (given.mode === "move") await confirm(job, given.yes, route);
      await refuseSame(from, to, world.now());
      return await carriedOut(job, given, { from, to, state });
    });
  });
}

/** One store may have two names, and what is moved to where it is already would be lost. */
async function refuseSame(from: OpenedStore, to: OpenedStore, now: number): Promise<void> {
  await to.call((store, call) => store.setup?.(call));
  const record = probeRecord(now);
  await to.call((store, call) => store.create(record, call));
  const found = await from.call((store, call) => store.read(record.id, call));
  await to.call((store, call) => store.delete(record.id, {}, call));
  if (found !== null) refuseUsage(`${from.shown} and ${to.shown} are the same store.`);
}

interface Parts {
  readonly from: OpenedStore;
  readonly to: OpenedStore;
  readonly state: StateFile;
}

async function carriedOut(job: Job, given: MigrateArguments, parts: Parts): Promise<ExitCode> {
  const { from, to, state } = parts;
  const noted = given.fresh ? null : state.read();
  if (noted !== null) job.world.complain(`Going on where an earlier run stopped (${state.path}).\n`);
  // Those that were moved are not in the old store any more, and those that were copied still are.
  const before = given.mode === "copy" ? (noted?.done ?? 0) : 0;
  const progress = progressOf(job.world, "sessions", before);
  let report: MigrationReport;
  try {
    report = await migrate(from.store, to.store, {
      mode: given.mode,
      count: given.count,
      concurrency: given.concurrency,
      deadline: job.timeoutMs,
      signal: job.world.stopped,
      clock: clockOf(job.world),
      ...(noted !== null && { after: noted.after }),
      onProgress(told) {
        progress.update(before + told.done, told.total);
        note(state, told, before);
      },
    });
  } catch (error) {
    job.world.complain(`It broke off. The same command goes on from there (${state.path}).\n`);
    throw error;
  } finally {
    progress.stop();
  }
  if (job.world.stopped.aborted) return stopped(job, report, state);
  state.remove();
  return await concluded(job, parts, report);
}

function note(state: StateFile, { after, done }: MigrationProgress, before: number): void {
  if (after !== null) state.write(after, before + done);
}

function stopped(job: Job, report: MigrationReport, state: StateFile): ExitCode {
  answer(job, dataOf(job, report, { from: null, to: null }), () => summary(report));
  job.world.complain(`Stopped. The same command goes on from there (${state.path}).\n`);
  return EXIT.stopped;
}

async function concluded(job: Job, { from, to }: Parts, report: MigrationReport): Promise<ExitCode> {
  const counts = { from: await liveIn(from, job), to: await liveIn(to, job) };
  answer(job, dataOf(job, report, counts), () => summary(report) + verification(report, counts));
  for (const { id, error } of report.failures)
    job.world.complain(`${id} could not be brought: ${printable(reasonOf(job, error))}\n`);
  return isWhole(report, counts) ? EXIT.ok : EXIT.found;
}

/** Of a copy, the new store has to have at least as many; a move has told by itself what is left. */
function isWhole({ complete, left, samples }: MigrationReport, { from, to }: Counts): boolean {
  const hasAll = left !== null || from === null || to === null || to >= from;
  return complete && hasAll && samples.wrong.length === 0;
}

async function liveIn(opened: OpenedStore, job: Job): Promise<number | null> {
  if (opened.store.all === undefined) return null;
  const now = job.world.now();
  let count = 0;
  for await (const record of opened.records()) if (isLive(record, now)) count += 1;
  return count;
}

function dataOf(job: Job, report: MigrationReport, counts: Counts): object {
  const failures = report.failures.map(({ id, error }) => ({ id, reason: reasonOf(job, error) }));
  return { ...report, failures, counts };
}

function reasonOf({ world }: Job, error: unknown): string {
  return withoutSecrets(error instanceof Error ? error.message : String(error), world.environment);
}

function summary({ brought, present, expired, vanished, failed }: MigrationReport): string {
  const besides = [
    [present, "there already"],
    [expired, "expired"],
    [vanished, "ended or moved meanwhile"],
    [failed, "failed"],
  ] as const;
  const told = besides.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return `Brought ${counted(brought, "record")}${told.length === 0 ? "" : `; ${told.join(", ")}`}.\n`;
}

function verification(report: MigrationReport, counts: Counts): string {
  const { left, samples } = report;
  const { checked, equal, changed, missing, wrong } = samples;
  const differing = [
    changed > 0 ? `${changed} changed by requests since` : "",
    missing > 0 ? `${missing} not there` : "",
    wrong.length > 0 ? `${wrong.length} WRONG (${wrong.join(", ")})` : "",
  ].filter(Boolean);
  const others = differing.length === 0 ? "" : `, ${differing.join(", ")}`;
  const verdict = isWhole(report, counts) ? "Complete." : "NOT complete: run it again.";
  return [
    `Old store: ${amount(counts.from)}${left === null ? "" : `, ${left} still to be brought`}. New store: ${amount(counts.to)}.`,
    `Compared ${counted(checked, "sample")}: ${equal} equal${others}.`,
    verdict,
    "",
  ].join("\n");
}

function amount(count: number | null): string {
  return count === null ? "not counted" : counted(count, "live session");
}

async function confirm(
  { world }: Job,
  yes: boolean,
  route: { readonly from: string; readonly to: string },
): Promise<void> {
  if (yes) return;
  const warning =
    "Sessions leave the old store as they come to the new one. Every process that serves requests has to know both by movingStore({ from, to }) first.";
  if (!world.interactive)
    refuseUsage(`${warning} Nobody can be asked here: add --yes if that is so, or try --mode copy.`);
  const answered = await world.ask(`${warning}\nMove all sessions from ${route.from} to ${route.to}? [y/N] `);
  if (!/^y(es)?$/i.test(answered.trim())) throw new Ending(EXIT.stopped, "Nothing was moved.");
}
