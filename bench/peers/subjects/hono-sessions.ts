import type { Context as HonoContext } from "hono";
import { MemoryStore, type Session as HonoSession, sessionMiddleware } from "hono-sessions";
import { onHono } from "../frameworks/hono.ts";
import { type Handlers, nameOf, nextUser, nextValue, partsOf, turn } from "../handlers/handlers.ts";

/** hono-sessions with its own memory store. */
export function serve(): Promise<number> {
  return onHono(sessionMiddleware({ store: new MemoryStore() })).serve(HANDLERS);
}

const honoSession = (context: HonoContext): HonoSession<Record<string, unknown>> => context.get("session");

/** Fields are got and set. */
const HANDLERS: Handlers<HonoContext> = {
  anonymous: (context) => (honoSession(context).get("user") as string | null) ?? "hello",
  read: (context) => nameOf(honoSession(context).get("part0") as never),
  write(context) {
    const value = nextValue();
    honoSession(context).set("seen", value);
    return String(value);
  },
  login(context) {
    const user = nextUser();
    honoSession(context).set("user", user);
    context.set("session_key_rotation", true);
    return user;
  },
  async count(context) {
    await turn();
    const count = ((honoSession(context).get("count") as number | null) ?? 0) + 1;
    honoSession(context).set("count", count);
    return String(count);
  },
  total: (context) => String(honoSession(context).get("count") ?? 0),
  prepare(context, bytes, fields) {
    for (const [name, part] of Object.entries(partsOf(bytes, fields))) honoSession(context).set(name, part);
    return "prepared";
  },
};
