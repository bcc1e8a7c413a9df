import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { walkThrough } from "../../examples/walk.ts";
import { ROOT } from "../../package/package-json.ts";
import { runIn, withProjects } from "../support/projects.ts";
import { PLATFORMS } from "./nest.ts";

const EXAMPLE = "examples/nestjs";

withProjects([EXAMPLE], () => {
  beforeAll(async () => {
    const nest = join(ROOT, EXAMPLE, "node_modules/@nestjs/cli/bin/nest.js");
    const { code, output } = await runIn(EXAMPLE, process.execPath, [nest, "build"]);
    expect(code, output).toBe(0);
  }, 120_000);

  test.each(PLATFORMS)(
    "the shop on Nest, on %s, is walked through by browsers as promised",
    { timeout: 120_000 },
    (platform) =>
      walkThrough(`${EXAMPLE}/server.mjs`, { cwd: EXAMPLE, env: { PLATFORM: platform.toLowerCase() } }),
  );
});
