import type { AnyStore } from "../../core/store.ts";
import type { Random } from "../random.ts";
import type { Ability, OpenedStore } from "../store-subject.ts";
import type { Workers } from "../store-workers.ts";

/** One rule of the store contract: a sentence, and what shows that a store keeps it. */
export interface StoreRule {
  /** The rule as a sentence; unique among all rules. */
  readonly name: string;
  readonly group: string;
  /** The abilities without which the rule cannot be tried. */
  readonly needs: readonly Ability[];
  /** Numbers in the catalogue of races, where the rule is one of them. */
  readonly races: readonly number[];
  /** Rejects when the store breaks the rule. */
  run(context: RuleContext): Promise<void>;
}

/** What a rule is given to work with. Everything that it opens is closed after it. */
export interface RuleContext {
  /** A fresh and empty store. */
  readonly store: AnyStore;
  readonly opened: OpenedStore;
  readonly random: Random;
  /** Whether the subject claims the ability. */
  claims(ability: Ability): boolean;
  /** How often to do something that is worth doing `times` times on a fast store; at least once. */
  rounds(times: number): number;
  /** Every handle on the same data that can be had, the store itself first: one or three. */
  handles(): Promise<readonly AnyStore[]>;
  /** Another fresh and empty store, with data of its own. */
  openAnother(): Promise<AnyStore>;
  /** Starts processes that opened the same data and wait for their tasks. */
  workers(count: number): Promise<Workers>;
}

/** What a rule may need or belong to. */
export interface RuleDetails {
  readonly needs?: readonly Ability[];
  readonly races?: readonly number[];
}

type Run = (context: RuleContext) => Promise<void>;
type UngroupedRule = Omit<StoreRule, "group">;

/** Names a rule that every store can be held to. */
export function rule(name: string, run: Run): UngroupedRule;
/** Names a rule that needs abilities or is a race of the catalogue. */
export function rule(name: string, details: RuleDetails, run: Run): UngroupedRule;
export function rule(name: string, details: RuleDetails | Run, run?: Run): UngroupedRule {
  if (typeof details === "function") return { name, needs: [], races: [], run: details };
  if (run === undefined) throw new TypeError(`The rule "${name}" has nothing to run.`);
  return { name, needs: details.needs ?? [], races: details.races ?? [], run };
}

/** Puts rules under one heading. */
export function group(name: string, rules: readonly UngroupedRule[]): readonly StoreRule[] {
  return rules.map((each) => ({ ...each, group: name }));
}
