import { describe, expect, test } from "vitest";
import type { AnyStore } from "../../src/core/store.ts";
import { SessionManager } from "../../src/index.ts";
import { done, loggedIn, noUnhandledRejections, seen } from "../races/rig.ts";
import { openPlace, type Place } from "../races/support/places.ts";
import { withServers } from "../support/servers/programs.ts";
import { type Deployment, postgres, type Single } from "./support/deployments.ts";

noUnhandledRejections();

const DEPLOYMENTS: readonly Deployment<Single>[] = [postgres(["pg-pool", "postgres.js"])];

/** A set-up is one message or several; the server dies after the first of them, the second, and so on. */
const STEPS = [1, 2, 4];
const PATIENCE = { timeout: 120_000 };

for (const deployment of DEPLOYMENTS) {
  withServers(deployment.needs, () => {
    describe(`over ${deployment.name}`, () => {
      test(
        "a server that is killed in the middle of a set-up leaves nothing that the next one trips over",
        PATIENCE,
        async () => {
          const where = await deployment.start();
          try {
            for (const step of STEPS) for (const place of where.places) await interrupted(where, place, step);
          } finally {
            await where.stop();
          }
        },
      );
    });
  });
}

/** Kills the server after so many messages of a set-up that make something, and sets up again. */
async function interrupted(where: Single, place: Place, step: number): Promise<void> {
  const there: Place = {
    store: place.store,
    location: JSON.stringify({ ...(JSON.parse(place.location) as object), table: `setup_${step}` }),
  };
  let made = 0;
  const lost = where.proxy.loseReply((request) => {
    if (/CREATE (TABLE|INDEX)/.test(request)) made += 1;
    return made === step;
  }, "hang");
  const first = await openPlace(there);
  const settled = setUp(first).then(
    () => "done",
    () => "failed",
  );
  // One that has fewer messages is done before.
  const came = await Promise.race([lost.then(() => "lost"), settled]);
  if (came === "lost") {
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
