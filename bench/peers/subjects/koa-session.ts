import type Koa from "koa";
import { createSession } from "koa-session";
import { onKoa } from "../frameworks/koa.ts";
import { type Bag, bagHandlers } from "../handlers/bag.ts";
import type { Engines } from "../stores/clients.ts";
import { koaStore } from "../stores/koa.ts";
import { SECRET } from "./secret.ts";

/** koa-session with a store. */
export async function serve(store: string, engines: Engines): Promise<number> {
  const own = await koaStore(store, engines);
  const handlers = bagHandlers<Koa.Context>({
    bagOf: (context) => context["session"] as Bag,
    async renew(context) {
      await (context["session"] as { regenerate(): Promise<void> }).regenerate();
      return context["session"] as Bag;
    },
  });
  const install = (app: Koa): Koa.Middleware => {
    app.keys = [SECRET];
    return createSession({ store: own, secure: false } as never, app as never) as unknown as Koa.Middleware;
  };
  return await onKoa(install).serve(handlers);
}
