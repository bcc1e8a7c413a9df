import { recordRules } from "./records.ts";
import type { StoreRule } from "./rule.ts";
import { touchRules, updateRules } from "./update.ts";

/** Every rule of the store contract, grouped by topic. */
export const storeRules: readonly StoreRule[] = [...recordRules, ...updateRules, ...touchRules];
