// Creates sessions of 50 kB, so that a file grows.
import type { SessionId } from "../../../src/core/record.ts";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import { NOW } from "../storm-plan.ts";

const [file = "", name = ""] = process.argv.slice(2);
const call = { signal: new AbortController().signal };
const store = lmdbStore(file, { durability: "process" });
for (let index = 0; index < 300; index++) {
  await store.create(
    {
      id: `${name}${index}_`.padEnd(24, "0") as SessionId,
      epoch: 1,
      version: 1,
      secretHash: "h".repeat(43),
      labels: ["user:1"],
      createdAt: NOW,
      accessedAt: NOW,
      expiresAt: NOW + 1000,
      endsAt: NOW + 2000,
      fields: { padding: "x".repeat(50_000) },
    },
    call,
  );
}
await store.close();
process.send?.("done", () => process.exit(0));
