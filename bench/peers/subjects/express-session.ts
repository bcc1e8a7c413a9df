import session from "express-session";
import { onExpress } from "../frameworks/express.ts";
import { type Bag, bagHandlers } from "../handlers/bag.ts";
import type { Engines } from "../stores/clients.ts";
import { expressSessionStore } from "../stores/express-session.ts";
import { SECRET } from "./secret.ts";

/** express-session, told not to save what did not change. */
export async function serve(store: string, engines: Engines): Promise<number> {
  const sessions = session({
    secret: SECRET,
    resave: false,
    saveUninitialized: false,
    store: await expressSessionStore(store, engines),
  });
  const handlers = bagHandlers<{ request: { session: Bag } }>({
    bagOf: ({ request }) => request.session,
    async renew({ request }) {
      const { session } = request as unknown as { session: session.Session };
      await new Promise<void>((resolve, reject) => {
        session.regenerate((error: unknown) => (error ? reject(error as Error) : resolve()));
      });
      return request.session;
    },
  });
  return await onExpress(sessions).serve(handlers as never);
}
