import type { Context, ExecutionContext, Hono } from "hono";
import { honoSessions, type HonoSessionsOptions } from "../../../src/adapters/hono.ts";
import { type AnyStore, type Session, SessionManager } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type FaultyStore, faultyStore, manualClock, type ManualClock } from "../../../src/testing/index.ts";
import type { HonoVersion } from "./hono-subject.ts";

export type App = Hono<{ Variables: { session: Session } }>;

export interface Rig {
  readonly clock: ManualClock;
  readonly store: FaultyStore<AnyStore>;
  readonly manager: SessionManager;
  /** An application with the adapter on every path. What its handlers do is the test's own. */
  app(options?: HonoSessionsOptions): App;
  /** A session with the field `colour` at `red`, as a Cookie header. */
  visitor(user?: string): Promise<string>;
  colourOf(cookie: string): Promise<unknown>;
}

export function rigOf(
  version: HonoVersion,
  options: Partial<ConstructorParameters<typeof SessionManager>[0]> = {},
): Rig {
  const clock = manualClock();
  const store = faultyStore(memoryStore());
  const manager = new SessionManager({ sweepEvery: false, ...options, clock, store: store.store });
  const app = (given?: HonoSessionsOptions): App => {
    const made: App = new version.Hono();
    made.use(honoSessions(manager, given));
    return made;
  };
  return {
    clock,
    store,
    manager,
    app,
    async visitor(user) {
      const made = app().post("/", (c) => {
        c.var.session.set("colour", "red");
        if (user !== undefined) c.var.session.login(user);
        return c.text("stored");
      });
      return cookieAfter(await made.request("/", { method: "POST" }));
    },
    async colourOf(cookie) {
      const made = app().get("/", (c) => c.json(c.var.session.get("colour") ?? null));
      return await (await made.request("/", { headers: { cookie } })).json();
    },
  };
}

/** The Cookie header after a response that set a session's. */
export function cookieAfter(response: Response): string {
  return response.headers.getSetCookie().at(-1)?.split(";")[0] ?? "";
}

/** The names of the cookies that a response sets, in order. */
export function cookieNames(response: Response): string[] {
  return response.headers.getSetCookie().map((line) => line.split("=")[0] ?? "");
}

/** A platform that is told what to stay alive for. */
export function platform(): { readonly kept: Promise<unknown>[]; readonly context: ExecutionContext } {
  const kept: Promise<unknown>[] = [];
  const context = {
    waitUntil: (work: Promise<unknown>) => void kept.push(work),
    passThroughOnException: () => undefined,
    props: {},
  };
  return { kept, context };
}

/** An error handler that shows every error as a success, and the errors that it was given. */
export function showingAll(status = 200): {
  readonly seen: Error[];
  readonly show: (error: Error, c: Context) => Response;
} {
  const seen: Error[] = [];
  const show = (error: Error, c: Context): Response => {
    seen.push(error);
    return c.text("shown", status as 200);
  };
  return { seen, show };
}
