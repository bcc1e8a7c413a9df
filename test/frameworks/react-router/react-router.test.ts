import { beforeAll, describe, test } from "vitest";
import { adapterContract } from "../../../src/testing/index.ts";
import { withProjects } from "../support/projects.ts";
import { build, type Built, folderOf, VERSIONS } from "./build.ts";
import { subjectOf } from "./subject.ts";

for (const version of VERSIONS) {
  withProjects([folderOf(version)], () => {
    describe(`react-router ${version}`, () => {
      let built: Built;
      beforeAll(async () => {
        built = await build(version);
      }, 120_000);

      adapterContract(
        { test, describe },
        subjectOf(`react-router ${version} over its listener for Node`, () => built),
      );
      adapterContract(
        { test, describe },
        subjectOf(`react-router ${version} over its handler for Express`, () => built, "express"),
      );
    });
  });
}
