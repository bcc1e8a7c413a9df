import { describe } from "vitest";
import { startExpress } from "./support/apps.ts";
import { onEveryEngine } from "./support/engines.ts";
import { bridgeScenarios, forgeExpress } from "./support/scenarios.ts";

describe("the bridge to express-session", () => {
  onEveryEngine((open) => bridgeScenarios(startExpress, forgeExpress, open));
});
