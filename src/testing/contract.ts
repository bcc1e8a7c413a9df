/** What a contract asks of a test runner; `test` and `describe` of vitest and of node:test both fit. */
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
export type Outcome<Rule> =
  | { readonly kind: "kept"; readonly rule: Rule }
  | { readonly kind: "broken"; readonly rule: Rule; readonly error: unknown }
  | { readonly kind: "not applicable"; readonly rule: Rule; readonly reason: string };

/** How the rules of one contract are tried on one subject. */
export interface Trial<Rule> {
  readonly headline: string;
  readonly rules: readonly Rule[];
  /** For each ability `true`, or the reason why the subject does without it. */
  readonly abilities: Readonly<Record<string, true | string>>;
  name(rule: Rule): string;
  /** Why a rule does not apply, or `undefined` when it does. */
  whyNot(rule: Rule): string | undefined;
  /** Rejects when the rule is broken. */
  run(rule: Rule): Promise<void>;
}

/** Registers every rule as a test of its own, and prints what the subject does without. */
export function registerRules<Rule>(runner: Runner, trial: Trial<Rule>): void {
  const print = runner.print ?? console.info;
  for (const [ability, claim] of Object.entries(trial.abilities)) {
    if (claim !== true) print(`${trial.headline}: no ${ability}: ${claim}`);
  }
  const register = (): void => {
    for (const rule of trial.rules) registerRule(runner.test, trial, rule);
  };
  if (runner.describe) runner.describe(trial.headline, register);
  else register();
}

function registerRule<Rule>(test: TestFunction, trial: Trial<Rule>, rule: Rule): void {
  const name = trial.name(rule);
  const reason = trial.whyNot(rule);
  if (reason === undefined) return void test(name, () => trial.run(rule));
  const told = `${name} [does not apply: ${reason}]`;
  if (test.skip) test.skip(told, async () => {});
  else test(told, async () => {});
}

/** Tries the rules without any test runner, one after another, and tells what became of each. */
export async function tryRules<Rule>(trial: Trial<Rule>): Promise<Outcome<Rule>[]> {
  const outcomes: Outcome<Rule>[] = [];
  for (const rule of trial.rules) outcomes.push(await tryRule(trial, rule));
  return outcomes;
}

async function tryRule<Rule>(trial: Trial<Rule>, rule: Rule): Promise<Outcome<Rule>> {
  const reason = trial.whyNot(rule);
  if (reason !== undefined) return { kind: "not applicable", rule, reason };
  try {
    await trial.run(rule);
    return { kind: "kept", rule };
  } catch (error) {
    return { kind: "broken", rule, error };
  }
}

/** The same error with a headline, so that runners still show the difference and where it was found. */
export function explained(error: unknown, headline: string): unknown {
  if (!(error instanceof Error))
    return new Error(`${headline}: rejected with ${String(error)}`, { cause: error });
  error.message = `${headline}: ${error.message}`;
  return error;
}
