import fastify5, { type FastifyInstance, type FastifyServerOptions } from "fastify";
import fastify50 from "fastify50";
import { onTestFinished } from "vitest";

import { type FastifySessions, fastifySessions } from "../../../src/adapters/fastify.ts";
import { type Session, SessionManager } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { cookieJar, failsBefore, type FaultyStore, faultyStore } from "../../../src/testing/index.ts";

/** The lowest version that is supported, and the newest. */
export const VERSIONS = [
  ["Fastify 5.0", fastify50 as unknown as typeof fastify5],
  ["Fastify 5", fastify5],
] as const;

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly cookies: readonly string[];
  readonly body: string;
}

/** One application, its manager, and a browser that asks it. */
export interface Rig {
  readonly app: FastifyInstance;
  readonly manager: SessionManager;
  readonly store: FaultyStore<ReturnType<typeof memoryStore>>;
  readonly sessions: FastifySessions<Session>;
  /** Asks with the browser's cookies, and keeps those of the answer. Starts the application when it is first called. */
  ask(path: string, init?: RequestInit): Promise<Reply>;
  /** What is stored in the field `colour`. */
  colour(): Promise<unknown>;
  /** Makes every save fail from now on. */
  breakStore(): void;
}

/** Sets an application up with routes that show (`/show`) and set (`/set?to=red`) the field `colour`. It is closed after the test. */
export async function rig(
  fastify: typeof fastify5,
  options: FastifyServerOptions = {},
  choice: { readonly context?: boolean } = {},
): Promise<Rig> {
  const store = faultyStore(memoryStore());
  const manager = new SessionManager({ store: store.store, sweepEvery: false, ...choice });
  const sessions = fastifySessions<Session>(manager);
  const app = fastify({ forceCloseConnections: true, ...options });
  onTestFinished(() => app.close());
  const jar = cookieJar();
  let origin: string | undefined;

  async function ask(path: string, init: RequestInit = {}): Promise<Reply> {
    origin ??= await app.listen({ host: "127.0.0.1", port: 0 });
    const headers = new Headers(init.headers);
    const line = jar.header(origin);
    if (line !== undefined) headers.set("cookie", line);
    const response = await fetch(origin + path, { redirect: "manual", ...init, headers });
    const cookies = response.headers.getSetCookie();
    jar.take(cookies, origin);
    return { status: response.status, headers: response.headers, cookies, body: await response.text() };
  }

  await app.register(sessions);
  app.get("/show", (request) => sessions.of(request).get("colour") ?? "nothing");
  app.get<{ Querystring: { to: string } }>("/set", (request) => {
    sessions.of(request).set("colour", request.query.to);
    return "set";
  });

  return {
    app,
    manager,
    store,
    sessions,
    ask,
    colour: async () => (await ask("/show")).body,
    breakStore() {
      for (const operation of ["create", "update", "delete"] as const)
        store.always(operation, failsBefore(new Error("10.11.12.13 is down")));
    },
  };
}
