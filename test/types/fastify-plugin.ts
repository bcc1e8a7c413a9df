// The plugin fits every kind of instance, at the oldest version and at the newest, and types what it gives.
import fastify5, { type FastifyRequest } from "fastify";
import fastify50, { type FastifyRequest as FastifyRequest50 } from "fastify50";
import { expectTypeOf } from "vitest";
import { fastifySessions } from "../../src/adapters/fastify.ts";
import "../../src/adapters/fastify/types.ts";
import { type Session, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";

interface Shop {
  cart: string[];
}

declare module "../../src/adapters/fastify/types.ts" {
  interface Register {
    session: Session<Shop>;
  }
}

const manager = new SessionManager<Shop>({ store: memoryStore() });
const sessions = fastifySessions(manager);

export async function plugins(): Promise<void> {
  await fastify5().register(sessions);
  await fastify5({ http2: true }).register(sessions);
  await fastify5({ https: {} }).register(sessions);
  await fastify5({ logger: true }).register(sessions);
  fastify5().register((scope, _options, done) => {
    scope.register(sessions);
    done();
  });
  await fastify50().register(sessions);
  await fastify50({ http2: true }).register(sessions);
  await fastify50({ https: {} }).register(sessions);
}

export function handlers(): void {
  fastify5().get("/", (request) => {
    expectTypeOf(sessions.of(request).data.cart).toEqualTypeOf<string[] | undefined>();
    expectTypeOf(request.session).toEqualTypeOf<Session<Shop>>();
    // @ts-expect-error the plugin gives the session, and nobody else
    request.session = null;
    return request.session.data.cart ?? [];
  });
  fastify50().get("/", (request) => sessions.of(request).data.cart);
  fastify5({ http2: true }).get("/", (request) => sessions.of(request).user);
}

// An option's parameter may be annotated with Fastify's own type.
void fastifySessions(manager, {
  only: (request: FastifyRequest) => !request.url.startsWith("/assets/"),
  clientAddress: (request: FastifyRequest50) => request.ips?.at(-1),
  decorate: "shopper",
});
// @ts-expect-error there is no such option
void fastifySessions(manager, { name: "shopper" });
