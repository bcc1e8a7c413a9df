import { afterAll, beforeAll, describe, test } from "vitest";
import { adapterContract } from "../../../src/testing/index.ts";
import { withProjects } from "../support/projects.ts";
import { Site } from "./next-rig.ts";
import { ownRules } from "./next-rules.ts";
import { routeSubject } from "./next-subject.ts";

/** Everything that is tried on one version of Next. */
export function suites(version: string): void {
  withProjects([`test/frameworks/next/${version}`], () => {
    const site = new Site(version);
    beforeAll(() => site.open(), 300_000);
    afterAll(() => site.close());

    adapterContract({ test, describe }, routeSubject(site));
    describe(`next ${version}`, () => ownRules(site));
  });
}
