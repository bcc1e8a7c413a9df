// What security hangs on, over every store by each of its clients: it must hold between processes, and not in one alone.
import { expect, test } from "vitest";
import { codeOf, done, noUnhandledRejections, rig, type Rig, seen, sibling, visit } from "./rig.ts";
import { everyStore } from "./stores.ts";

noUnhandledRejections();

const HOUR = 3_600_000;

everyStore((open) => {
  /** Two managers, as of two processes, over one store. */
  async function pair(options: Parameters<typeof rig>[0] = {}): Promise<[Rig, Rig]> {
    const one = rig({ ...options, store: await open() });
    return [one, sibling(one, options)];
  }

  for (const onExceed of ["refuse", "end-oldest", "end-idlest"] as const)
    test(`ASVS 7.1.2: parallel logins in two processes never exceed a user's sessions: ${onExceed}`, async () => {
      const managers = await pair({ concurrency: { max: 2, onExceed } });
      const logins = Array.from({ length: 8 }, (_, index) =>
        done(index % 2 === 0 ? managers[0] : managers[1], undefined, (session) => session.login("ann")),
      );
      const outcomes = await Promise.allSettled(logins);
      const cookies = outcomes.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      const live = await Promise.all(cookies.map((cookie) => seen(managers[1], cookie)));
      expect(live.filter((one) => one !== null)).toHaveLength(2);
      expect(await managers[0].manager.sessionsOf("ann")).toHaveLength(2);
      if (onExceed === "refuse") expect(cookies).toHaveLength(2);
    });

  test("N6: what the idle limit locked is locked for every process, kept by the engine, and opened once", async () => {
    const [one, two] = await pair({ preset: "aal2" });
    const cookie = await done(one, undefined, (session) => {
      session.login("ann");
      session.data.cart = ["tea"];
    });
    one.clock.advance(2 * HOUR);
    expect((await visit(two, cookie)).session.lockedUser).toBe("ann");
    const first = await visit(one, cookie);
    const second = await visit(two, cookie);
    first.session.unlock();
    second.session.unlock();
    const outcomes = await Promise.all([codeOf(first.finish()), codeOf(second.finish())]);
    expect(outcomes.toSorted()).toEqual(["ERR_SESSION_GONE", "no error"]);
    const [info] = await two.manager.sessionsOf("ann");
    expect(info?.state).toBe("active");
  });

  test("F1, F2: a message that two processes get at once is taken by one", async () => {
    const [one, two] = await pair();
    const takes = Array.from({ length: 6 }, (_, index) =>
      (index % 2 === 0 ? one : two).manager.once("a token's jti", "1h"),
    );
    expect((await Promise.all(takes)).filter(Boolean)).toHaveLength(1);
    expect(await one.manager.once("another", "1h")).toBe(true);
  });

  test("F1: a provider's logout in one process voids the login that is under way in another", async () => {
    const [one, two] = await pair();
    const identity = { issuer: "https://id.example", subject: "s", session: "x" };
    const under = await visit(two, undefined);
    under.session.login("ann", { identity });
    await one.manager.revokeWhere({ identity: { issuer: identity.issuer, session: identity.session } });
    expect(await codeOf(under.finish())).toBe("ERR_SESSION_REVOKED");
    expect(await one.manager.sessionsOf("ann")).toEqual([]);
  });

  test("C1: a form's token is used up by one of two processes", async () => {
    const [one, two] = await pair();
    let token = "";
    const cookie = await done(one, undefined, (session) => {
      session.data.here = 1;
      token = session.createFormToken();
    });
    const posts = [await visit(one, cookie), await visit(two, cookie)];
    for (const { session } of posts) expect(session.removeFormToken(token)).toBe(true);
    const outcomes = await Promise.all(posts.map((post) => codeOf(post.finish())));
    expect(outcomes.toSorted()).toEqual(["ERR_SESSION_CONFLICT", "no error"]);
  });

  test("a new record for another user: the first one's session is over in every process", async () => {
    const [one, two] = await pair();
    const ann = await done(one, undefined, (session) => session.login("ann"));
    const slow = await visit(two, ann);
    slow.session.data.late = 1;
    const bob = await done(one, ann, (session) => session.login("bob"));
    await slow.finish();
    expect(await seen(two, ann)).toBeNull();
    expect(await one.manager.sessionsOf("ann")).toEqual([]);
    expect((await visit(two, bob)).session.user).toBe("bob");
  });
});
