/**
 * `npm run fuzz`: looks for inputs that break what meets bytes of clients and stores, for a minute or `-- --seconds 600`, all targets or
 * `-- --target cookie`. What it finds new joins `test/fuzz/corpus`, which the everyday suite replays.
 */
import { prepare, run } from "./toolchain.mjs";

process.exitCode = run("node", ["test/fuzz/run.ts", ...process.argv.slice(2)], prepare());
