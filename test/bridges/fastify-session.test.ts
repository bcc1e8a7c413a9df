import { describe } from "vitest";
import { startFastify } from "./support/apps.ts";
import { onEveryEngine } from "./support/engines.ts";
import { bridgeScenarios, forgeFastify } from "./support/scenarios.ts";

describe("the bridge to @fastify/session", () => {
  onEveryEngine((open) => bridgeScenarios(startFastify, forgeFastify, open));
});
