import type { SessionEvents } from "../core/events.ts";
import { SessionManager } from "../core/manager.ts";
import type { AnyStore } from "../core/store.ts";
import { memoryStore } from "../stores/memory.ts";
import { App } from "./adapter-client/app.ts";
import { adapterRules } from "./adapter-rules/index.ts";
import type { AdapterRule, AdapterRuleContext, ManagerChoice, StartOptions } from "./adapter-rules/rule.ts";
import type { AdapterSubject, Route } from "./adapter-subject.ts";
import { manualClock } from "./clock.ts";
import { explained, type Outcome, registerRules, type Runner, type Trial, tryRules } from "./contract.ts";
import { faultyStore } from "./faults.ts";

/** What became of one rule. */
export type AdapterRuleOutcome = Outcome<AdapterRule>;

/** An answer that never comes must fail its rule, not stop the run. Real time decides nothing else. */
const PATIENCE_MS = 20_000;

const EVENTS: readonly (keyof SessionEvents)[] = [
  "created",
  "login",
  "rotated",
  "ended",
  "revoked",
  "expired",
  "rejected",
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

function whyNot(rule: AdapterRule, subject: AdapterSubject): string | undefined {
  const { abilities } = subject;
  const missing = rule.needs.find((ability) => abilities[ability] !== true);
  if (missing !== undefined) {
    const reason: unknown = abilities[missing];
    // Neither there nor explained: the rule runs, and fails.
    return typeof reason === "string" && reason !== "" ? `no ${missing}: ${reason}` : undefined;
  }
  const present = rule.unless.find((ability) => abilities[ability] === true);
  return present === undefined ? undefined : `it has ${present}`;
}

async function runRule(rule: AdapterRule, subject: AdapterSubject): Promise<void> {
  const closers: (() => Promise<void>)[] = [];
  const stray: unknown[] = [];
  const onStray = (error: unknown): void => void stray.push(error);
  process.on("unhandledRejection", onStray);
  try {
    await patiently(contextOf(subject, closers).then((context) => rule.run(context)));
  } catch (error) {
    throw explained(error, `${subject.name} breaks the rule "${rule.name}"`);
  } finally {
    for (const close of closers.reverse()) await close();
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", onStray);
  }
  if (stray.length > 0)
    throw explained(stray[0], `${subject.name} leaves a rejection unhandled in the rule "${rule.name}"`);
}

function patiently(work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const impatient = setTimeout(
      () => reject(new Error("nothing came of it: an answer is missing")),
      PATIENCE_MS,
    );
    work.then(resolve, reject).finally(() => clearTimeout(impatient));
  });
}

async function contextOf(
  subject: AdapterSubject,
  closers: (() => Promise<void>)[],
): Promise<AdapterRuleContext> {
  const clock = manualClock();
  const store = faultyStore(await openedStore(subject, closers));
  const events: { name: string; event: object }[] = [];

  function managerOf(inner: AnyStore, choice: ManagerChoice): SessionManager {
    const manager = new SessionManager({ sweepEvery: false, ...choice, store: inner, clock });
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

async function openedStore(subject: AdapterSubject, closers: (() => Promise<void>)[]): Promise<AnyStore> {
  if (subject.openStore === undefined) return memoryStore();
  const opened = await subject.openStore();
  closers.push(() => opened.close());
  return opened.store;
}
