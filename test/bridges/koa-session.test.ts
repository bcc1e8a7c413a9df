import { describe } from "vitest";
import { startKoa } from "./support/apps.ts";
import { onEveryEngine } from "./support/engines.ts";
import { bridgeScenarios, forgeKoa } from "./support/scenarios.ts";

describe("the bridge to koa-session", () => {
  onEveryEngine((open) => bridgeScenarios(startKoa, forgeKoa, open));
});
