import type { SessionEvents } from "../core/events.ts";
import { SessionManager } from "../core/manager.ts";
import type { AnyStore } from "../core/store.ts";
import { App } from "./adapter-client/app.ts";
import { adapterRules } from "./adapter-rules/index.ts";
import type { AdapterRule, AdapterRuleContext, ManagerChoice, StartOptions } from "./adapter-rules/rule.ts";
import type { AdapterSubject, Route } from "./adapter-subject.ts";
import { manualClock } from "./clock.ts";
import { type Outcome, registerRules, type Runner, type Trial, tryRules } from "./contract.ts";
import { faultyStore } from "./faults.ts";
import { type Closers, lacking, openedStore, tryServed } from "./served-trial.ts";

/** What became of one rule. */
export type AdapterRuleOutcome = Outcome<AdapterRule>;

const EVENTS: readonly (keyof SessionEvents)[] = [
  "created",
  "login",
  "reauthenticated",
  "unlocked",
  "rotated",
  "ended",
  "revoked",
  "expired",
  "rejected",
  "forged",
  "theft",
  "conflict",
  "gone",
  "corrupt",
  "late",
  "abandoned",
  "storeFailure",
  "listenerFailure",
];

/**
 * Registers every rule of the adapter contract as a test of its own. A rule that needs an ability which the subject says
 * it lacks is skipped with the subject's reason in its name, and the reason is printed; an ability that is neither there
 * nor explained fails.
 *
 * @example
 * adapterContract({ test, describe }, {
 *   name: "my framework",
 *   start: async (application) => { … return { origin, close }; },
 *   abilities: { sockets: true, "thrown answers": "handlers of this framework return nothing", … },
 * });
 */
export function adapterContract(runner: Runner, subject: AdapterSubject): void {
  registerRules(runner, trialOf(subject, adapterRules));
}

/** Tries rules on a subject without any test runner, one after another, and tells what became of each. */
export async function checkAdapter(
  subject: AdapterSubject,
  rules: readonly AdapterRule[] = adapterRules,
): Promise<AdapterRuleOutcome[]> {
  return await tryRules(trialOf(subject, rules));
}

function trialOf(subject: AdapterSubject, rules: readonly AdapterRule[]): Trial<AdapterRule> {
  return {
    headline: `adapter contract: ${subject.name}`,
    rules,
    abilities: subject.abilities,
    name: (rule) => `${rule.group}: ${rule.name}`,
    whyNot: (rule) => whyNot(rule, subject),
    run: (rule) => runRule(rule, subject),
  };
}

function whyNot({ needs, unless }: AdapterRule, { abilities }: AdapterSubject): string | undefined {
  if (needs.some((ability) => abilities[ability] !== true)) return lacking(needs, abilities);
  const present = unless.find((ability) => abilities[ability] === true);
  return present === undefined ? undefined : `it has ${present}`;
}

function runRule(rule: AdapterRule, subject: AdapterSubject): Promise<void> {
  const trying = { subject: subject.name, rule: rule.name, missing: "an answer" };
  return tryServed(trying, async (closers) => await rule.run(await contextOf(subject, closers)));
}

async function contextOf(subject: AdapterSubject, closers: Closers): Promise<AdapterRuleContext> {
  const clock = manualClock();
  const store = faultyStore(await openedStore(subject, closers));
  const events: { name: string; event: object }[] = [];

  function managerOf(inner: AnyStore, choice: ManagerChoice): SessionManager {
    const manager = new SessionManager({
      sweepEvery: false,
      ...subject.atRest,
      ...choice,
      store: inner,
      clock,
    });
    closers.push(() => manager.close());
    return manager;
  }

  async function start(routes: Readonly<Record<string, Route>>, options: StartOptions = {}): Promise<App> {
    const manager = managerOf(store.store, options.manager ?? {});
    for (const name of EVENTS) manager.on(name, (event) => void events.push({ name, event }));
    const second = options.second && managerOf(await openedStore(subject, closers), options.second);
    const running = await subject.start({
      manager,
      ...(second !== undefined && { second }),
      ...(options.only !== undefined && { only: options.only }),
      routes: { "/ping": (context) => context.send({ body: "pong" }), ...routes },
    });
    const app = new App(manager, running, () => store.working > 0);
    closers.push(() => app.close());
    return app;
  }

  return { subject, clock, store, events, start };
}
