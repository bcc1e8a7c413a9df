import { EXIT, type ExitCode } from "../exit.ts";
import { answer, type Job } from "../job.ts";
import { Tally, type Totals } from "../tally.ts";
import { addressOf, openExisting, using } from "../stores.ts";
import { table } from "../table.ts";
import { bar, bytes, counted } from "../text.ts";

export interface StatsArguments {
  readonly store: string | undefined;
  readonly idleMs: number;
}

/** Counts what is in the store. Reads every record once, by pages. */
export async function stats(job: Job, { store, idleMs }: StatsArguments): Promise<ExitCode> {
  const address = addressOf({ given: store, variable: "HOLDFAST_STORE" }, job.world);
  return await using(openExisting(address, job.world, job.timeoutMs), async (opened) => {
    const tally = new Tally(job.world.now(), idleMs);
    for await (const record of opened.records()) tally.add(record);
    const totals = tally.totals();
    answer(job, { store: opened.shown, ...totals }, () => report(job, totals));
    return EXIT.ok;
  });
}

const WIDTH = 40;

function report({ colours }: Job, totals: Totals): string {
  const { live, authenticated, anonymous, users, idle, expired, marks, sealed, sizes } = totals;
  const facts: readonly (readonly [string, string])[] = [
    ["Live", counted(live, "session")],
    ["Logged in", `${counted(authenticated, "session")} of ${counted(users, "user")}`],
    ["Nobody's", counted(anonymous, "session")],
    ["Idle", counted(idle, "session")],
    ["Sealed", counted(sealed, "session")],
    ["Expired", `${counted(expired, "record")} not swept yet`],
    ["Marks", counted(marks, "record")],
    [
      "Size",
      `${bytes(sizes.total)} in all; a session ${bytes(sizes.median)} (median), ${bytes(sizes.p95)} (95th percentile), ${bytes(sizes.largest)} (largest)`,
    ],
  ];
  const head = facts.map(([name, value]) => `${colours.bold(name.padEnd(10))} ${value}\n`).join("");
  return `${head}\n${chart("AGE", totals.ages, colours)}\n${chart("LAST USED", totals.lastUsed, colours)}`;
}

function chart(head: string, parts: Totals["ages"], colours: Job["colours"]): string {
  const largest = Math.max(...parts.map(({ sessions }) => sessions));
  const rows = parts.map(({ within, sessions }) => [
    within.padEnd(12),
    String(sessions).padStart(8),
    colours.cyan(bar(sessions, largest, WIDTH)),
  ]);
  return table([head, "SESSIONS", ""], rows, colours);
}
