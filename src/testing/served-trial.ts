import type { AnyStore } from "../core/store.ts";
import { memoryStore } from "../stores/memory.ts";
import { explained } from "./contract.ts";

/** What never comes must fail its rule, not stop the run. Real time decides nothing else. */
export const PATIENCE_MS = 20_000;

/** What is to be closed when a rule is done, the last one first. */
export type Closers = (() => Promise<void>)[];

/** A rule of a contract about something that serves, on the subject that it is tried on. */
interface Trying {
  readonly subject: string;
  readonly rule: string;
  /** What it is that never came, where the rule's patience ends. */
  readonly missing: string;
}

/** Why a subject is excused from a rule: the first ability it lacks for it, and its reason. */
export function lacking<Ability extends string>(
  needs: readonly Ability[],
  abilities: Readonly<Record<Ability, true | string>>,
): string | undefined {
  const missing = needs.find((ability) => abilities[ability] !== true);
  if (missing === undefined) return undefined;
  const reason: unknown = abilities[missing];
  // Neither there nor explained: the rule runs, and fails.
  return typeof reason === "string" && reason !== "" ? `no ${missing}: ${reason}` : undefined;
}

/** Tries one rule, closes what it opened, and fails it also for a rejection that nobody handled. */
export async function tryServed(
  { subject, rule, missing }: Trying,
  run: (closers: Closers) => Promise<void>,
): Promise<void> {
  const closers: Closers = [];
  const stray: unknown[] = [];
  const onStray = (error: unknown): void => void stray.push(error);
  process.on("unhandledRejection", onStray);
  try {
    await patiently(run(closers), missing);
  } catch (error) {
    throw explained(error, `${subject} breaks the rule "${rule}"`);
  } finally {
    for (const close of closers.reverse()) await close();
    await turn();
    process.off("unhandledRejection", onStray);
  }
  if (stray.length > 0)
    throw explained(stray[0], `${subject} leaves a rejection unhandled in the rule "${rule}"`);
}

/** Lets everything run that is ready to. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** The subject's store for one rule; a memory store where it has none of its own. */
export async function openedStore(
  subject: { openStore?(): Promise<{ readonly store: AnyStore; close(): Promise<void> }> },
  closers: Closers,
): Promise<AnyStore> {
  if (subject.openStore === undefined) return memoryStore();
  const opened = await subject.openStore();
  closers.push(() => opened.close());
  return opened.store;
}

function patiently(work: Promise<void>, missing: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const impatient = setTimeout(
      () => reject(new Error(`nothing came of it: ${missing} is missing`)),
      PATIENCE_MS,
    );
    work.then(resolve, reject).finally(() => clearTimeout(impatient));
  });
}
