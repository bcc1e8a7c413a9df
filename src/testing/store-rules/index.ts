import { abilityRules, subscribeRules } from "./abilities.ts";
import { copyRules } from "./copies.ts";
import { damageRules } from "./damage.ts";
import { deleteRules } from "./delete.ts";
import { expiryRules } from "./expiry.ts";
import { historyRules } from "./histories.ts";
import { hostileRules } from "./hostile.ts";
import { iterateRules } from "./iterate.ts";
import { keptRules } from "./kept.ts";
import { labelRaceRules } from "./label-races.ts";
import { labelRules } from "./labels.ts";
import { neighbourRules } from "./neighbours.ts";
import { processRules } from "./processes.ts";
import { raceRules } from "./races.ts";
import { recordRules } from "./records.ts";
import { renewRules } from "./renew.ts";
import type { StoreRule } from "./rule.ts";
import { signalRules } from "./signals.ts";
import { sweepRules } from "./sweep.ts";
import { touchRules, updateRules } from "./update.ts";

/** Every rule of the store contract, grouped by topic. */
export const storeRules: readonly StoreRule[] = [
  ...abilityRules,
  ...recordRules,
  ...updateRules,
  ...touchRules,
  ...renewRules,
  ...deleteRules,
  ...expiryRules,
  ...copyRules,
  ...keptRules,
  ...hostileRules,
  ...labelRules,
  ...iterateRules,
  ...sweepRules,
  ...subscribeRules,
  ...signalRules,
  ...neighbourRules,
  ...damageRules,
  ...raceRules,
  ...labelRaceRules,
  ...historyRules,
  ...processRules,
];
