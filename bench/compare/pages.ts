import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tell } from "../scale/progress.ts";
import { growthCharts, peerCharts } from "./charts.ts";
import { told } from "./children.ts";
import type { Axis, GrowthResult } from "./growth.ts";
import { AXES, growthConditions, reportOnGrowth } from "./growth-report.ts";
import type { WaysResult } from "../ways/measure.ts";
import { reportOnWays, waysSection } from "../ways/report.ts";
import type { Request } from "./options.ts";
import type { ProfilesResult } from "./profile.ts";
import { profilesSection, reportOnProfiles } from "./profile-report.ts";
import { budgetTable, conditions, lossTable, reportOnPeers, singlesSection } from "./report.ts";
import type { PeersResult } from "./result.ts";

const DOCS: string = fileURLToPath(new URL("../../docs/", import.meta.url));

/**
 * Makes the reports of what is in the folder of results, the charts, and what `docs/performance.md` says of them between its markers. A quick run does
 * not touch the page; `report` always does.
 */
export async function makePages({ folder, results, part }: Request): Promise<void> {
  if (folder !== results && part !== "report") return;
  const peers = kept<PeersResult>(folder, "peers");
  const growth = kept<GrowthResult>(folder, "growth");
  const ways = kept<WaysResult>(folder, "ways");
  const profiles = kept<ProfilesResult>(folder, "profile");
  if (peers !== undefined) writeFileSync(join(folder, "peers.md"), reportOnPeers(peers));
  if (growth !== undefined) writeFileSync(join(folder, "growth.md"), reportOnGrowth(growth));
  if (ways !== undefined) writeFileSync(join(folder, "ways.md"), reportOnWays(ways));
  if (profiles !== undefined) writeFileSync(join(folder, "profile.md"), reportOnProfiles(profiles));
  await draw([
    ...(peers === undefined ? [] : peerCharts(peers)),
    ...(growth === undefined ? [] : growthCharts(growth)),
  ]);
  const page = join(DOCS, "performance.md");
  let text = readFileSync(page, "utf8");
  if (peers !== undefined) text = between(text, "peers", peersPart(peers));
  if (growth !== undefined) text = between(text, "growth", growthPart(growth));
  if (ways !== undefined) text = between(text, "ways", waysSection(ways));
  if (profiles !== undefined) text = between(text, "profile", profilesSection(profiles));
  writeFileSync(page, text);
  tell(`Written: ${page}`);
}

function kept<T>(folder: string, name: string): T | undefined {
  const file = join(folder, `${name}.json`);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as T) : undefined;
}

async function draw(charts: ReturnType<typeof peerCharts>): Promise<void> {
  const to = join(DOCS, "performance");
  mkdirSync(to, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), "holdfast-charts-"));
  const file = join(scratch, "charts.json");
  writeFileSync(file, JSON.stringify(charts));
  await told<number>("draw.ts", [file, to]);
  rmSync(scratch, { recursive: true });
}

/** Puts text in the place of what is between the markers of that name. Throws where there are none. */
export function between(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- measured: ${name} -->`, "<!-- end -->"];
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`The page has no place for ${name}: ${begin} … ${end}.`);
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}

function peersPart(result: PeersResult): string {
  return [
    conditions(result),
    "### Throughput by store, on Express",
    "![Throughput as a share of the bare server's, by store](performance/throughput-by-store.svg)",
    "### Throughput by framework, in memory",
    "![Throughput as a share of the bare server's, by framework](performance/throughput-by-framework.svg)",
    "### What travels to the engine",
    "![Bytes sent to the engine for one small field, in a small session and in one of 100 kB](performance/bytes-sent.svg)",
    "### Lost updates",
    lossTable(result),
    ...singlesSection(result.singles).map((text) => text.replace(/^## /, "### ")),
    "### The budget",
    budgetTable(result),
  ].join("\n\n");
}

function growthPart(result: GrowthResult): string {
  const drawn = (Object.keys(AXES) as Axis[]).filter((axis) =>
    result.curves.some((curve) => curve.axis === axis),
  );
  return [
    growthConditions(result),
    ...drawn.flatMap((axis) => [
      `### ${AXES[axis].title}`,
      `![Requests a second and latency against: ${AXES[axis].title.toLowerCase()}](performance/growth-${axis}.svg)`,
      AXES[axis].why,
    ]),
  ].join("\n\n");
}
