import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { adapterContract } from "../../../src/testing/index.ts";
import { ROOT } from "../../package/package-json.ts";
import { withProjects } from "../support/projects.ts";
import { build } from "../support/sites.ts";
import { actions, errors, pages, rewrites } from "./pages.ts";
import { NEWEST, OLDEST } from "./site.ts";
import { subject } from "./subject.ts";

for (const version of [NEWEST, OLDEST]) {
  withProjects([version.folder], () => {
    let printed = "";
    beforeAll(async () => void (printed = await build(version, ["astro", "build"])), 120_000);
    adapterContract({ test, describe }, subject(version));
    describe(version.name, () => {
      describe("pages", () => pages(version));
      describe("actions", () => actions(version));
      describe("errors", () => errors(version));
      describe("rewrites", () => rewrites(version));
      test("a prerendered page is made without a visitor, calls no store, and Astro has nothing to warn of", () => {
        const file = join(ROOT, version.folder, ".generated/build/client/prerendered/index.html");
        expect(readFileSync(file, "utf8")).toContain("prerendered: 1 ");
        expect(printed).not.toMatch(/WARN|ERROR/);
      });
    });
  });
}
