export {
  checkStore,
  storeContract,
  type RuleOutcome,
  type Runner,
  type TestFunction,
} from "./store-contract.ts";
export { storeRules } from "./store-rules/index.ts";
export type { RuleContext, StoreRule } from "./store-rules/rule.ts";
export type { Ability, OpenedStore, StoreSubject, WorkerSubject } from "./store-subject.ts";
export type { Workers } from "./store-workers.ts";
