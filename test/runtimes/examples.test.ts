import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { blocksOf } from "../docs/pages.ts";
import { walkThrough } from "../examples/walk.ts";
import { runIn } from "../frameworks/support/projects.ts";
import { ROOT } from "../package/package-json.ts";
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

describe("the page of the fetch adapter", () => {
  const blocks = blocksOf("docs/adapters/fetch.md").map(({ code }) => code.trim());
  test.each(["examples/bun/server.ts", "examples/deno/server.ts", "examples/workers/worker.ts"])(
    "shows %s as it is",
    (file) => {
      expect(blocks).toContain(readFileSync(join(ROOT, file), "utf8").trim());
    },
  );
});
