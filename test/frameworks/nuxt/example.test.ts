import { beforeAll, expect, test } from "vitest";
import { browseShop } from "../../browser/support/browse-shop.ts";
import { walkThrough } from "../../examples/walk.ts";
import { runIn, withProjects } from "../support/projects.ts";

const EXAMPLE = "examples/nuxt";

withProjects([EXAMPLE], () => {
  beforeAll(async () => {
    const nuxt = ["node_modules/nuxt/bin/nuxt.mjs", "build"];
    const { code, output } = await runIn(EXAMPLE, process.execPath, nuxt, { NUXT_TELEMETRY_DISABLED: "1" });
    expect(code, output).toBe(0);
  }, 300_000);

  test("the shop on Nuxt is walked through by browsers as promised", { timeout: 120_000 }, () =>
    walkThrough(`${EXAMPLE}/server.mjs`, { cwd: EXAMPLE }),
  );

  browseShop(`${EXAMPLE}/server.mjs`, { cwd: EXAMPLE });
});
