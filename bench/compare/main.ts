/**
 * `node bench/compare/main.ts`: measures Holdfast beside its peers; `growth` draws curves of what grows with what, `ways` does what makes
 * it fast with it and without it, `profile` tells where the time of a request goes, `guard` looks whether something became worse since the last results, `report` makes the pages anew. Progress goes to standard error.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tell } from "../scale/progress.ts";
import { measureGrowth } from "./growth.ts";
import { reportOnGrowth } from "./growth-report.ts";
import { guard } from "./guard.ts";
import { requestOf } from "./options.ts";
import { makePages } from "./pages.ts";
import { measurePeers } from "./peers.ts";
import { measureProfiles } from "./profile.ts";
import { reportOnProfiles } from "./profile-report.ts";
import { reportOnPeers } from "./report.ts";
import { measureWays } from "../ways/measure.ts";
import { reportOnWays } from "../ways/report.ts";

const request = requestOf(process.argv.slice(2));
const stop = new AbortController();
process.once("SIGINT", () => {
  tell("Stopping ...");
  stop.abort(new Error("Stopped by Ctrl+C. --resume goes on after what is measured."));
});

mkdirSync(request.folder, { recursive: true });
try {
  await measure();
} catch (error) {
  if (!stop.signal.aborted) throw error;
  tell(String(stop.signal.reason));
  process.exitCode = 1;
}

async function measure(): Promise<void> {
  switch (request.part) {
    case "peers": {
      const result = await measurePeers(request, stop.signal);
      keep("peers", result, reportOnPeers(result));
      break;
    }
    case "growth": {
      const result = await measureGrowth(request, stop.signal);
      keep("growth", result, reportOnGrowth(result));
      break;
    }
    case "ways": {
      const result = await measureWays(request, stop.signal);
      keep("ways", result, reportOnWays(result));
      break;
    }
    case "profile": {
      const result = await measureProfiles(request, stop.signal);
      keep("profile", result, reportOnProfiles(result));
      break;
    }
    case "guard":
      process.exitCode = await guard(request, stop.signal);
      return;
    case "report":
      break;
  }
  await makePages(request);
}

function keep(name: string, result: unknown, report: string): void {
  const file = join(request.folder, `${name}.json`);
  const text = `${JSON.stringify(result, null, 2)}\n`;
  writeFileSync(file, text);
  writeFileSync(join(request.folder, `${name}.md`), report);
  tell(`Written to ${file}`);
  if (request.json) process.stdout.write(text);
}
