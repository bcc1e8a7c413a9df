// A worker that makes everything before its first request, where the platform allows neither timers nor random values nor I/O.
import { SessionManager } from "../../../src/index.ts";
import { fetchSessions } from "../../../src/adapters/fetch.ts";
import { memoryStore } from "../../../src/stores/memory.ts";

const manager = new SessionManager<{ views: number }>({
  store: memoryStore(),
  context: true,
  rotateEvery: "15m",
});
const sessions = fetchSessions(manager);

export { SessionObject as TriedObject } from "../../../src/stores/durable-objects.ts";

export default {
  fetch: sessions.wrap((_request, session) => Response.json({ views: session.increment("views") })),
};
