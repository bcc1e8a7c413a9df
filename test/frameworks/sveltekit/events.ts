import { expect, test } from "vitest";
import {
  type SvelteKitEvent,
  sveltekitSessions,
  type SvelteKitSessionsOptions,
} from "../../../src/adapters/sveltekit.ts";
import { type AnyStore, SessionManager } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { faultyStore, manualClock } from "../../../src/testing/index.ts";

/** An event of a platform that is not at hand here. */
function eventOf(cookie: string | null, more: Partial<SvelteKitEvent> = {}): SvelteKitEvent {
  const request = new Request("https://shop.test/", { headers: cookie === null ? {} : { cookie } });
  return {
    request,
    url: new URL(request.url),
    locals: {},
    isDataRequest: false,
    isSubRequest: false,
    getClientAddress: () => "192.0.2.1",
    ...more,
  };
}

function shop(options: SvelteKitSessionsOptions = {}): {
  readonly store: ReturnType<typeof faultyStore<AnyStore>>;
  readonly clock: ReturnType<typeof manualClock>;
  readonly sessions: ReturnType<typeof sveltekitSessions>;
} {
  const clock = manualClock();
  const store = faultyStore<AnyStore>(memoryStore());
  const manager = new SessionManager({ sweepEvery: false, clock, store: store.store });
  const sessions = sveltekitSessions(manager, options);
  sessions.handleError();
  return { store, clock, sessions };
}

/** What the platform's adapter for SvelteKit, and not the server in Node, decides. */
export function platforms(): void {
  for (const message of [
    "Cannot read clientAddress during prerendering",
    "SvelteKit error: prerender_client_address\nCannot read `clientAddress` during prerendering",
  ]) {
    test(`at build time nothing is stored, and what would be stored at once is refused: ${message.length}`, async () => {
      const { store, sessions } = shop({ clientAddress: () => expect.unreachable("nobody is there") });
      const getClientAddress = (): never => {
        throw new Error(message);
      };
      const event = eventOf(null, { getClientAddress });
      let refused: unknown;
      const response = await sessions.handle({
        event,
        async resolve() {
          const session = sessions.of(event);
          session.set("colour", "red");
          refused = await session.commit().catch((error: unknown) => error);
          return new Response(String(session.get("colour")));
        },
      });
      expect([await response.text(), [...response.headers.keys()]]).toEqual(["red", ["content-type"]]);
      expect(refused).toMatchObject({ code: "ERR_SESSION_SENT" });
      expect(store.count()).toBe(0);
    });
  }

  test("a platform that knows no address is none of a build", async () => {
    const { sessions } = shop();
    const getClientAddress = (): never => {
      throw new Error("This adapter does not specify getClientAddress.");
    };
    const event = eventOf(null, { getClientAddress });
    const response = await sessions.handle({
      event,
      resolve() {
        sessions.of(event).set("colour", "red");
        return new Response();
      },
    });
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });

  for (const name of ["ctx", "context"]) {
    test(`a touch is given to platform.${name}.waitUntil, and the response does not wait`, async () => {
      const { store, clock, sessions } = shop();
      const kept: Promise<unknown>[] = [];
      const platform = { [name]: { waitUntil: (work: Promise<unknown>) => void kept.push(work) } };
      const ask = async (
        cookie: string | null,
        act: (event: SvelteKitEvent) => unknown,
      ): Promise<Response> => {
        const event = eventOf(cookie, { platform });
        return await sessions.handle({
          event,
          resolve() {
            act(event);
            return new Response();
          },
        });
      };
      const first = await ask(null, (event) => sessions.of(event).set("colour", "red"));
      const cookie = first.headers.getSetCookie()[0]?.split(";")[0] ?? "";
      clock.advance(10 * 60_000);
      store.always("update", () => new Promise(() => undefined));
      await ask(cookie, (event) => sessions.of(event).get("colour"));
      expect(kept).toHaveLength(1);
    });
  }
}
