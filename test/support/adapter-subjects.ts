import fastify from "fastify";
import type { AdapterSubject } from "../../src/testing/index.ts";
import { expressSubjects } from "../adapters/support/express-subject.ts";
import { FASTIFY_ABILITIES, install } from "../adapters/support/fastify-subject.ts";
import { bridgedSubject } from "../adapters/support/fetch-subject.ts";
import { h3Subject2, SECOND } from "../adapters/support/h3-subject.ts";
import { NEWEST, servedSubject } from "../adapters/support/hono-subject.ts";
import { koaSubject } from "../adapters/support/koa-subject.ts";
import { nodeSubject } from "../adapters/support/plain-node-subject.ts";

const fastifySubject: AdapterSubject = {
  name: "Fastify 5",
  abilities: FASTIFY_ABILITIES,
  async start(application) {
    const app = fastify({ forceCloseConnections: true });
    await install(app, application);
    return { origin: await app.listen({ host: "127.0.0.1", port: 0 }), close: () => app.close() };
  },
};

/** Every light adapter once or in its two ways of answering errors, each behind a real socket. */
export const SERVED: readonly AdapterSubject[] = [
  nodeSubject,
  ...expressSubjects(),
  fastifySubject,
  koaSubject("Koa 3", "own"),
  koaSubject("Koa 3", "Koa"),
  servedSubject(NEWEST),
  bridgedSubject(),
  h3Subject2(Object.keys(SECOND).at(-1) ?? "", "node"),
];
