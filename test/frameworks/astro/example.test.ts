import { beforeAll, expect, test } from "vitest";
import { browseShop } from "../../browser/support/browse-shop.ts";
import { walkThrough } from "../../examples/walk.ts";
import { runIn, withProjects } from "../support/projects.ts";

const FOLDER = "examples/astro";
const QUIET = { ASTRO_TELEMETRY_DISABLED: "1" };

withProjects([FOLDER], () => {
  beforeAll(async () => {
    const { code, output } = await runIn(FOLDER, "npm", ["run", "build"], QUIET);
    expect(code, output).toBe(0);
  }, 120_000);

  test("the shop on Astro is checked by its compiler", { timeout: 120_000 }, async () => {
    const { code, output } = await runIn(FOLDER, "npm", ["run", "check"], QUIET);
    expect(code, output).toBe(0);
  });

  test("the shop on Astro is walked through by browsers as promised", { timeout: 120_000 }, () =>
    walkThrough(`${FOLDER}/server.ts`),
  );

  browseShop(`${FOLDER}/server.ts`);
});
