import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { SessionEvents, SessionRecord } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { failsBefore, faultyStore, gate, waitsBefore } from "../../src/testing/index.ts";
import { keyOf } from "../support/at-rest.ts";
import { rejection, site } from "../support/site.ts";

const CALL = { signal: new AbortController().signal };
const A = keyOf("a");
const B = keyOf("b");
const NAME = "__Host-Http-sid";

type Site = ReturnType<typeof site>;

async function only({ store }: Pick<Site, "store">): Promise<SessionRecord> {
  const [record] = (await store.all({ limit: 9 }, CALL)).records.filter((one) => one.secretHash !== "");
  if (record === undefined) throw new Error("nothing is stored");
  return record;
}

function beside(where: Site, options: NonNullable<Parameters<typeof site>[0]>): Site {
  return { ...site({ store: where.store, clock: where.clock, ...options }), store: where.store };
}

function rejections({ manager }: Pick<Site, "manager">): SessionEvents["rejected"]["reason"][] {
  const reasons: SessionEvents["rejected"]["reason"][] = [];
  manager.on("rejected", ({ reason }) => reasons.push(reason));
  return reasons;
}

function secretOf(cookie: string | undefined): string {
  return (cookie ?? "").slice(NAME.length + 1 + 24);
}

function plainHash(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}

/** Writes a hash into the store as somebody who can write there does. */
async function plantHash(
  where: Pick<Site, "store">,
  id: SessionRecord["id"],
  secretHash: string,
): Promise<void> {
  const record = await where.store.read(id, CALL);
  const epoch = record?.epoch ?? 0;
  await where.store.update(id, { now: 0, epoch, renew: { secretHash, nextEpoch: epoch } }, CALL);
}

const login = (where: Site, user = "ann") => where.visit(undefined, (session) => session.login(user));
const userOf = (where: Site, cookie: string | undefined) => where.read(cookie, (session) => session.user);

describe("with a pepper", () => {
  test("the stored hash bears the key's id and is not that of the secret alone", async () => {
    const where = site({ pepper: { keys: [A] } });
    const { cookie } = await login(where);
    const { secretHash } = await only(where);
    expect(secretHash).toMatch(/^a\.[\w-]{43}$/);
    expect(secretHash).not.toContain(plainHash(secretOf(cookie)));
    expect(await userOf(where, cookie)).toBe("ann");
    expect(await userOf(where, `${cookie?.slice(0, -1)}${cookie?.endsWith("A") ? "B" : "A"}`)).toBeNull();
  });

  test("a hash that somebody made without the key opens nothing (ASVS 7.2.1), with an event", async () => {
    const where = site({ pepper: { keys: [A] } });
    const { cookie } = await login(where);
    const reasons = rejections(where);
    await plantHash(where, (await only(where)).id, plainHash(secretOf(cookie)));
    expect(await userOf(where, cookie)).toBeNull();
    expect(reasons).toEqual(["unpeppered"]);
  });

  test("a hash that was copied from another session opens nothing", async () => {
    const where = site({ pepper: { keys: [A] } });
    const mine = await login(where, "eve");
    const { id: eve, secretHash } = await only(where);
    await where.manager.revoke(eve);
    await login(where, "ann");
    const { id } = await only(where);
    await plantHash(where, id, secretHash);
    expect(await userOf(where, `${NAME}=${id}${secretOf(mine.cookie)}`)).toBeNull();
  });

  test("a mark still opens for nobody", async () => {
    const where = site({ pepper: { keys: [A] } });
    await login(where);
    await where.manager.revokeUser("ann");
    const [mark] = (await where.store.all({ limit: 9 }, CALL)).records;
    expect(mark?.secretHash).toBe("");
    const reasons = rejections(where);
    expect(await userOf(where, `${NAME}=${mark?.id}${"A".repeat(32)}`)).toBeNull();
    expect(reasons).toEqual(["secret"]);
  });

  test("periodic rotation works as without: successor, grace, theft", async () => {
    const where = site({ pepper: { keys: [A] }, rotateEvery: "10m", rotationGrace: "1m" });
    const thefts: unknown[] = [];
    where.manager.on("theft", (event) => thefts.push(event));
    const { cookie: first } = await login(where);
    where.clock.advance(11 * 60_000);
    const { cookie: second } = await where.visit(first, (session) => session.user);
    expect(second).not.toBe(first);
    const { cookie: again } = await where.visit(first, (session) => session.user);
    expect(again).toBe(second);
    expect((await where.visit(second, (session) => session.user)).result).toBe("ann");
    where.clock.advance(2 * 60_000);
    expect(await userOf(where, first)).toBeNull();
    expect(thefts).toHaveLength(1);
    expect(await userOf(where, second)).toBe("ann");
  });

  test("a new secret is dead in the store that was rolled back, but the old one lives: what a writer can do", async () => {
    const where = site({ pepper: { keys: [A] } });
    const { cookie: old } = await login(where);
    const before = await only(where);
    const { cookie } = await where.visit(old, (session) => session.rotate());
    expect(await userOf(where, old)).toBeNull();
    await plantHash(where, before.id, before.secretHash);
    expect([await userOf(where, old), await userOf(where, cookie)]).toEqual(["ann", null]);
  });
});

describe("a pepper that a process lacks", () => {
  test.each([
    ["another pepper", { pepper: { keys: [A] } }],
    ["no pepper", {}],
  ])("with %s the session is an outage, and nobody is logged out (P8)", async (_, options) => {
    const where = site({ pepper: { keys: [B] } });
    const { cookie } = await login(where);
    const other = beside(where, options);
    const error = await rejection(userOf(other, cookie).then(() => undefined));
    expect([error.code, error.status]).toEqual(["ERR_SESSION_FORMAT", 503]);
    expect(await userOf(where, cookie)).toBe("ann");
    expect(await other.manager.revokeUser("ann")).toBe(1);
  });
});

describe("the deployment of peppers", () => {
  const PLAIN = {};
  const OPEN_A = { pepper: { keys: [A], openOnly: true } };
  const MIXED_A = { pepper: { keys: [A], acceptUnpeppered: true } };
  const ONLY_A = { pepper: { keys: [A] } };
  const A_B = { pepper: { keys: [A, B] } };
  const B_A = { pepper: { keys: [B, A] } };
  const ONLY_B = { pepper: { keys: [B] } };

  test.each([
    ["a pepper is introduced: first opened", PLAIN, OPEN_A],
    ["a pepper is introduced: then made", OPEN_A, MIXED_A],
    ["a key is added", ONLY_A, A_B],
    ["the new key is used", A_B, B_A],
  ] as const)(
    "%s, process by process, and nobody is logged out, rotation or not",
    async (_, older, newer) => {
      for (const rotation of [{}, { rotateEvery: "3m" as const }]) {
        const one = site({ ...older, ...rotation });
        const two = beside(one, { ...newer, ...rotation });
        let { cookie } = await login(one);
        for (let n = 0; n < 12; n += 1) {
          one.clock.advance(70_000);
          const at = n % 2 === 0 ? two : one;
          const seen = await at.visit(cookie, (session) => session.user);
          expect(seen.result).toBe("ann");
          ({ cookie } = seen);
        }
      }
    },
  );

  test("a hash is renewed by a request that changes nothing, and the old key is needed no more", async () => {
    const where = site(ONLY_A);
    const { cookie } = await login(where);
    await beside(where, B_A).visit(cookie, () => undefined);
    expect((await only(where)).secretHash).toMatch(/^b\./);
    expect(await userOf(beside(where, ONLY_B), cookie)).toBe("ann");
  });

  test("the same with hashes from before, which nobody accepts in the end", async () => {
    const where = site();
    const { cookie } = await login(where);
    await beside(where, MIXED_A).visit(cookie, () => undefined);
    expect(await userOf(beside(where, ONLY_A), cookie)).toBe("ann");
  });

  test("renewing the hash never brings back a secret that another request replaced", async () => {
    for (const replace of ["rotate", "login again"] as const) {
      const faulty = faultyStore(memoryStore());
      const where = site({ ...ONLY_A, store: faulty.store });
      const { cookie: old } = await login(where);
      const next = site({ ...B_A, store: faulty.store, clock: where.clock });
      const slow = await next.open(old);
      void slow.session.user;
      const writing = gate();
      faulty.next("update", waitsBefore(writing));
      const finishing = Promise.resolve(next.manager.finishSuccessfulRequest(slow.exchange));
      await writing.reached();
      const { cookie } = await next.visit(old, (session) =>
        replace === "rotate" ? session.rotate() : session.login("ann"),
      );
      writing.open();
      await finishing;
      expect([await userOf(next, cookie), await userOf(next, old)]).toEqual(["ann", null]);
    }
  });

  test("nor one that was replaced by its periodic rotation: the predecessor renews nothing", async () => {
    const rotation = { rotateEvery: "10m", rotationGrace: "1m" } as const;
    const where = site({ ...ONLY_A, ...rotation });
    const { cookie: first } = await login(where);
    where.clock.advance(11 * 60_000);
    const { cookie: second } = await where.visit(first, (session) => session.user);
    const next = beside(where, { ...B_A, ...rotation });
    const late = await next.visit(first, (session) => session.user);
    expect([late.result, late.cookie]).toEqual(["ann", second]);
    expect((await only(where)).secretHash).toMatch(/^a\./);
    await next.visit(second, (session) => session.user);
    await next.visit(second, (session) => session.user);
    expect((await only(where)).secretHash).toMatch(/^b\./);
    expect(await userOf(next, second)).toBe("ann");
  });

  test("a renewal that fails fails no request, and the next one does it", async () => {
    const faulty = faultyStore(memoryStore());
    const where = site({ ...ONLY_A, store: faulty.store });
    const { cookie } = await login(where);
    const next = site({ ...B_A, store: faulty.store, clock: where.clock });
    faulty.next("update", failsBefore());
    expect((await next.visit(cookie, (session) => session.user)).result).toBe("ann");
    await next.visit(cookie, (session) => session.user);
    expect(await userOf(site({ ...ONLY_B, store: faulty.store, clock: where.clock }), cookie)).toBe("ann");
  });
});

describe("form tokens", () => {
  test("are stored as hashes: nothing in the store can be sent as one", async () => {
    const where = site();
    const { cookie, result: token } = await where.visit(undefined, (session) => session.createFormToken());
    const { fields } = await only(where);
    expect(fields["~form"]).not.toContain(token);
    const stored = JSON.parse(fields["~form"] ?? "[]") as string[];
    const seen = await where.read(cookie, (session) =>
      [token, ...stored].map((one) => session.hasFormToken(one)),
    );
    expect(seen).toEqual([true, false]);
  });
});
