/** The shop of `examples/shop` as a worker on Cloudflare, its sessions in Durable Objects. */
import { durableObjectStore, type SessionObjectNamespace } from "holdfast/stores/durable-objects";
import { createShop, type Shop } from "../fetch/shop.ts";

// The class of the objects: the platform looks for it among the worker's exports.
export { SessionObject } from "holdfast/stores/durable-objects";

interface Env {
  readonly SESSIONS: SessionObjectNamespace;
}

interface Context {
  waitUntil(work: Promise<unknown>): void;
}

let shop: Shop<[env: Env, context: Context]> | undefined;

/** Once for all requests of this isolate: bindings are the same for each. */
function shopOf(env: Env): Shop<[env: Env, context: Context]> {
  shop ??= createShop({
    store: durableObjectStore(env.SESSIONS),
    platform: {
      clientAddress: (request) => request.headers.get("cf-connecting-ip") ?? undefined,
      // A touch of the session need not hold the response up.
      waitUntil: (work, _request, _env, context) => context.waitUntil(work),
    },
  });
  return shop;
}

export default {
  fetch: (request: Request, env: Env, context: Context): Promise<Response> =>
    shopOf(env).fetch(request, env, context),
};
