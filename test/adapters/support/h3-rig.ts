import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import {
  type H3EventLike,
  type H3Sessions,
  h3Sessions,
  type H3SessionsOptions,
} from "../../../src/adapters/h3.ts";
import { type AnyStore, type Session, SessionError, SessionManager } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type FaultyStore, faultyStore, manualClock, type ManualClock } from "../../../src/testing/index.ts";
import { FIRST, SECOND } from "./h3-subject.ts";

type H3v1 = (typeof FIRST)[string];
type H3v2 = (typeof SECOND)[string];

/** What a test's handler is given besides the event. */
export interface Given {
  readonly session: Session;
  readonly sessions: H3Sessions<Session>;
}

/** A handler of either version. */
export type Handle = (event: H3EventLike, given: Given) => unknown;

/** What the application's error handler makes of an error. */
export type OnError = (error: Error, event: H3EventLike) => unknown;

export interface Serving {
  readonly options?: H3SessionsOptions;
  readonly onError?: OnError;
  /** Keeps h3 from printing errors, where it can; default `true`. */
  readonly silent?: boolean;
}

/** One version of h3, called in one way. */
export interface Kit {
  readonly name: string;
  readonly major: 1 | 2;
  readonly calling: "node" | "web";
  serve(rig: Rig, handle: Handle, serving?: Serving): Promise<Ask>;
}

export type Ask = (path: string, init?: RequestInit) => Promise<Response>;

export class Rig {
  readonly clock: ManualClock = manualClock();
  readonly store: FaultyStore<AnyStore> = faultyStore(memoryStore());
  readonly manager: SessionManager;

  constructor(options: Partial<ConstructorParameters<typeof SessionManager>[0]> = {}) {
    const { clock, store } = this;
    this.manager = new SessionManager({ sweepEvery: false, ...options, clock, store: store.store });
  }

  /** A session with the field `colour` at `red`, as a Cookie header. */
  async visitor(kit: Kit): Promise<string> {
    const ask = await kit.serve(this, (_event, { session }) => {
      session.set("colour", "red");
      return "stored";
    });
    return cookieAfter(await ask("/"));
  }

  async colourOf(kit: Kit, cookie: string): Promise<unknown> {
    const ask = await kit.serve(this, (_event, { session }) => ({ colour: session.get("colour") ?? null }));
    return ((await (await ask("/", { headers: { cookie } })).json()) as { colour: unknown }).colour;
  }
}

export function kits(): Kit[] {
  const all: Kit[] = [];
  for (const calling of ["node", "web"] as const) {
    for (const [name, h3] of Object.entries(FIRST)) all.push(kit1(name, h3, calling));
    for (const [name, h3] of Object.entries(SECOND)) all.push(kit2(name, h3, calling));
  }
  return all;
}

/** The Cookie header after a response that set a session's. */
export function cookieAfter(response: Response): string {
  return response.headers.getSetCookie().at(-1)?.split(";")[0] ?? "";
}

export async function listen(listener: RequestListener): Promise<Ask> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });
  const { port } = server.address() as AddressInfo;
  return (path, init) => fetch(`http://127.0.0.1:${port}${path}`, { redirect: "manual", ...init });
}

function kit1(name: string, h3: H3v1, calling: Kit["calling"]): Kit {
  return {
    name: `${name}, ${calling}`,
    major: 1,
    calling,
    async serve(rig, handle, { options = {}, onError } = {}) {
      const sessions = h3Sessions<Session>(rig.manager, options);
      const app = h3.createApp(
        onError === undefined
          ? {}
          : {
              async onError(error, event) {
                const shown = await onError(error, event);
                if (event.handled) return;
                // Those of the session say it themselves.
                if (error.statusCode !== 503) h3.setResponseStatus(event, error.statusCode);
                await h3.send(event, shown as string);
              },
            },
      );
      app.use(h3.eventHandler((event) => handle(event, givenOf(event, sessions)) as never));
      sessions.plugin(app);
      if (calling === "node") return await listen(h3.toNodeListener(app));
      const answer = h3.toWebHandler(app);
      return async (path, init) => await answer(new Request(`http://localhost${path}`, init));
    },
  };
}

function kit2(name: string, h3: H3v2, calling: Kit["calling"]): Kit {
  return {
    name: `${name}, ${calling}`,
    major: 2,
    calling,
    async serve(rig, handle, { options = {}, onError, silent = true } = {}) {
      const sessions = h3Sessions<Session>(rig.manager, options);
      const app = new h3.H3({
        silent,
        ...(onError !== undefined && {
          onError(error, event) {
            // Those of the session say it themselves.
            if (!SessionError.is(error.cause ?? error)) event.res.status = error.status;
            return onError(error, event);
          },
        }),
      });
      app.register(sessions.plugin);
      app.all("/**", (event) => handle(event, givenOf(event, sessions)));
      if (calling === "node") return await listen(h3.toNodeHandler(app) as RequestListener);
      return async (path, init) => await app.fetch(new Request(`http://localhost${path}`, init));
    },
  };
}

function givenOf(event: H3EventLike, sessions: H3Sessions<Session>): Given {
  const { session } = event.context as { readonly session: Session };
  return { session, sessions };
}
