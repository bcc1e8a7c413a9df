import { SessionManager } from "holdfast";
import { openStore } from "holdfast/open-store";

/** How many sessions a store holds, seen from another process than the shop's. */
export async function stored(store: string): Promise<number> {
  const manager = new SessionManager({ store: await openStore(store) });
  let count = 0;
  for await (const _session of manager.all()) count += 1;
  await manager.close();
  return count;
}
