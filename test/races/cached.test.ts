// Two processes, each with a cache of its own before the engine. The bound is an hour: what one sees of the other it was told by the engine.
import { expect, test } from "vitest";
import type { AnyStore } from "../../src/core/store.ts";
import type { CacheFigures } from "../../src/stores/cached.ts";
import { seededRandom } from "../../src/testing/index.ts";
import { until } from "../support/servers/server-process.ts";
import {
  codeOf,
  done,
  loggedIn,
  noUnhandledRejections,
  recordsOf,
  rig,
  type Rig,
  seen,
  stored,
  visit,
} from "./rig.ts";
import { everyStore, type Variant } from "./stores.ts";
import { CACHED_NAMES } from "./support/engines.ts";

noUnhandledRejections();

const PATIENCE_MS = 20_000;

function figuresOf(store: AnyStore): CacheFigures {
  return (store as AnyStore & { cacheFigures(): CacheFigures }).cacheFigures();
}

async function pair(
  { places, openAt }: Variant,
  options: Parameters<typeof rig>[0] = {},
): Promise<[Rig, Rig]> {
  const [place] = await places();
  const stores = [await openAt(place!), await openAt(place!)] as const;
  const rigs = stores.map((store) => rig({ ...options, store })) as [Rig, Rig];
  // The first look of each process has its store begin to listen.
  for (const one of rigs) await seen(one, await stored(one));
  await until(
    "both processes are told of changes",
    () => stores.every((store) => figuresOf(store).told),
    PATIENCE_MS,
  );
  return rigs;
}

/** Asks again and again until what is asked for is so; the engine's word of it is on its way. */
async function comes(what: string, holds: () => Promise<boolean>): Promise<void> {
  await until(what, holds, PATIENCE_MS);
}

everyStore((_open, variant) => {
  test("a logout, a revocation and a change in one process are seen in the other long before the bound", async () => {
    const [here, there] = await pair(variant);
    const [plain, ann, bob] = [
      await stored(there),
      await loggedIn(there, "ann"),
      await loggedIn(there, "bob"),
    ];
    for (const cookie of [plain, ann, bob]) await seen(here, cookie);
    const { hits } = figuresOf(here.store);
    for (const cookie of [plain, ann, bob]) expect(await seen(here, cookie)).not.toBeNull();
    expect(figuresOf(here.store).hits).toBe(hits + 3);

    await done(there, plain, (session) => void (session.data.here = 2));
    await comes(
      "the change is seen",
      async () => ((await seen(here, plain)) as { here?: number } | null)?.here === 2,
    );
    await done(there, plain, (session) => session.logout());
    await comes("the logout is seen", async () => (await seen(here, plain)) === null);
    await there.manager.revokeUser("ann");
    await comes("the revocation is seen", async () => (await seen(here, ann)) === null);
    await there.manager.revokeAll();
    await comes("the revocation of all is seen", async () => (await seen(here, bob)) === null);
    expect(await recordsOf(here)).toEqual([]);
  });

  test("a login in one process opens in the other at once, though what that keeps is older", async () => {
    const [here, there] = await pair(variant);
    let cookie: string | undefined = await stored(there);
    for (let round = 0; round < 5; round += 1) {
      await seen(here, cookie);
      cookie = await done(there, cookie, (session) => session.login(`user${round}`));
      expect((await visit(here, cookie)).session.user).toBe(`user${round}`);
    }
    expect([...here.of("rejected"), ...here.of("theft")]).toEqual([]);
  });

  test("in a storm of both processes nothing is lost and nothing counted twice, and a logout in its midst is final", async () => {
    const random = seededRandom(20_261_122);
    const [here, there] = await pair(variant, { onGone: "fail" });
    for (let round = 0; round < 4; round += 1) {
      const cookie = await loggedIn(there, `user${round}`);
      const counted = { n: 0 };
      const set: string[] = [];
      const work = async (index: number): Promise<void> => {
        const one = index % 2 === 0 ? here : there;
        const isCount = random.oneIn(2);
        const name = `f${index}`;
        await done(one, cookie, (session) => {
          if (isCount) session.increment("n");
          else session.data[name] = index;
        });
        if (isCount) counted.n += 1;
        else set.push(name);
      };
      for (let wave = 0; wave < 6; wave += 1)
        await Promise.all(Array.from({ length: 8 }, (_, index) => work(wave * 8 + index)));
      const whole = async (one: Rig): Promise<boolean> => {
        const data = (await seen(one, cookie)) as Record<string, unknown> | null;
        return data !== null && (data["n"] ?? 0) === counted.n && set.every((name) => name in data);
      };
      for (const one of [here, there]) await comes("all is there, once", () => whole(one));

      // What began before the logout, or before its process was told of it, is refused or came before it.
      const late = Array.from({ length: 8 }, (_, index) => codeOf(work(1000 + index)));
      await done(there, cookie, (session) => session.logout());
      const after = Array.from({ length: 8 }, (_, index) => codeOf(work(2000 + index)));
      for (const code of await Promise.all([...late, ...after]))
        expect(["no error", "ERR_SESSION_GONE"]).toContain(code);
      expect((await recordsOf(here)).filter(({ labels }) => labels.includes(`user:user${round}`))).toEqual(
        [],
      );
      await comes("the logout is seen", async () => (await seen(here, cookie)) === null);
      expect(await seen(there, cookie)).toBeNull();
    }
  });

  test("revoking a user in one process while it logs in by the other leaves nothing that opens", async () => {
    const [here, there] = await pair(variant);
    const cookies: string[] = [];
    const logins = Array.from({ length: 12 }, async (_, index) => {
      const one = index % 2 === 0 ? here : there;
      const cookie = await done(one, undefined, (session) => session.login("ann")).catch(() => undefined);
      if (cookie !== undefined) cookies.push(cookie);
    });
    const revocation = there.manager.revokeUser("ann");
    await Promise.all([...logins, revocation]);
    await here.manager.revokeUser("ann");
    for (const cookie of cookies) {
      expect(await seen(here, cookie)).toBeNull();
      await comes("the revocation is seen", async () => (await seen(there, cookie)) === null);
    }
  });
}, CACHED_NAMES);
