import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { adapterContract } from "../../../src/testing/index.ts";
import { ROOT } from "../../package/package-json.ts";
import { withProjects } from "../support/projects.ts";
import { build } from "../support/sites.ts";
import { platforms } from "./events.ts";
import { hooks } from "./hooks.ts";
import { actions, pages } from "./pages.ts";
import { remoteFunctions } from "./remote.ts";
import { NEWEST, OLDEST } from "./site.ts";
import { subRequests } from "./sub-requests.ts";
import { subject } from "./subject.ts";

describe("sveltekit elsewhere than in Node", platforms);

for (const version of [NEWEST, OLDEST]) {
  withProjects([version.folder], () => {
    let printed = "";
    beforeAll(async () => void (printed = await build(version, ["vite", "build"])), 120_000);
    adapterContract({ test, describe }, subject(version));
    describe(version.name, () => {
      describe("form actions", () => actions(version));
      describe("pages", () => pages(version));
      describe("hooks", () => hooks(version));
      describe("sub-requests", () => subRequests(version));
      if (version === NEWEST) describe("remote functions", () => remoteFunctions(version));
      test("a prerendered page is made without a visitor, and calls no store", () => {
        const file = join(ROOT, version.folder, ".generated/build/prerendered/prerendered.html");
        expect(readFileSync(file, "utf8")).toContain("prerendered: 1 ");
        expect(printed).not.toContain("AT BUILD TIME");
      });
    });
  });
}
