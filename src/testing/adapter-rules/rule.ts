import type { SessionManager } from "../../core/manager.ts";
import type { AnyStore } from "../../core/store.ts";
import type { App } from "../adapter-client/app.ts";
import type { AdapterAbility, AdapterSubject, Route } from "../adapter-subject.ts";
import type { ManualClock } from "../clock.ts";
import type { FaultyStore } from "../faults.ts";

/** One rule of the adapter contract: a sentence, and what shows that an adapter keeps it. */
export interface AdapterRule {
  /** The rule as a sentence; unique among all rules. */
  readonly name: string;
  readonly group: string;
  /** The abilities without which the rule cannot be tried. */
  readonly needs: readonly AdapterAbility[];
  /** The abilities with which the rule does not apply. */
  readonly unless: readonly AdapterAbility[];
  /** Rejects when the adapter breaks the rule. */
  run(context: AdapterRuleContext): Promise<void>;
}

/** The manager's options that a rule may choose. */
export type ManagerChoice = Partial<Omit<ConstructorParameters<typeof SessionManager>[0], "store" | "clock">>;

/** What a rule wants besides its routes. */
export interface StartOptions {
  readonly manager?: ManagerChoice;
  /** Options of a second manager, on a store of its own. */
  readonly second?: ManagerChoice;
  readonly only?: (path: string) => boolean;
}

/** What a rule is given to work with. Everything that it starts is stopped after it. */
export interface AdapterRuleContext {
  readonly subject: AdapterSubject;
  /** The managers' time. Real time decides nothing. */
  readonly clock: ManualClock;
  /** The first manager's store, with its faults and the calls that reached it. */
  readonly store: FaultyStore<AnyStore>;
  /** What the first manager told, in order. */
  readonly events: readonly { readonly name: string; readonly event: object }[];
  /** Starts an application on the adapter under test. `/ping` answers `pong` without a look at the session. */
  start(routes: Readonly<Record<string, Route>>, options?: StartOptions): Promise<App>;
}

/** What a rule may need or be excused by. */
export interface RuleDetails {
  readonly needs?: readonly AdapterAbility[];
  readonly unless?: readonly AdapterAbility[];
}

type Run = (context: AdapterRuleContext) => Promise<void>;
type UngroupedRule = Omit<AdapterRule, "group">;

/** Names a rule that every adapter can be held to. */
export function rule(name: string, run: Run): UngroupedRule;
/** Names a rule that needs abilities, or is for adapters that lack them. */
export function rule(name: string, details: RuleDetails, run: Run): UngroupedRule;
export function rule(name: string, details: RuleDetails | Run, run?: Run): UngroupedRule {
  if (typeof details === "function") return { name, needs: [], unless: [], run: details };
  if (run === undefined) throw new TypeError(`The rule "${name}" has nothing to run.`);
  return { name, needs: details.needs ?? [], unless: details.unless ?? [], run };
}

/** Puts rules under one heading. */
export function group(name: string, rules: readonly UngroupedRule[]): readonly AdapterRule[] {
  return rules.map((each) => ({ ...each, group: name }));
}
