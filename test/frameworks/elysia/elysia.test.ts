import { describe } from "vitest";
import { BUN } from "../../runtimes/support/runtimes.ts";
import { contractOn } from "../../runtimes/support/suites.ts";

const SUBJECTS = ["listen", "listen, aot: false", "handle", "handle, aot: false"];

const PIPELINED = {
  "on the wire: an answer that waits for its save holds back the pipelined one behind it":
    "Bun.serve cuts a connection on which a second request comes before the first is answered",
};

for (const version of ["1.3.21", "1.4.30"]) {
  describe(`Elysia ${version}`, () =>
    contractOn(BUN, {
      contract: "adapter",
      program: "test/frameworks/elysia/programs/contract.ts",
      project: `test/frameworks/elysia/${version}`,
      subjects: SUBJECTS,
      broken: { listen: PIPELINED, "listen, aot: false": PIPELINED },
    }));
}
