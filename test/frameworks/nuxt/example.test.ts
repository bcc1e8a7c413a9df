import { expect, test } from "vitest";
import { walkThrough } from "../../examples/walk.ts";
import { runIn, withProjects } from "../support/projects.ts";

const PROJECT = "examples/nuxt";

withProjects([PROJECT], () => {
  test(
    "the shop on Nuxt is built, and walked through by browsers as promised",
    { timeout: 300_000 },
    async () => {
      const nuxt = ["node_modules/nuxt/bin/nuxt.mjs", "build"];
      const built = await runIn(PROJECT, process.execPath, nuxt, { NUXT_TELEMETRY_DISABLED: "1" });
      expect(built.code, built.output).toBe(0);
      await walkThrough("examples/nuxt/server.mjs", { cwd: PROJECT });
    },
  );
});
