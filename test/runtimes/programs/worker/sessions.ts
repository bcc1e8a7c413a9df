import type { AnyStore, Session } from "../../../../src/index.ts";
import type { SessionObjectNamespace } from "../../../../src/stores/durable-objects.ts";
import { manualClock } from "../../../../src/testing/clock.ts";
import { atRest } from "../../../support/at-rest.ts";
import { site } from "../../../support/site.ts";

/** What clients were given, and the objects that were asked for. */
export interface Given {
  readonly cookies: readonly string[];
  readonly formTokens: readonly string[];
  readonly csrfTokens: readonly string[];
  readonly objects: readonly string[];
}

/**
 * Makes sessions through a manager: logins, a successor that nobody presented yet and one that was presented, flash messages, tokens, and a
 * session that had to give up its seat.
 *
 * @param value is put into each session.
 */
export async function playSessions(
  namespace: SessionObjectNamespace,
  open: (namespace: SessionObjectNamespace) => AnyStore,
  { isSealed, value }: { readonly isSealed: boolean; readonly value: string },
): Promise<Given> {
  const objects = new Set<string>();
  const watched: SessionObjectNamespace = {
    idFromName(name) {
      objects.add(name);
      return namespace.idFromName(name);
    },
    get: (id) => namespace.get(id),
  };
  // The objects go by their own clock, and erase what is over by that.
  const clock = manualClock(Date.now());
  const { visit, manager } = site({
    store: open(watched),
    clock,
    rotateEvery: "10m",
    concurrency: { max: 1, onExceed: "end-oldest" },
    ...(isSealed && atRest("a", "b")),
  });
  const [cookies, formTokens, csrfTokens]: [string[], string[], string[]] = [[], [], []];
  const enter = async (user: string): Promise<string | undefined> => {
    const { cookie } = await visit(undefined, (session: Session) => {
      session.login(user, { methods: ["pwd"], tenant: "t", remember: "30d" });
      session.data["address"] = value;
      session.flash("notice", value);
      formTokens.push(session.createFormToken(), session.createFormToken());
      csrfTokens.push(session.csrfToken());
    });
    return keep(cookie);
  };
  const keep = (cookie: string | undefined): string | undefined => {
    cookies.push(cookie?.split("=")[1] ?? "");
    return cookie;
  };
  const [first, second] = [await enter("ann"), await enter("bob")];
  clock.advance(11 * 60_000);
  const look = async (cookie: string | undefined): Promise<string | undefined> =>
    keep((await visit(cookie, (session) => session.user)).cookie);
  await look(first);
  await look(await look(second));
  await enter("eve");
  await manager.close();
  return { cookies, formTokens, csrfTokens, objects: [...objects] };
}
