import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import { type Random, seededRandom } from "../../../src/testing/index.ts";
import { withServers } from "../../support/servers/programs.ts";
import { type EngineName, ENGINES, need, STRICT_NAMES } from "./engines.ts";
import type { Reply } from "./http-client.ts";
import { Cluster } from "./http-cluster.ts";
import { KINDS, type ServerOptions } from "./http-orders.ts";

/** How many times the usual work: `HOLDFAST_SOAK=10` for a long run. */
export const SOAK: number = Math.max(1, Number(process.env["HOLDFAST_SOAK"] ?? 1) || 1);

/** `HOLDFAST_SEED` repeats the choices of a run; how the requests interleave is the machine's. */
export const SEED: number = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 1_000_000);

export interface Storm {
  readonly engine: EngineName;
  /** The servers, which the tests of a group share. */
  cluster(): Cluster;
  readonly random: Random;
  /** Says something of this run, with its seed. */
  say(text: string): void;
}

/** What the servers of a group are. */
export interface Group {
  readonly options?: ServerOptions;
  readonly size?: number;
  readonly engines?: readonly EngineName[];
}

/** No storm is about slow stores: where nothing is broken, a busy machine must not make an outage of it. */
const DEADLINE = "15s";

/** The longest that one test may take on a machine with other things to do. */
export const LIMIT_MS: number = 60_000 + 60_000 * SOAK;

/** LMDB is another file beside SQLite's: what differs by store is tried every day without servers. */
const EVERY_DAY: readonly EngineName[] =
  SOAK > 1 ? STRICT_NAMES : STRICT_NAMES.filter((name) => name !== "lmdb");

/** Describes the same rules for servers over each engine. */
export function everyCluster(group: Group, rules: (storm: Storm) => void): void {
  for (const engine of group.engines ?? EVERY_DAY)
    withServers(ENGINES[engine].needs, () => clusterOver(engine, group, rules));
}

function clusterOver(engine: EngineName, group: Group, rules: (storm: Storm) => void): void {
  describe(`servers over ${engine}`, { timeout: LIMIT_MS }, () => {
    const needed = need(engine);
    let started: Cluster | null = null;
    beforeAll(async () => {
      const running = await needed.running();
      const options: ServerOptions = { deadline: DEADLINE, ...group.options };
      started = await Cluster.start(await running.places(), options, group.size);
    }, LIMIT_MS);
    afterAll(async () => {
      await started?.close();
      await needed.over();
    }, LIMIT_MS);
    afterEach(() => {
      expect(started?.crashes).toEqual([]);
    });
    const cluster = (): Cluster => {
      if (started === null) throw new Error("The servers did not start.");
      return started;
    };
    const say = (text: string): void => console.info(`[${engine}, seed ${SEED}] ${text}`);
    rules({ engine, cluster, say, random: seededRandom(SEED) });
  });
}

/** Does `count` pieces of work, `width` at a time. */
export async function overlapping(
  count: number,
  width: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** Any kind of server of any process. */
export function anyDoor(cluster: Cluster, random: Random): { server: number; kind: (typeof KINDS)[number] } {
  return { server: random.below(cluster.size), kind: random.pick(KINDS) };
}

/** Counts answers by status and process, and how long they took. */
export class Tally {
  readonly #ms: number[][] = [];
  readonly #byStatus = new Map<number, number>();

  note(server: number, { status, ms }: Reply): void {
    (this.#ms[server] ??= []).push(ms);
    this.#byStatus.set(status, (this.#byStatus.get(status) ?? 0) + 1);
  }

  of(status: number): number {
    return this.#byStatus.get(status) ?? 0;
  }

  get total(): number {
    return this.#ms.reduce((sum, one) => sum + one.length, 0);
  }

  share(status: number): number {
    return this.of(status) / Math.max(1, this.total);
  }

  toString(): string {
    const statuses = [...this.#byStatus].sort(([one], [other]) => one - other);
    const shares = statuses.map(([status, count]) => `${status}: ${count}`).join(", ");
    const times = this.#ms.map((ms) => {
      const sorted = ms.toSorted((one, other) => one - other);
      const at = (part: number): string => (sorted[Math.floor((sorted.length - 1) * part)] ?? 0).toFixed(0);
      return `${at(0.5)}/${at(0.99)}/${at(1)}`;
    });
    return `${shares}; 409 are ${(this.share(409) * 100).toFixed(2)} %; ms (median/p99/max) per process ${times.join(" ")}`;
  }
}
