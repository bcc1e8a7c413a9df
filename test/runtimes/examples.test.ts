import { expect, test } from "vitest";
import { walkThrough } from "../examples/walk.ts";
import { runIn } from "../frameworks/support/projects.ts";
import { BUN, DENO, type Runtime, withRuntime } from "./support/runtimes.ts";
import { withProject } from "./support/suites.ts";

const PATIENT = { timeout: 120_000 };

function command({ program, args }: Runtime): string[] {
  return [String(program), ...args("").slice(0, -1)];
}

for (const [runtime, server] of [
  [BUN, "examples/bun/server.ts"],
  [DENO, "examples/deno/server.ts"],
] as const) {
  withRuntime(runtime, () => {
    test("walks a browser through the shop as promised", PATIENT, () =>
      walkThrough(server, { runtime: command(runtime) }),
    );
  });
}

withProject("examples/workers", () => {
  test(
    "Cloudflare's runtime walks a browser through the shop as promised, sessions in Durable Objects",
    PATIENT,
    async () => {
      const { code, output } = await runIn("examples/workers", process.execPath, ["build.mjs"]);
      expect(code, output).toBe(0);
      await walkThrough("examples/workers/server.mjs", { uncounted: true });
    },
  );
});
