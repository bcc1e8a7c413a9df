import fastify5, { type FastifyInstance } from "fastify";
import fastify50 from "fastify50";
import { describe, test } from "vitest";

import { adapterContract, type AdapterSubject, type RunningApplication } from "../../src/testing/index.ts";
import { http2Client, injected, overHttp2 } from "./support/fastify-clients.ts";
import { FASTIFY_ABILITIES, FASTIFY_WAYS, install } from "./support/fastify-subject.ts";

const NO_SOCKETS = {
  ...FASTIFY_ABILITIES,
  sockets: "the suite's own connections speak HTTP/1.1",
};

const subjects: readonly AdapterSubject[] = [
  subjectOf("Fastify 5.0", FASTIFY_ABILITIES, async (application) => {
    const app = fastify50({ forceCloseConnections: true }) as unknown as FastifyInstance;
    await install(app, application);
    return await listening(app);
  }),
  subjectOf("Fastify 5", FASTIFY_ABILITIES, async (application) => {
    const app = fastify5({ forceCloseConnections: true });
    await install(app, application);
    return await listening(app);
  }),
  subjectOf("Fastify 5 by inject", NO_SOCKETS, async (application) => {
    const app = fastify5();
    await install(app, application);
    return { fetch: (request) => injected(app, request), close: () => app.close() };
  }),
  subjectOf("Fastify 5 over HTTP/2", NO_SOCKETS, async (application) => {
    const app = fastify5({ http2: true }) as unknown as FastifyInstance;
    await install(app, application);
    const client = http2Client(await app.listen({ host: "127.0.0.1", port: 0 }));
    const close = async (): Promise<void> => {
      client.destroy();
      await app.close();
    };
    return { fetch: (request) => overHttp2(client, request), close };
  }),
];

for (const subject of subjects) adapterContract({ test, describe }, subject);

function subjectOf(
  name: string,
  abilities: AdapterSubject["abilities"],
  start: AdapterSubject["start"],
): AdapterSubject {
  return { name, ways: FASTIFY_WAYS, abilities, start };
}

async function listening(app: FastifyInstance): Promise<RunningApplication> {
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  return { origin, close: () => app.close() };
}
