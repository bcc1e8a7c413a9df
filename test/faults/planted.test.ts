import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { seededRandom } from "../../src/testing/index.ts";
import { Cluster } from "../races/support/http-cluster.ts";
import { LIMIT_MS, SEED } from "../races/support/http-storm.ts";
import type { Place } from "../races/support/places.ts";
import { imbalances } from "./support/balance.ts";
import { DEFECT_NAMES, type DefectiveLocation } from "./support/defective.ts";
import { Load } from "./support/load.ts";

const REQUESTS = 120;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-planted-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The imbalances after some load over processes that keep their sessions in that place. */
async function found(place: Place): Promise<string[]> {
  const cluster = await Cluster.start([place], { deadline: 500 }, 2);
  try {
    const load = await Load.start(cluster, seededRandom(SEED), "planted");
    try {
      await load.answers(REQUESTS);
    } finally {
      await load.stop();
    }
    return await imbalances(cluster, load);
  } finally {
    await cluster.close();
  }
}

test("where all is well, the books balance", { timeout: LIMIT_MS }, async () => {
  expect(await found({ store: "sqlite", location: join(folder, "sessions.db") })).toEqual([]);
});

test.each(DEFECT_NAMES)(
  "a store that %s is found out by the books",
  { timeout: LIMIT_MS },
  async (defect) => {
    const location: DefectiveLocation = { file: join(folder, "sessions.db"), defect };
    expect(await found({ store: "defective", location: JSON.stringify(location) })).not.toEqual([]);
  },
);
