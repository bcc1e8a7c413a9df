import { endRules } from "./ends.ts";
import { messageRules } from "./messages.ts";
import { openingRules } from "./opening.ts";
import type { LiveRule } from "./rule.ts";

/** Every rule of the live contract. */
export const liveRules: readonly LiveRule[] = [...openingRules, ...messageRules, ...endRules];
