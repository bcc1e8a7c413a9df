import { onTestFinished } from "vitest";
import type { AstroSessionsOptions } from "../../../src/adapters/astro.ts";
import { type AnyStore, type Session, SessionManager } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type FaultyStore, faultyStore } from "../../../src/testing/index.ts";
import { cookieAfter } from "../support/sites.ts";
import { type Context, type Middleware, serve, type Version } from "./site.ts";

/** What a test serves: what each place of the application does with its session. */
export interface Parts {
  readonly options?: AstroSessionsOptions;
  /** Middleware behind the session's, in order. */
  readonly middleware?: readonly Middleware[];
  readonly places: Readonly<Record<string, (context: Context, session: Session) => unknown>>;
}

export interface Client {
  readonly store: FaultyStore<AnyStore>;
  readonly manager: SessionManager;
  readonly origin: string;
  /** Asks, follows no redirect, and keeps no cookie but those that it is given. */
  ask(path: string, init?: RequestInit & { readonly cookie?: string }): Promise<Response>;
  /** What is stored for a cookie: all fields. */
  stored(cookie: string): Promise<Record<string, unknown>>;
  /** A stored session with the field `colour` at `red`, as a Cookie header. */
  visitor(): Promise<string>;
}

/** Serves what a test gives on the application that was built. */
export async function client(version: Version, parts: Parts): Promise<Client> {
  const store = faultyStore(memoryStore());
  const manager = new SessionManager({ sweepEvery: false, store: store.store });
  const served = await serve(version, ({ astroSessions, sequence }) => {
    const sessions = astroSessions<Session>(manager, parts.options);
    return {
      onRequest: sequence(sessions.onRequest, ...(parts.middleware ?? [])),
      run(place, context) {
        const session = context.locals[parts.options?.local ?? "session"] as Session;
        const { pathname } = context.url;
        if (pathname === "/the/stored") return Response.json(session.data);
        if (pathname === "/the/visitor")
          return new Response(String(session.set("colour", "red").has("colour")));
        return parts.places[place]?.(context, session);
      },
    };
  });
  onTestFinished(() => served.close());
  const ask: Client["ask"] = (path, { cookie, headers, ...init } = {}) =>
    fetch(`${served.origin}${path}`, {
      redirect: "manual",
      ...init,
      headers: { accept: "text/html", ...(cookie !== undefined && { cookie }), ...headers },
    });
  return {
    store,
    manager,
    origin: served.origin,
    ask,
    async stored(cookie) {
      return (await (await ask("/the/stored", { cookie })).json()) as Record<string, unknown>;
    },
    async visitor() {
      return cookieAfter(await ask("/the/visitor"));
    },
  };
}
