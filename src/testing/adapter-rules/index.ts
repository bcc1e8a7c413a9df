import { economyRules } from "./economy.ts";
import { extensionRules } from "./extensions.ts";
import { failureRules } from "./failures.ts";
import { headerRules } from "./headers.ts";
import { inputRules } from "./input.ts";
import { mountingRules } from "./mounting.ts";
import { outageRules } from "./outages.ts";
import { raceRules } from "./races.ts";
import { rotationRules } from "./rotation.ts";
import type { AdapterRule } from "./rule.ts";
import { savingRules } from "./saving.ts";
import { securityRules } from "./security.ts";
import { streamRules } from "./streams.ts";
import { wireRules } from "./wire.ts";

/** Every rule of the adapter contract, grouped by topic. */
export const adapterRules: readonly AdapterRule[] = [
  ...savingRules,
  ...failureRules,
  ...raceRules,
  ...economyRules,
  ...inputRules,
  ...headerRules,
  ...rotationRules,
  ...securityRules,
  ...extensionRules,
  ...outageRules,
  ...streamRules,
  ...wireRules,
  ...mountingRules,
];
