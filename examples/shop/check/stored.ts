import { parseSessionId, SessionManager } from "holdfast";
import { openStore } from "holdfast/open-store";

/** How many sessions a store holds, seen from another process than the shop's. */
export async function stored(store: string): Promise<number> {
  const manager = new SessionManager({ store: await openStore(store) });
  let count = 0;
  for await (const _session of manager.all()) count += 1;
  await manager.close();
  return count;
}

/** What is in a field of a session, as text. `undefined` when there is no such field, or no such session. */
export async function storedField(store: string, session: string, name: string): Promise<string | undefined> {
  const id = parseSessionId(session);
  if (id === null) return undefined;
  const opened = await openStore(store);
  const record = await opened.read(id, { signal: new AbortController().signal });
  await opened.close();
  return record?.fields[name];
}
