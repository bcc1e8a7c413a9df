import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../../package/package-json.ts";
import { runIn, withProjects } from "../support/projects.ts";
import { folderOf, VERSIONS } from "./nest.ts";

const USAGE = join(ROOT, "test/frameworks/nestjs/usage");

/** As `nest new` sets a project up, and stricter. */
const CONFIG = {
  compilerOptions: {
    target: "ES2023",
    module: "NodeNext",
    moduleResolution: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
    noEmit: true,
    skipLibCheck: true,
  },
  include: ["*.ts"],
};

withProjects(Object.values(VERSIONS).map(folderOf), () => {
  test.each(Object.entries(VERSIONS))(
    "what the page shows compiles with the types of %s",
    { timeout: 120_000 },
    async (_name, version) => {
      const folder = join(folderOf(version), ".generated");
      rmSync(join(ROOT, folder), { recursive: true, force: true });
      mkdirSync(join(ROOT, folder));
      for (const file of readdirSync(USAGE)) copyFileSync(join(USAGE, file), join(ROOT, folder, file));
      writeFileSync(join(ROOT, folder, "tsconfig.json"), JSON.stringify(CONFIG));
      const { output } = await runIn(folder, join(ROOT, "node_modules/.bin/tsc"), ["--pretty", "false"]);
      expect(output).toBe("");
    },
  );
});
