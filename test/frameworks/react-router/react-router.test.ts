import { beforeAll, describe, test } from "vitest";
import { adapterContract } from "../../../src/testing/index.ts";
import { withProjects } from "../support/projects.ts";
import { build, type Built, folderOf, VERSIONS } from "./build.ts";
import { describePages } from "./pages.ts";
import { describeStorage } from "./storage.ts";
import { subjectOf } from "./subject.ts";
import { describeWhole } from "./whole.ts";

for (const version of VERSIONS) {
  withProjects([folderOf(version)], () => {
    describe(`react-router ${version}`, () => {
      let built: Built;
      beforeAll(async () => {
        built = await build(version);
      }, 120_000);

      // The listener for Node of 7.9 leaves the connection open when a body breaks, with no session in sight.
      for (const server of version === "7.9.0" ? (["express"] as const) : (["node", "express"] as const)) {
        adapterContract(
          { test, describe },
          subjectOf(`react-router ${version}, served by ${server}`, () => built, server),
        );
      }
      describePages(() => built);
      describeStorage(() => built);
      describeWhole(() => built);
    });
  });
}
