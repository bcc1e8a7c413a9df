import type { AnyStore } from "../core/store.ts";
import { explained, type Outcome, registerRules, type Runner, type Trial, tryRules } from "./contract.ts";
import { seededRandom } from "./random.ts";
import type { RuleContext, StoreRule } from "./store-rules/rule.ts";
import { storeRules } from "./store-rules/index.ts";
import type { Ability, OpenedStore, StoreSubject } from "./store-subject.ts";
import { WorkerPool, type Workers } from "./store-workers.ts";

/** What became of one rule. */
export type RuleOutcome = Outcome<StoreRule>;

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
  registerRules(runner, trialOf(subject, storeRules));
}

/** Tries every rule on a subject without any test runner, one after another, and tells what became of each. */
export async function checkStore(
  subject: StoreSubject,
  rules: readonly StoreRule[] = storeRules,
): Promise<RuleOutcome[]> {
  return await tryRules(trialOf(subject, rules));
}

function trialOf(subject: StoreSubject, rules: readonly StoreRule[]): Trial<StoreRule> {
  const pool = new WorkerPool();
  return {
    headline: `store contract: ${subject.name}`,
    rules,
    abilities: subject.abilities,
    name: nameOf,
    whyNot: (rule) => whyNot(rule, subject),
    run: (rule) => runRule(rule, subject, pool),
  };
}

function nameOf({ group, name, races }: StoreRule): string {
  return `${group}: ${name}${races.length > 0 ? ` (race ${races.join(", ")})` : ""}`;
}

function whyNot(rule: StoreRule, subject: StoreSubject): string | undefined {
  const missing = rule.needs.filter((ability) => !has(subject, ability));
  if (missing.length === 0) return undefined;
  return missing.map((ability) => `no ${ability}: ${String(subject.abilities[ability])}`).join("; ");
}

async function runRule(rule: StoreRule, subject: StoreSubject, pool: WorkerPool): Promise<void> {
  const seed = subject.seed ?? DEFAULT_SEED;
  const closers: (() => Promise<void>)[] = [];
  try {
    await rule.run(await contextOf(subject, seed, pool, closers));
  } catch (error) {
    throw explained(error, `${subject.name} breaks the rule "${rule.name}" (seed ${seed})`);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function contextOf(
  subject: StoreSubject,
  seed: number,
  pool: WorkerPool,
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
    const started = await pool.open(first.worker, count);
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
