import { describe } from "vitest";
import type { Running } from "../../examples/walk.ts";
import { withServers } from "../../support/servers/programs.ts";
import { formTests } from "./form-tests.ts";
import { rigOf } from "./rig.ts";
import { scriptTests } from "./script-tests.ts";
import { stationTests } from "./station-tests.ts";

/** Describes how people see the shop of a server in Chromium: its forms with scripts and without, and what only scripts do. */
export function browseShop(server: string, running: Running = {}): void {
  withServers(["chromium"], () => {
    describe(`${server} in Chromium`, { timeout: 90_000 }, () => {
      const rig = rigOf(server, running);
      describe("with scripts", () => {
        formTests(rig, true);
        scriptTests(rig);
        stationTests(rig);
      });
      describe("without scripts", () => formTests(rig, false));
    });
  });
}
