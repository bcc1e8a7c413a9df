import { test } from "vitest";
import { walkThrough } from "../../examples/walk.ts";
import { BUN, withRuntime } from "../../runtimes/support/runtimes.ts";
import { withProjects } from "../support/projects.ts";

const EXAMPLE = "examples/elysia";

withProjects([EXAMPLE], () => {
  withRuntime(BUN, () => {
    test("the shop on Elysia is walked through by browsers as promised", { timeout: 120_000 }, () =>
      walkThrough(`${EXAMPLE}/server.ts`, { runtime: [BUN.program ?? "bun", "run"], cwd: EXAMPLE }),
    );
  });
});
