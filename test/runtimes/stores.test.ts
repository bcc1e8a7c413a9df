import { BUN, DENO, NODE20, NODE22, NODE26, NODE_HERE } from "./support/runtimes.ts";
import { contractOn } from "./support/suites.ts";

const PROGRAM = { contract: "store", program: "test/runtimes/programs/stores.ts" } as const;
const OWN = ["memory", "directory"];

// There is no driver of SQLite for Node 20 that needs no compiler; without one the store says what to install.
contractOn(NODE20, { ...PROGRAM, subjects: [...OWN, "lmdb"] });
for (const runtime of [NODE22, NODE_HERE, NODE26, DENO])
  contractOn(runtime, { ...PROGRAM, subjects: [...OWN, "node:sqlite", "better-sqlite3"] });
// Its native part is one for all Nodes: the newest, and those that are not Node.
for (const runtime of [NODE26, DENO]) contractOn(runtime, { ...PROGRAM, subjects: ["lmdb"] });
contractOn(BUN, {
  ...PROGRAM,
  subjects: [...OWN, "bun:sqlite", "a database of bun:sqlite", "node:sqlite", "better-sqlite3", "lmdb"],
});
