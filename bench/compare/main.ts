/**
 * `node bench/compare/main.ts`: measures Holdfast beside its peers; `growth` draws curves of what grows with what, `guard` looks whether
 * something became worse since the last results, `report` makes the pages anew. Progress goes to standard error.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tell } from "../scale/progress.ts";
import { requestOf } from "./options.ts";
import { measurePeers } from "./peers.ts";
import { reportOnPeers } from "./report.ts";

const request = requestOf(process.argv.slice(2));
const stop = new AbortController();
process.once("SIGINT", () => {
  tell("Stopping ...");
  stop.abort(new Error("Stopped by Ctrl+C."));
});

mkdirSync(request.folder, { recursive: true });
const result = await measurePeers(request, stop.signal);
const file = join(request.folder, "peers.json");
writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
writeFileSync(join(request.folder, "peers.md"), reportOnPeers(result));
tell(`Written to ${file}`);
if (request.json) console.log(JSON.stringify(result, null, 2));
