/** `node resident.ts <library> <sessions>`, forked: fills the memory store of a library, and tells how many bytes one session takes. */
import { randomBytes } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { heapNow } from "./asked.ts";
import { partsOf } from "./handlers/handlers.ts";

type Fill = (sessions: number) => Promise<unknown>;

const contents = (): Record<string, unknown> => ({ ...partsOf(200, 1), seen: 0 });
const newId = (): string => randomBytes(24).toString("base64url");

/** Each as it stores the session of a visitor by itself. */
const LIBRARIES: Readonly<Record<string, () => Promise<Fill>>> = {
  async holdfast() {
    const { memoryStore } = await import("holdfast/stores/memory");
    const { fillStore } = await import("./subjects/filling.ts");
    const store = memoryStore({ maxSessions: 100_000_000 });
    return async (sessions) => {
      await fillStore(store, sessions);
      return store;
    };
  },
  async "express-session"() {
    const { default: session } = await import("express-session");
    const store = new session.MemoryStore();
    return async (sessions) => {
      for (let made = 0; made < sessions; made += 1) {
        const cookie = new session.Cookie();
        store.set(newId(), { ...contents(), cookie } as never);
        if (made % 1000 === 0) await new Promise(setImmediate);
      }
      return store;
    };
  },
  async "hono-sessions"() {
    const { MemoryStore } = await import("hono-sessions");
    const store = new MemoryStore();
    return async (sessions) => {
      for (let made = 0; made < sessions; made += 1) {
        const data = Object.entries(contents()).map(([name, value]) => [name, { value, flash: false }]);
        const now = new Date().toISOString();
        store.createSession(newId(), {
          _id: newId(),
          _data: Object.fromEntries(data),
          _expire: null,
          _delete: false,
          _accessed: now,
        });
      }
      return store;
    };
  },
};

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const [library = "", sessions = "0"] = process.argv.slice(2);
const fill = await LIBRARIES[library]?.();
if (fill === undefined) throw new Error(`The memory of ${library} is not known here.`);
collect();
const before = heapNow();
const kept = await fill(Number(sessions));
collect();
process.send?.((heapNow() - before) / Number(sessions));
// What is measured must still be there.
process.on("disconnect", () => process.exit(kept === undefined ? 1 : 0));
