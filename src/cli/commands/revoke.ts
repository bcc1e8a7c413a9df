import { checkUser, userLabel } from "../../core/labels.ts";
import { parseSessionId, SessionManager } from "../../index.ts";
import { Ending, EXIT, type ExitCode, refuseUsage } from "../exit.ts";
import { answer, clockOf, type Job } from "../job.ts";
import { type Manager, managerOf } from "../managers.ts";
import { isLive, isSealedRecord } from "../records.ts";
import { addressOf, type OpenedStore, openExisting, using } from "../stores.ts";
import { counted, printable } from "../text.ts";

export interface RevokeArguments {
  readonly id: string | undefined;
  readonly user: string | undefined;
  readonly all: boolean;
  readonly yes: boolean;
  readonly store: string | undefined;
  /** A module that exports the application's own manager, and which of its exports. */
  readonly manager: string | undefined;
  readonly export: string | undefined;
}

/** Whose sessions are to end. */
type Target =
  | { readonly kind: "one"; readonly id: NonNullable<ReturnType<typeof parseSessionId>> }
  | { readonly kind: "user"; readonly user: string }
  | { readonly kind: "all" };

/** Ends one session, those of a user, or all, and voids the logins that were under way. */
export async function revoke(job: Job, given: RevokeArguments): Promise<ExitCode> {
  const target = targetOf(given);
  if (given.manager !== undefined) return await byModule(job, target, given, given.manager);
  const address = addressOf({ given: given.store, variable: "HOLDFAST_STORE" }, job.world);
  return await using(openExisting(address, job.world, job.timeoutMs), async (opened) => {
    await refuseSealed(opened, target);
    await confirm(job, target, given.yes, () => question(job, target, opened));
    const manager = new SessionManager({
      store: opened.store,
      // A store that is not set up has nothing to revoke, and is told so rather than made.
      setup: false,
      sweepEvery: false,
      deadline: job.timeoutMs,
      clock: clockOf(job.world),
    });
    return told(job, target, await ended(manager, target));
  });
}

async function byModule(job: Job, target: Target, given: RevokeArguments, module: string): Promise<ExitCode> {
  if (given.store !== undefined)
    refuseUsage("A manager knows its store: give --manager or a store, not both.");
  const manager = await managerOf(job.world.folder, module, given.export);
  try {
    await confirm(job, target, given.yes, async () => `End ${whoseIn(target)}?`);
    return told(job, target, await ended(manager, target));
  } finally {
    await manager.close();
  }
}

function targetOf({ id, user, all }: RevokeArguments): Target {
  const named = [id !== undefined, user !== undefined, all].filter(Boolean).length;
  if (named !== 1) refuseUsage("Whose sessions? Give the id of one, --user <id>, or --all.");
  if (user !== undefined) {
    checkUser(user);
    return { kind: "user", user };
  }
  if (id === undefined) return { kind: "all" };
  const parsed = parseSessionId(id);
  if (parsed === null) refuseUsage("This is not the id of a session: those are 24 letters, digits, - and _.");
  return { kind: "one", id: parsed };
}

/**
 * What voids logins under way is a mark, which an application that seals expects to be sealed: one that is not would be ignored,
 * and one that is could not be added to.
 */
async function refuseSealed(opened: OpenedStore, target: Target): Promise<void> {
  if (target.kind === "one") return;
  const records = target.kind === "user" ? opened.labelled(userLabel(target.user)) : opened.records();
  let looked = 0;
  for await (const record of records) {
    if (isSealedRecord(record)) {
      throw new Ending(
        EXIT.refused,
        "Sessions here are sealed, and so are the marks that void logins under way. Give the module of the application that exports its manager, which has the keys: --manager ./sessions.js",
      );
    }
    looked += 1;
    if (looked === MOST_LOOKED_AT) return;
  }
}

const MOST_LOOKED_AT = 500;

async function confirm(job: Job, target: Target, yes: boolean, asked: () => Promise<string>): Promise<void> {
  if (yes || target.kind === "one") return;
  if (!job.world.interactive) refuseUsage("Nobody can be asked here. Add --yes if you mean it.");
  const answered = await job.world.ask(`${await asked()} [y/N] `);
  if (/^y(es)?$/i.test(answered.trim())) return;
  throw new Ending(EXIT.stopped, "Nothing was ended.");
}

async function question(job: Job, target: Target, opened: OpenedStore): Promise<string> {
  if (target.kind !== "user") return `End all sessions in ${opened.shown}? Everybody has to log in again.`;
  let count = 0;
  for await (const record of opened.labelled(userLabel(target.user)))
    if (isLive(record, job.world.now())) count += 1;
  return `End ${counted(count, "session")} of user ${printable(target.user)}?`;
}

function whoseIn(target: Target): string {
  if (target.kind === "all") return "all sessions";
  return target.kind === "user" ? `all sessions of user ${printable(target.user)}` : `session ${target.id}`;
}

async function ended(manager: Manager, target: Target): Promise<number> {
  if (target.kind === "one") return Number(await manager.revoke(target.id));
  return target.kind === "user" ? await manager.revokeUser(target.user) : await manager.revokeAll();
}

/** A user without sessions is as it was wanted; one session that is not there may be mistyped. */
function told(job: Job, target: Target, revoked: number): ExitCode {
  answer(job, { revoked }, () =>
    target.kind === "one" && revoked === 0
      ? `There is no session ${target.id}.\n`
      : `Ended ${counted(revoked, "session")}.\n`,
  );
  return target.kind === "one" && revoked === 0 ? EXIT.found : EXIT.ok;
}
