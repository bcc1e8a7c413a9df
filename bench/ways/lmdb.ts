import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SessionId } from "../../src/core/record.ts";
import { lmdbStore } from "../../src/stores/lmdb.ts";
import { CALL, recordWith, SMALL } from "./records.ts";
import { atOnce, type Way } from "./way.ts";

const MANY = 64;

/** What an LMDB store gains. */
export const LMDB_WAYS: readonly Way[] = [
  {
    name: "coalesced writes, LMDB",
    deed: `one field of ${MANY} sessions each is written, each to survive a power cut`,
    with: "at once: all of a turn are one transaction",
    without: "each when the one before is answered, in a transaction of its own",
    open: async () => {
      const folder = await mkdtemp(join(tmpdir(), "holdfast-ways-"));
      const store = lmdbStore(join(folder, "sessions.lmdb"), { durability: "power" });
      await store.setup(CALL);
      const records = Array.from({ length: MANY }, () => recordWith(SMALL));
      for (const record of records) await store.create(record, CALL);
      const write = async (id: SessionId): Promise<void> => {
        const set = { theme: JSON.stringify(String(Math.random())) };
        const { kind } = await store.update(id, { now: Date.now(), epoch: 1, set }, CALL);
        if (kind !== "done") throw new Error(`The session could not be changed: ${kind}.`);
      };
      return {
        with: () => atOnce(MANY, (place) => write(records[place]?.id as SessionId)),
        without: async () => {
          for (const { id } of records) await write(id);
          return MANY;
        },
        close: async () => {
          await store.close();
          await rm(folder, { recursive: true });
        },
      };
    },
  },
];
