import fastifyCookie from "@fastify/cookie";
import fastifySession from "@fastify/session";
import { onFastify } from "../frameworks/fastify.ts";
import { type Bag, bagHandlers } from "../handlers/bag.ts";
import type { Engines } from "../stores/clients.ts";
import { expressSessionStore } from "../stores/express-session.ts";
import { SECRET } from "./secret.ts";

/** `@fastify/session`, told not to save and send what did not change; it takes the stores of express-session. */
export async function serve(store: string, engines: Engines): Promise<number> {
  const own = store === "memory" ? undefined : await expressSessionStore(store, engines);
  const handlers = bagHandlers<{ request: { session: unknown } }>({
    bagOf: ({ request }) => request.session as Bag,
    async renew({ request }) {
      await (request.session as { regenerate(): Promise<void> }).regenerate();
      return request.session as Bag;
    },
  });
  const framework = onFastify(async (app) => {
    await app.register(fastifyCookie);
    await app.register(fastifySession, {
      secret: SECRET,
      saveUninitialized: false,
      rolling: false,
      cookie: { secure: false },
      ...(own !== undefined && { store: own as never }),
    });
  });
  return await framework.serve(handlers as never);
}
