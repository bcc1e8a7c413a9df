import { withRuntime, WORKERD } from "./support/runtimes.ts";
import { withProject } from "./support/suites.ts";
import { PROJECT } from "./support/bundle.ts";
import { describeTrial } from "./support/trial.ts";
import { JOINED } from "./support/quirks.ts";
import { startInWorkerd } from "./support/workerd.ts";

withProject(PROJECT, () =>
  withRuntime(WORKERD, () => {
    for (const name of ["fetch", "fetch, sealed", "hono, newest", "hono, oldest"])
      describeTrial({
        contract: "adapter",
        name,
        broken: JOINED,
        start: () => startInWorkerd("adapter", name),
      });
    describeTrial({ contract: "store", name: "memory", start: () => startInWorkerd("store", "memory") });
  }),
);
