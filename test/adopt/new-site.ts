import type { AdoptOptions, AdoptSource } from "../../src/adopt.ts";
import { adopt } from "../../src/adopt.ts";
import { fetchSessions } from "../../src/adapters/fetch.ts";
import { type AnySession, type ExtensionEvent, SessionError, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { faultyStore, manualClock } from "../../src/testing/index.ts";
import { after, type Cookies, headerOf } from "./old-sites.ts";

export const URL_OF_SITE = "https://shop.test/";

type Options = Partial<ConstructorParameters<typeof SessionManager>[0]>;

export interface Visit<T = unknown> {
  readonly given: T;
  readonly cookies: Cookies;
  readonly lines: readonly string[];
  readonly status: number;
}

/** The application after the move: another browser each time, by the cookies that it holds. */
export function newSite(
  source: AdoptSource | readonly AdoptSource[],
  given: Partial<AdoptOptions> = {},
  options: Options = {},
) {
  const clock = manualClock(Date.now());
  const faulty = faultyStore(options.store ?? memoryStore());
  const manager = new SessionManager({
    sweepEvery: false,
    clock,
    ...options,
    store: faulty.store,
    extensions: [
      adopt({
        sources: [source].flat(),
        login: ({ userId }) => (typeof userId === "string" ? userId : null),
        ...given,
      }),
    ],
  });
  const told: ExtensionEvent[] = [];
  manager.on("extension", (event) => void told.push(event));
  const sessions = fetchSessions(manager, {
    renderFailure: (error) =>
      new Response(SessionError.is(error) ? error.code : String(error), {
        status: SessionError.is(error) ? error.status : 500,
      }),
  });
  async function visit<T>(
    cookies: Cookies,
    handler: (session: AnySession) => T | Promise<T>,
  ): Promise<Visit<T>> {
    let result: T | undefined;
    const handle = sessions.wrap(async (_request, session) => {
      result = await handler(session);
      return new Response("done");
    });
    const response = await handle(new Request(URL_OF_SITE, { headers: { cookie: headerOf(cookies) } }));
    const lines = response.headers.getSetCookie();
    return { given: result as T, cookies: after(cookies, lines), lines, status: response.status };
  }
  return { clock, faulty, manager, told, visit, store: faulty.store };
}

/** What a handler sees of a session. */
export function dataOf(session: AnySession): Record<string, unknown> {
  return Object.fromEntries(session.keys().map((name) => [name, session.get(name)]));
}
