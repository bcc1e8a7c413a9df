// Sweeps a file, when told to, until nothing that expired is left, and tells how many went.
import { type SqliteDriverName, sqliteStore } from "../../../src/stores/sqlite.ts";

const [file = "", driver = "node:sqlite", now = "0"] = process.argv.slice(2);
const store = sqliteStore(file, { driver: driver as SqliteDriverName });
await store.setup({ signal: new AbortController().signal });
process.send?.("ready");
process.once("message", () => void sweep());

async function sweep(): Promise<void> {
  const { deleted } = await store.sweep(Number(now), 1_000_000, { signal: new AbortController().signal });
  await store.close();
  process.send?.(deleted, () => process.exit(0));
}
