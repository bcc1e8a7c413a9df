import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Random, seededRandom } from "../../../src/testing/index.ts";
import { Cluster } from "../../races/support/http-cluster.ts";
import { SEED, SOAK } from "../../races/support/http-storm.ts";
import { withServers } from "../../support/servers/programs.ts";
import { until } from "../../support/servers/server-process.ts";
import { disorder, imbalances } from "./balance.ts";
import type { Deployed, Deployment } from "./deployments.ts";
import { Load } from "./load.ts";
import type { Outage } from "./outages.ts";

/** Short, so that an outage is over soon; long enough for a healthy server on a busy machine. */
const DEADLINE = 500;

/** Each process has to do so much before an outage, and as much after it. */
const USUAL = 25;

const LIMIT_MS = 90_000 * SOAK;

/** How many more timers may run after an outage than before: clients keep one or two for each connection. */
const SPARE_TIMERS = 4;

/** What can be hoped for. */
export interface Hopes {
  /** Where the engine may forget what it acknowledged just before the outage, by its own design, only single answers are judged. */
  readonly exact?: boolean;
}

/**
 * Runs outages, one after another, under two server processes that are never started again: each outage has to leave the
 * books balanced, everybody logged in who was, and the processes at work, with no more connections and timers than before.
 */
export function outages<Where extends Deployed>(
  deployment: Deployment<Where>,
  scenarios: Readonly<Record<string, Outage<Where>>>,
  { exact = true }: Hopes = {},
): void {
  withServers(deployment.needs, () => {
    describe(`over ${deployment.name}`, { timeout: LIMIT_MS }, () => {
      let where: Where;
      let cluster: Cluster;
      let timers: number;
      const random = seededRandom(SEED);
      beforeAll(async () => {
        where = await deployment.start();
        cluster = await Cluster.start(where.places, { deadline: DEADLINE }, 2);
        timers = await timersOf(cluster);
      }, LIMIT_MS);
      afterAll(async () => {
        await cluster?.close();
        await where?.stop();
      }, LIMIT_MS);

      for (const [name, outage] of Object.entries(scenarios)) {
        for (let round = 0; round < SOAK; round += 1) {
          const kept = exact
            ? "the books balance, nobody is logged out"
            : "what was just acknowledged may be lost";
          test(`${name}: ${kept}, and the processes go on${times(round)}`, async () => {
            const run = `${name} ${round}`;
            await survive({
              where,
              cluster,
              random,
              run,
              outage,
              exact,
              most: 2 * deployment.connections,
              mostTimers: timers + deployment.connections + SPARE_TIMERS,
            });
          });
        }
      }

      test("closed after all that, the processes end by themselves", async () => {
        await cluster.stop();
        expect(cluster.crashes).toEqual([]);
        await until("their connections are closed", async () => (await where.connections()) === 0);
      });
    });
  });
}

function times(round: number): string {
  return round === 0 ? "" : ` (${round + 1})`;
}

interface Trial<Where> {
  readonly where: Where;
  readonly cluster: Cluster;
  readonly random: Random;
  readonly run: string;
  readonly outage: Outage<Where>;
  readonly exact: boolean;
  /** The most connections that the processes may hold when all is well again. */
  readonly most: number;
  /** The most timers that may run in one of them then. */
  readonly mostTimers: number;
}

async function survive<Where extends Deployed>(trial: Trial<Where>): Promise<void> {
  const { where, cluster, random, run, outage, exact, most, mostTimers } = trial;
  const load = await Load.start(cluster, random, run);
  try {
    await load.acknowledges(USUAL);
    await outage(where, load, random);
    await load.acknowledges(USUAL);
  } finally {
    // Where it failed on the way, the next one is to begin in fair weather.
    await where.restore();
    await load.stop();
  }
  console.info(`[${run}, seed ${SEED}] ${load.toString()}`);
  expect(await (exact ? imbalances(cluster, load) : disorder(cluster, load))).toEqual([]);
  await until(`no more than ${most} connections are open`, async () => (await where.connections()) <= most);
  await until(`no more than ${mostTimers} timers run`, async () => (await timersOf(cluster)) <= mostTimers);
}

/** How many timers that keep a process alive run in the one that has most of them. */
async function timersOf(cluster: Cluster): Promise<number> {
  const active = await Promise.all(cluster.servers.map((server) => server.order("resources")));
  return Math.max(...active.map((names) => names.filter((name) => name === "Timeout").length));
}
