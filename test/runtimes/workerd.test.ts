import { withRuntime, WORKERD } from "./support/runtimes.ts";
import { withProject } from "./support/suites.ts";
import { PROJECT } from "./support/bundle.ts";
import { describeTrial } from "./support/trial.ts";
import { startInWorkerd } from "./support/workerd.ts";

/** Splitting at commas would let whoever may set any cookie plant one in the place of the session's. */
const JOINED = {
  "what a client sends: a cookie in the second of several Cookie lines is found":
    "workerd joins Cookie lines with a comma",
};

withProject(PROJECT, () =>
  withRuntime(WORKERD, () => {
    for (const name of ["fetch", "hono, newest", "hono, oldest"])
      describeTrial({ contract: "adapter", name, broken: JOINED, start: () => startInWorkerd("adapter", name) });
    describeTrial({
      contract: "adapter",
      name: "fetch, sessions in durable objects",
      broken: JOINED,
      start: () => startInWorkerd("adapter", "fetch", "durable objects"),
    });
    describeTrial({ contract: "store", name: "memory", start: () => startInWorkerd("store", "memory") });
    describeTrial({
      contract: "store",
      name: "durable objects",
      start: () => startInWorkerd("store", "durable objects"),
    });
  }),
);
