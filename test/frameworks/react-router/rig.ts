import type { ReactRouterSessions, ReactRouterSessionsOptions } from "../../../src/adapters/react-router.ts";
import { type Session, SessionManager } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { faultyStore, manualClock } from "../../../src/testing/index.ts";
import type { App, Built, Provider } from "./build.ts";

export const SESSION = "__Host-Http-sid";

/** What loaders, actions and middleware are given. */
export interface Args {
  readonly request: Request;
  readonly context: Provider;
}

type Handlers = Readonly<Record<string, (args: Args) => unknown>>;

export interface Rig {
  readonly manager: SessionManager;
  readonly sessions: ReactRouterSessions<Session>;
  readonly store: ReturnType<typeof faultyStore>;
  readonly clock: ReturnType<typeof manualClock>;
  /** What reached the application's `handleError`. */
  readonly errors: unknown[];
  /** Asks the built application, whose loaders and actions do this. */
  ask(path: string, handlers: Handlers, init?: Asked): Promise<Response>;
  /** A session with the field `colour` at `red`, as a Cookie header. */
  visitor(user?: string): Promise<string>;
  /** The data as they are stored. */
  stored(cookie: string): Promise<{ readonly user: string | null; readonly data: Record<string, unknown> }>;
}

interface Asked extends RequestInit {
  readonly cookie?: string | undefined;
  /** A context that the test made. */
  readonly context?: Provider | undefined;
}

interface RigOptions extends ReactRouterSessionsOptions {
  readonly manager?: Partial<ConstructorParameters<typeof SessionManager>[0]>;
  /** The application's `handleError` tells the sessions. Default: it does not. */
  readonly tells?: boolean;
  readonly second?: ReactRouterSessions<Session>;
}

export function rigOf(built: Built, { manager: given, tells, second, ...options }: RigOptions = {}): Rig {
  const clock = manualClock();
  const store = faultyStore(memoryStore());
  const manager = new SessionManager({ sweepEvery: false, ...given, clock, store: store.store });
  const sessions = built.tools.reactRouterSessions(manager, options);
  const errors: unknown[] = [];

  const appOf = (handlers: Handlers): App => ({
    middleware: [
      sessions.middleware,
      second?.middleware,
      (args: Args, next: () => unknown) => handlers["root middleware"]?.(args) ?? next(),
    ],
    handlers,
    failed(error, args) {
      errors.push(error);
      if (tells === true) sessions.failed(error, args);
    },
  });
  const ask = async (path: string, handlers: Handlers, asked: Asked = {}): Promise<Response> => {
    const { cookie, context, ...init } = asked;
    const headers = new Headers(init.headers);
    if (cookie !== undefined) headers.set("cookie", cookie);
    const app = appOf(handlers);
    const request = new Request(`http://shop.test${path}`, { redirect: "manual", ...init, headers });
    return await built.answer(app, request, context ?? built.context(app));
  };

  return {
    manager,
    sessions,
    store,
    clock,
    errors,
    ask,
    async visitor(user) {
      const response = await ask("/app/resource", {
        "resource loader"(args) {
          const session = sessions.of(args.context);
          session.set("colour", "red");
          if (user !== undefined) session.login(user);
          return new Response("stored");
        },
      });
      return cookieAfter(response);
    },
    async stored(cookie) {
      const read = async ({ context }: Args): Promise<object> => {
        const { user, data } = sessions.of(context);
        return { user, data: { ...data } };
      };
      const response = await ask("/app/resource", { "resource loader": read }, { cookie });
      return (await response.json()) as { user: string | null; data: Record<string, unknown> };
    },
  };
}

/** The Cookie header after a response that set a session's. */
export function cookieAfter(response: Response): string {
  const line = response.headers.getSetCookie().findLast((one) => one.startsWith(`${SESSION}=`));
  return line?.split(";")[0] ?? "";
}

/** The names of the cookies that a response sets, in order. */
export function cookieNames(response: Response): string[] {
  return response.headers.getSetCookie().map((line) => line.split("=")[0] ?? "");
}

/** The text of an element of a page, by its id. */
export function textOf(page: string, id: string): string | undefined {
  const found = new RegExp(`<p id="${id}">(.*?)</p>`, "s").exec(page)?.[1];
  return found?.replaceAll("<!-- -->", "").replaceAll("&quot;", '"');
}

/** A form as a browser without JavaScript sends it. */
export function form(fields: Readonly<Record<string, string>>): RequestInit {
  return { method: "POST", body: new URLSearchParams(fields) };
}
