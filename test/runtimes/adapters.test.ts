import { PIPELINED } from "./support/quirks.ts";
import { BUN, DENO, NODE20, NODE22, NODE26, NODE_HERE } from "./support/runtimes.ts";
import { contractOn } from "./support/suites.ts";

const NEWEST = ["fetch", "fetch, sealed", "hono, newest", "node", "express 5"];
const ALL = [...NEWEST, "hono, oldest", "express 4"];
const PROGRAM = { contract: "adapter", program: "test/runtimes/programs/adapters.ts" } as const;

// The oldest frameworks meet the oldest and the newest Node; in between the built package alone is new.
for (const runtime of [NODE20, NODE26, DENO]) contractOn(runtime, { ...PROGRAM, subjects: ALL });
for (const runtime of [NODE22, NODE_HERE]) contractOn(runtime, { ...PROGRAM, subjects: NEWEST });

contractOn(BUN, {
  ...PROGRAM,
  subjects: ALL,
  broken: {
    fetch: PIPELINED,
    "fetch, sealed": PIPELINED,
    "hono, newest": PIPELINED,
    "hono, oldest": PIPELINED,
  },
});
