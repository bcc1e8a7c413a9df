import { beforeAll, expect, test } from "vitest";
import { browseShop } from "../../browser/support/browse-shop.ts";
import { walkThrough } from "../../examples/walk.ts";
import { runIn, withProjects } from "../support/projects.ts";

const FOLDER = "examples/sveltekit";

withProjects([FOLDER], () => {
  beforeAll(async () => {
    const { code, output } = await runIn(FOLDER, "npm", ["run", "build"]);
    expect(code, output).toBe(0);
  }, 120_000);

  test("the shop on SvelteKit is checked by its compiler", { timeout: 120_000 }, async () => {
    const { code, output } = await runIn(FOLDER, "npm", ["run", "check"]);
    expect(code, output).toBe(0);
  });

  test("the shop on SvelteKit is walked through by browsers as promised", { timeout: 120_000 }, () =>
    walkThrough(`${FOLDER}/server.ts`),
  );

  browseShop(`${FOLDER}/server.ts`);
});
