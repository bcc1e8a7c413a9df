import { describe, test } from "vitest";

import { adapterContract } from "../../../src/testing/index.ts";
import { withProjects } from "../support/projects.ts";
import { folderOf, PLATFORMS, VERSIONS } from "./nest.ts";
import { subjectOf } from "./nest-subject.ts";

for (const [name, version] of Object.entries(VERSIONS)) {
  withProjects([folderOf(version)], () => {
    for (const platform of PLATFORMS) {
      for (const style of ["returned", "response"] as const)
        adapterContract(
          { test, describe },
          subjectOf(`${name} on ${platform}, ${style}`, version, platform, style),
        );
    }
  });
}
