import { checkUser, userLabel } from "../../core/labels.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { answer, type Job } from "../job.ts";
import { isLive, lineOf, type SessionLine } from "../records.ts";
import { addressOf, type OpenedStore, openExisting, using } from "../stores.ts";
import { table } from "../table.ts";
import { counted, printable, span } from "../text.ts";
import type { SessionRecord } from "../../index.ts";

export interface ListArguments {
  readonly store: string | undefined;
  readonly user: string | undefined;
  readonly limit: number;
}

/** Lists live sessions: of a user the last used first, else in the order of the store. */
export async function list(job: Job, { store, user, limit }: ListArguments): Promise<ExitCode> {
  if (user !== undefined) checkUser(user);
  const address = addressOf({ given: store, variable: "HOLDFAST_STORE" }, job.world);
  return await using(openExisting(address, job.world, job.timeoutMs), async (opened) => {
    const now = job.world.now();
    // One more than wanted tells whether there are more.
    const found = await (user === undefined ? some(opened, limit + 1, now) : ofUser(opened, user, now));
    const sessions = found.slice(0, limit).map((record) => lineOf(record, now));
    const more = found.length > limit;
    answer(job, { sessions, more }, () => listing(job, sessions, now));
    if (more && !job.json)
      job.world.complain(`There are more than ${counted(limit, "session")}. Show more with --limit.\n`);
    return EXIT.ok;
  });
}

async function some(opened: OpenedStore, limit: number, now: number): Promise<SessionRecord[]> {
  const found: SessionRecord[] = [];
  for await (const record of opened.records()) {
    if (isLive(record, now)) found.push(record);
    if (found.length === limit) break;
  }
  return found;
}

async function ofUser(opened: OpenedStore, user: string, now: number): Promise<SessionRecord[]> {
  const found: SessionRecord[] = [];
  for await (const record of opened.labelled(userLabel(user))) if (isLive(record, now)) found.push(record);
  return found.toSorted((one, other) => other.accessedAt - one.accessedAt);
}

function listing(job: Job, sessions: readonly SessionLine[], now: number): string {
  if (sessions.length === 0) return "No sessions.\n";
  const since = (time: string): string => span(now - Date.parse(time));
  const rows = sessions.map((session) => [
    session.id,
    session.user === null ? job.colours.dim("nobody") : printable(session.user),
    since(session.createdAt),
    since(session.accessedAt),
    span(Date.parse(session.expiresAt) - now),
    placeOf(session, job),
  ]);
  return table(["ID", "USER", "AGE", "IDLE", "ENDS IN", "FROM"], rows, job.colours);
}

function placeOf({ sealed, address, userAgent }: SessionLine, { colours }: Job): string {
  if (sealed) return colours.dim("sealed");
  return printable([address, shortened(userAgent)].filter((part) => part !== null).join(" "));
}

const LONGEST_AGENT = 40;

function shortened(userAgent: string | null): string | null {
  return userAgent === null || userAgent.length <= LONGEST_AGENT
    ? userAgent
    : `${userAgent.slice(0, LONGEST_AGENT - 1)}…`;
}
