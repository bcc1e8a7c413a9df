import type { ServerName } from "../../../scripts/servers.mjs";
import type { Place } from "../../races/support/places.ts";
import { SmallDisk } from "../../support/small-disk.ts";
import type { Deployed, Deployment } from "./deployments.ts";
import type { Load } from "./load.ts";
import { FELT, type Outage } from "./outages.ts";

export interface OnSmallDisk extends Deployed {
  readonly disk: SmallDisk;
}

interface Size {
  readonly mebibytes: number;
  /** Whom the server runs as. */
  readonly user?: string;
}

/** The same, with its files on a disk that can be filled. */
export function onSmallDisk(deployment: Deployment, { mebibytes, user }: Size): Deployment<OnSmallDisk> {
  return {
    ...deployment,
    name: `${deployment.name}, on a small disk`,
    async start() {
      const disk = await SmallDisk.mount(mebibytes, user);
      const where = await deployment.start(disk.path);
      return {
        ...where,
        disk,
        async restore() {
          await disk.free();
          await where.restore();
        },
        async stop() {
          await where.stop();
          await disk.unmount();
        },
      };
    },
  };
}

/** A store in the process itself. */
export function embedded(store: Place["store"], locationIn: (folder: string) => string): Deployment {
  const needs: readonly ServerName[] = [];
  return {
    name: store,
    clients: [store],
    needs,
    connections: 0,
    start: async (folder = "") => ({
      places: [{ store, location: locationIn(folder) }],
      connections: async () => 0,
      restore: async () => {},
      stop: async () => {},
    }),
  };
}

/** The disk is full for a while. Some engines end themselves then, and somebody starts them again. */
async function filled({ disk, restore }: OnSmallDisk, load: Load): Promise<void> {
  await disk.fill();
  await load.refuses(FELT);
  await restore();
}

export const OF_DISKS: Readonly<Record<string, Outage<OnSmallDisk>>> = { "the disk is full": filled };
