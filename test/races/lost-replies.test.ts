import { describe, expect, test } from "vitest";
import {
  answers,
  failsBefore,
  type Fault,
  losesReply,
  type StoreOperation,
  throwsAtOnce,
} from "../../src/testing/index.ts";
import {
  codeOf,
  done,
  loggedIn,
  noUnhandledRejections,
  recordsOf,
  rig,
  type Rig,
  seen,
  setCookies,
  sibling,
  stored,
  visit,
} from "./rig.ts";
import { CACHED_TOO, everyStore, resending } from "./stores.ts";

noUnhandledRejections();

const FAULTS: Readonly<Record<string, (where: Rig) => Fault>> = {
  "fails before it is applied": () => failsBefore(),
  "fails with nothing": () => () => Promise.reject(undefined),
  "is applied and its answer fails": () => losesReply(),
  "is applied and its answer fails with nothing": () => losesReply("gone"),
  "is applied and its answer never comes": (where) => async (work) => {
    await work();
    return deadlinePassed(where);
  },
  "is never applied and never answered": (where) => () => deadlinePassed(where),
  "throws at once": () => throwsAtOnce(),
  "is applied and answers nonsense": () => answers({ kind: "perhaps" }),
};

/** Silence until the deadline, which passes next. */
function deadlinePassed({ clock }: Rig): Promise<never> {
  setImmediate(() => clock.advance(2000));
  return new Promise(() => {});
}

// What a lost answer does to a cache it does over any engine.
const ENGINES_HERE = CACHED_TOO.filter((name) => name !== "postgres, cached");

const UNKNOWN = ["ERR_SESSION_UNKNOWN", "ERR_SESSION_STORE_UNAVAILABLE"];

everyStore((open) => {
  for (const [how, make] of Object.entries(FAULTS)) {
    describe(`a call that ${how}`, () => {
      for (const [readable, reads] of [
        ["the record can be read afterwards", 0],
        ["the record cannot be read at once", 1],
      ] as const) {
        const faults = (where: Rig, operation: StoreOperation): void => {
          where.faulty.next(operation, make(where));
          if (reads > 0) where.faulty.next("read", failsBefore(), reads);
        };

        test(`an increment counts once, or the request learns that nobody knows: ${readable}`, async () => {
          const where = rig({ store: await open() });
          const cookie = await stored(where, { n: 0 });
          const one = await visit(where, cookie);
          one.session.increment("n");
          faults(where, "update");
          const code = await codeOf(one.finish());
          where.faulty.heal();
          const { n } = (await seen(where, cookie)) as { n: number };
          if (code === "no error") expect(n).toBe(1);
          else expect(UNKNOWN).toContain(code);
          expect(n).toBeLessThanOrEqual(1);
          if (reads === 0) expect(code).toBe("no error");
        });

        test(`an increment counts once although another request writes at the same time: ${readable}`, async () => {
          const where = rig({ store: await open() });
          const other = sibling(where);
          const cookie = await stored(where, { n: 0 });
          const one = await visit(where, cookie);
          one.session.increment("n");
          where.faulty.next("update", async (work) => {
            try {
              return await make(where)(work);
            } finally {
              await done(other, cookie, (session) => void session.increment("n", 100));
            }
          });
          if (reads > 0) where.faulty.next("read", (work) => work());
          if (reads > 0) where.faulty.next("read", failsBefore());
          const code = await codeOf(one.finish());
          where.faulty.heal();
          const { n } = (await seen(where, cookie)) as { n: number };
          expect([0, 1]).toContain(n % 100);
          if (code === "no error") expect(n % 100).toBe(1);
          else expect(UNKNOWN).toContain(code);
        });

        test(`an assignment is there, or the request learns that nobody knows: ${readable}`, async () => {
          const where = rig({ store: await open() });
          const cookie = await stored(where, { a: 1 });
          const one = await visit(where, cookie);
          one.session.data.a = 2;
          faults(where, "update");
          const code = await codeOf(one.finish());
          where.faulty.heal();
          const left = await seen(where, cookie);
          if (code === "no error") expect(left).toEqual({ a: 2 });
          else expect(UNKNOWN).toContain(code);
        });

        test(`a new session is stored once and its cookie opens it, or no cookie is set: ${readable}`, async () => {
          const where = rig({ store: await open() });
          await stored(where);
          const one = await visit(where);
          one.session.data.mine = 1;
          faults(where, "create");
          const code = await codeOf(one.finish());
          where.faulty.heal();
          const [value] = setCookies(one.exchange);
          if (code === "no error") {
            expect(await seen(where, `__Host-Http-sid=${value}`)).toEqual({ mine: 1 });
            expect(await recordsOf(where)).toHaveLength(2);
          } else {
            expect(UNKNOWN).toContain(code);
            expect(value).toBeUndefined();
          }
        });

        test(`a login gives the new token, or the request learns that it failed: ${readable}`, async () => {
          const where = rig({ store: await open() });
          const cookie = await stored(where, { cart: 1 });
          const one = await visit(where, cookie);
          one.session.login("ann");
          faults(where, "update");
          const code = await codeOf(one.finish());
          where.faulty.heal();
          const [value] = setCookies(one.exchange);
          if (code === "no error") {
            expect(await seen(where, `__Host-Http-sid=${value}`)).toEqual({ cart: 1 });
            expect(await seen(where, cookie)).toBeNull();
            expect(await recordsOf(where)).toHaveLength(1);
          } else {
            expect(UNKNOWN).toContain(code);
            expect(value).toBeUndefined();
          }
        });

        test(`a logout took place, or the request learns that it failed and keeps its cookie: ${readable}`, async () => {
          const where = rig({ store: await open() });
          const cookie = await stored(where);
          const one = await visit(where, cookie);
          one.session.logout();
          faults(where, "delete");
          const code = await codeOf(one.finish());
          where.faulty.heal();
          if (code === "no error") {
            expect(await recordsOf(where)).toEqual([]);
            expect(setCookies(one.exchange)).toEqual([""]);
          } else {
            expect(UNKNOWN).toContain(code);
            expect(one.exchange.cookies).toEqual([]);
            await done(where, cookie, (session) => session.logout());
            expect(await recordsOf(where)).toEqual([]);
          }
        });

        test(`a claim gives the value once at most: ${readable}`, async () => {
          const where = rig({ store: await open() });
          const cookie = await stored(where, { state: "s", here: 1 });
          const one = await visit(where, cookie);
          faults(where, "update");
          let got: unknown = "(error)";
          const code = await codeOf(async () => void (got = await one.session.claim("state")));
          where.faulty.heal();
          let again: unknown;
          await done(where, cookie, async (session) => void (again = await session.claim("state")));
          if (code === "no error") expect([got, again]).toEqual(["s", undefined]);
          else expect(UNKNOWN).toContain(code);
        });
      }
    });
  }

  describe("a client that sends every write twice by itself", () => {
    test("still counts once, creates once, logs in once, claims once and ends", async () => {
      const where = rig({ store: resending(await open()), rotateEvery: "10m" });
      const cookie = await stored(where, { n: 0, state: "s" });
      for (let turn = 0; turn < 12; turn += 1)
        await done(where, cookie, (session) => void session.increment("n"));
      expect(await seen(where, cookie)).toEqual({ n: 12, state: "s" });
      const visits = await Promise.all(Array.from({ length: 12 }, () => visit(where, cookie)));
      for (const one of visits) one.session.increment("n");
      await Promise.all(visits.map((one) => one.finish()));
      expect(await seen(where, cookie)).toEqual({ n: 24, state: "s" });

      let claimed: unknown;
      await done(where, cookie, async (session) => void (claimed = await session.claim("state")));
      expect(claimed).toBe("s");
      await done(where, cookie, (session) => void (session.data.blind = 1));
      const ann = await done(where, cookie, (session) => session.login("ann"));
      expect(await seen(where, ann)).toEqual({ n: 24, blind: 1 });
      expect(await recordsOf(where)).toHaveLength(1);

      where.clock.advance(700_000);
      const rotated = await done(where, ann, () => undefined);
      expect(rotated).not.toBe(ann);
      expect(await seen(where, rotated)).toEqual({ n: 24, blind: 1 });
      await done(where, rotated, (session) => session.logout());
      expect(await recordsOf(where)).toEqual([]);
    });

    test("between two managers too, whatever else is written", async () => {
      const where = rig({ store: resending(await open()) });
      const other = sibling(where);
      const cookie = await stored(where, { n: 0 });
      const visits = await Promise.all(
        Array.from({ length: 16 }, (_, i) => visit(i % 2 ? where : other, cookie)),
      );
      visits.forEach((one, index) => {
        one.session.increment("n");
        one.session.data[`f${index}`] = index;
      });
      const codes = await Promise.all(visits.map((one) => codeOf(one.finish())));
      const counted = codes.filter((code) => code === "no error").length;
      const unknown = codes.filter((code) => code === "ERR_SESSION_UNKNOWN").length;
      expect(counted + unknown).toBe(16);
      const { n } = (await seen(where, cookie)) as { n: number };
      expect(n).toBeGreaterThanOrEqual(counted);
      expect(n).toBeLessThanOrEqual(counted + unknown);
    });

    test("revokes and voids as ever", async () => {
      const where = rig({ store: resending(await open()) });
      const cookie = await loggedIn(where, "ann");
      const one = await visit(where);
      one.session.login("ann");
      await where.manager.revokeUser("ann");
      expect(await codeOf(one.finish())).toBe("ERR_SESSION_REVOKED");
      expect(await seen(where, cookie)).toBeNull();
    });
  });

  test("a claim that was applied more than eight writes ago and whose answer was lost is not given again", async () => {
    const where = rig({ store: await open() });
    const other = sibling(where);
    const cookie = await stored(where, { state: "s", n: 0 });
    const one = await visit(where, cookie);
    where.faulty.next("update", async (work) => {
      await work();
      for (let turn = 0; turn < 10; turn += 1)
        await done(other, cookie, (session) => void session.increment("n"));
      throw new Error("lost");
    });
    expect(await codeOf(one.session.claim("state"))).toBe("ERR_SESSION_UNKNOWN");
    expect(await seen(where, cookie)).toEqual({ n: 10 });
  });
}, ENGINES_HERE);
