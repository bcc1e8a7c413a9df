import type { AnyStore } from "../core/store.ts";
import { seededRandom } from "./random.ts";
import type { RuleContext, StoreRule } from "./store-rules/rule.ts";
import { storeRules } from "./store-rules/index.ts";
import type { Ability, OpenedStore, StoreSubject } from "./store-subject.ts";
import { startWorkers, type Workers } from "./store-workers.ts";

/** What the contract asks of a test runner; `test` and `describe` of vitest and of node:test both fit. */
export interface Runner {
  readonly test: TestFunction;
  readonly describe?: (name: string, define: () => void) => unknown;
  /** Where the reasons for missing abilities are printed, a line each; the console unless given. */
  readonly print?: (line: string) => void;
}

export interface TestFunction {
  (name: string, run: () => Promise<void>): unknown;
  /** Registers a test that does not run. Without it, the reason is a test of its own that passes. */
  readonly skip?: (name: string, run: () => Promise<void>) => unknown;
}

/** What became of one rule. */
export type RuleOutcome =
  | { readonly kind: "kept"; readonly rule: StoreRule }
  | { readonly kind: "broken"; readonly rule: StoreRule; readonly error: unknown }
  | { readonly kind: "not applicable"; readonly rule: StoreRule; readonly reason: string };

const DEFAULT_SEED = 20_261_122;

/**
 * Registers every rule of the store contract as a test of its own. A rule that needs an ability which the subject
 * says it lacks is skipped with the subject's reason in its name, and the reason is printed; an ability that is claimed
 * and not there, or there and not claimed, fails.
 *
 * @example
 * storeContract({ test, describe }, {
 *   name: "my store",
 *   open: async () => { const store = myStore(); return { store, close: async () => store.close() }; },
 *   abilities: { labels: true, iterate: true, sweep: "the engine expires records", … },
 * });
 */
export function storeContract(runner: Runner, subject: StoreSubject): void {
  const headline = `store contract: ${subject.name}`;
  const print = runner.print ?? console.info;
  for (const [ability, claim] of Object.entries(subject.abilities)) {
    if (claim !== true) print(`${headline}: no ${ability}: ${claim}`);
  }
  const register = (): void => {
    for (const rule of storeRules) registerRule(runner.test, rule, subject);
  };
  if (runner.describe) runner.describe(headline, register);
  else register();
}

function registerRule(test: TestFunction, rule: StoreRule, subject: StoreSubject): void {
  const name = `${rule.group}: ${rule.name}${rule.races.length > 0 ? ` (race ${rule.races.join(", ")})` : ""}`;
  const reason = whyNot(rule, subject);
  if (reason === undefined) return void test(name, () => runRule(rule, subject));
  const told = `${name} [does not apply: ${reason}]`;
  if (test.skip) test.skip(told, async () => {});
  else test(told, async () => {});
}

/** Tries every rule on a subject without any test runner, one after another, and tells what became of each. */
export async function checkStore(
  subject: StoreSubject,
  rules: readonly StoreRule[] = storeRules,
): Promise<RuleOutcome[]> {
  const outcomes: RuleOutcome[] = [];
  for (const rule of rules) outcomes.push(await tryRule(rule, subject));
  return outcomes;
}

async function tryRule(rule: StoreRule, subject: StoreSubject): Promise<RuleOutcome> {
  const reason = whyNot(rule, subject);
  if (reason !== undefined) return { kind: "not applicable", rule, reason };
  try {
    await runRule(rule, subject);
    return { kind: "kept", rule };
  } catch (error) {
    return { kind: "broken", rule, error };
  }
}

function whyNot(rule: StoreRule, subject: StoreSubject): string | undefined {
  const missing = rule.needs.filter((ability) => !has(subject, ability));
  if (missing.length === 0) return undefined;
  return missing.map((ability) => `no ${ability}: ${String(subject.abilities[ability])}`).join("; ");
}

async function runRule(rule: StoreRule, subject: StoreSubject): Promise<void> {
  const seed = subject.seed ?? DEFAULT_SEED;
  const closers: (() => Promise<void>)[] = [];
  try {
    await rule.run(await contextOf(subject, seed, closers));
  } catch (error) {
    throw explained(error, `${subject.name} breaks the rule "${rule.name}" (seed ${seed})`);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

/** The same error with a headline, so that runners still show the difference and where it was found. */
function explained(error: unknown, headline: string): unknown {
  if (!(error instanceof Error))
    return new Error(`${headline}: rejected with ${String(error)}`, { cause: error });
  error.message = `${headline}: ${error.message}`;
  return error;
}

async function contextOf(
  subject: StoreSubject,
  seed: number,
  closers: (() => Promise<void>)[],
): Promise<RuleContext> {
  async function opened(open: () => Promise<OpenedStore>): Promise<OpenedStore> {
    const one = await open();
    closers.push(() => one.close());
    return one;
  }
  const first = await opened(() => subject.open());

  async function handles(): Promise<AnyStore[]> {
    const open = first.openAgain;
    if (open === undefined || !has(subject, "second handle")) return [first.store];
    const more = [await opened(() => open.call(first)), await opened(() => open.call(first))];
    return [first.store, ...more.map((one) => one.store)];
  }

  async function workers(count: number): Promise<Workers> {
    if (first.worker === undefined)
      throw new Error("A subject that claims processes tells how they open the data.");
    const started = await startWorkers(first.worker, count);
    closers.push(() => started.close());
    return started;
  }

  return {
    store: first.store,
    opened: first,
    random: seededRandom(seed),
    rounds: (times) => Math.max(1, Math.round(times * (subject.effort ?? 1))),
    handles,
    openAnother: async () => (await opened(() => subject.open())).store,
    workers,
    claims: (ability) => has(subject, ability),
  };
}

function has(subject: StoreSubject, ability: Ability): boolean {
  return subject.abilities[ability] === true;
}
