import { describe, expect, test } from "vitest";
import type { AnyStore } from "../../src/core/store.ts";
import { SessionManager } from "../../src/index.ts";
import { done, loggedIn, noUnhandledRejections, seen } from "../races/rig.ts";
import { openPlace, type Place } from "../races/support/places.ts";
import { withServers } from "../support/servers/programs.ts";
import { type Deployment, mysql, postgres, type Single } from "./support/deployments.ts";

noUnhandledRejections();

/** When the server dies: as a message arrives, so that it is cut wherever it is, or once it was carried out and nobody told. */
type Moment = "asked" | "answered";
type Cut = readonly [moment: Moment, step: number];

/** A set-up is one message or several, counted from the first that makes something; most tell a driver that prepares statements apart. */
const CUTS: readonly (readonly [Deployment<Single>, readonly Cut[]])[] = [
  [postgres(["pg-pool", "postgres.js"]), [1, 2, 4].map((step) => ["answered", step])],
  [mysql("mysql", ["mysql2"]), cutsBefore(10)],
  [mysql("mariadb", ["mysql2"]), cutsBefore(10)],
];
const PATIENCE = { timeout: 240_000 };

/** Each statement is prepared by one message and carried out by the next. */
function cutsBefore(last: number): readonly Cut[] {
  const steps = Array.from({ length: last / 2 }, (_, index) => 2 * index + 2);
  return steps.flatMap((step): readonly Cut[] => [
    ["asked", step],
    ["answered", step],
  ]);
}

for (const [deployment, cuts] of CUTS) {
  withServers(deployment.needs, () => {
    describe(`over ${deployment.name}`, () => {
      test(
        "a server that is killed in the middle of a set-up leaves nothing that the next one trips over",
        PATIENCE,
        async () => {
          const where = await deployment.start();
          try {
            for (const cut of cuts)
              for (const [index, place] of where.places.entries())
                await interrupted(where, place, cut, `setup_${index}_${cut.join("_")}`);
          } finally {
            await where.stop();
          }
        },
      );
    });
  });
}

/** Kills the server at one message of a set-up, and sets up again. */
async function interrupted(where: Single, place: Place, [moment, step]: Cut, table: string): Promise<void> {
  const location = JSON.stringify({ ...(JSON.parse(place.location) as object), table });
  const there: Place = { store: place.store, location };
  let made = 0;
  let killed = (): void => undefined;
  const dead = new Promise<string>((resolve) => (killed = () => resolve("dead")));
  const lost = where.proxy.loseReply((request) => {
    if (made > 0 || /CREATE (TABLE|INDEX)/.test(request)) made += 1;
    // In the next turn the message is on its way, so that the server dies over it.
    if (made === step && moment === "asked") setImmediate(() => void where.server.kill().then(killed));
    return made === step && moment === "answered";
  }, "hang");
  const first = await openPlace(there);
  const settled = setUp(first).then(
    () => "done",
    () => "failed",
  );
  // One that has fewer messages is done before.
  const came = await Promise.race([lost.then(() => "lost"), dead, settled]);
  if (came !== "done") {
    await where.server.kill();
    where.proxy.cut();
    await settled;
    await where.server.start();
  }
  await where.restore();
  await first.close?.().catch(() => undefined);
  await usable(there);
}

async function setUp(store: AnyStore): Promise<void> {
  await store.setup?.({ signal: AbortSignal.timeout(20_000) });
}

async function usable(place: Place): Promise<void> {
  const store = await openPlace(place);
  await setUp(store);
  const manager = new SessionManager({ store, deadline: "10s", sweepEvery: false });
  const cookie = await loggedIn({ manager }, "ann", { here: 1 });
  await done({ manager }, cookie, (session) => void session.increment("n"));
  expect(await seen({ manager }, cookie)).toEqual({ here: 1, n: 1 });
  expect(await manager.sessionsOf("ann")).toHaveLength(1);
  expect(await manager.revokeUser("ann")).toBe(1);
  await manager.close();
}
