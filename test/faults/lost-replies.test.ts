import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { SessionManager } from "../../src/index.ts";
import type { AnyStore } from "../../src/core/store.ts";
import { codeOf, done, noUnhandledRejections, seen, setCookies, stored, visit } from "../races/rig.ts";
import { openPlace } from "../races/support/places.ts";
import { withServers } from "../support/servers/programs.ts";
import { until } from "../support/servers/server-process.ts";
import { type Deployment, mysql, postgres, redis } from "./support/deployments.ts";
import { type Lossy, proxiedCluster, proxiedSentinel } from "./support/topologies.ts";

noUnhandledRejections();

const DEPLOYMENTS: readonly Deployment<Lossy>[] = [
  redis(["redis6", "redis5", "ioredis6", "ioredis5", "iovalkey"]),
  proxiedCluster(["redis6", "redis5", "ioredis6"]),
  proxiedSentinel(["redis6", "ioredis6"]),
  postgres(["pg-pool", "postgres.js"]),
  mysql("mysql", ["mysql2", "mariadb"]),
  mysql("mariadb", ["mysql2", "mariadb"]),
];

const UNKNOWN = ["no error", "ERR_SESSION_UNKNOWN", "ERR_SESSION_STORE_UNAVAILABLE"];

for (const deployment of DEPLOYMENTS) {
  withServers(deployment.needs, () => {
    describe(`over ${deployment.name}`, () => {
      let where: Lossy;
      beforeAll(async () => {
        where = await deployment.start();
      });
      afterAll(() => where?.stop());
      for (const [index, client] of deployment.clients.entries())
        describe(`by ${client}`, () => rules(async () => ({ ...where, place: where.places[index] })));
    });
  });
}

interface Located extends Lossy {
  readonly place: Lossy["places"][number] | undefined;
}

function rules(locate: () => Promise<Located>): void {
  let where: Located;
  let store: AnyStore;
  let manager: SessionManager;

  beforeAll(async () => {
    where = await locate();
    if (where.place === undefined) throw new Error("There is no place for this client.");
    store = await openPlace(where.place);
    manager = new SessionManager({ store, deadline: 450, sweepEvery: false });
  });
  beforeEach(async () => {
    await where.restore();
    await settled();
  });
  afterAll(async () => {
    await where.restore();
    await manager.close();
  });

  /** Resolves when the store answers, on a machine with other things to do. */
  async function settled(): Promise<void> {
    await until("the store answers", async () => {
      const code = await codeOf(done({ manager }, undefined, (session) => void (session.data.up = 1)));
      return code === "no error";
    });
  }

  /**
   * A session with a tally, after a change: the node of a cluster that holds it knows by then what is sent to it, and has nothing to say
   * but what became of it.
   */
  async function tallied(): Promise<string> {
    const cookie = await stored({ manager }, { tally: -1 });
    await done({ manager }, cookie, (session) => void session.increment("tally"));
    return cookie;
  }

  /** Does what loses the reply to the next request with that text, and heals. Resolves to the code of the error. */
  async function losing(
    text: string,
    instead: "cut" | "hang",
    work: () => Promise<unknown>,
  ): Promise<string> {
    const lost = where.proxy.loseReply((request) => request.includes(text), instead);
    const code = await codeOf(work);
    await lost;
    await where.restore();
    await settled();
    expect(UNKNOWN).toContain(code);
    return code;
  }

  describe.each(["cut", "hang"] as const)("where the connection is left to %s", (instead) => {
    test("an increment whose reply is lost counts once, and whoever counted on it knows or learns that nobody does", async () => {
      const cookie = await tallied();
      const one = await visit({ manager }, cookie);
      one.session.increment("tally");
      await losing("tally", instead, () => one.finish());
      expect(await seen({ manager }, cookie)).toEqual({ tally: 1 });
    });

    test("of increments that overlap one whose reply is lost each counts once, or at most once where nobody knows", async () => {
      const cookie = await tallied();
      const visits = await Promise.all([1, 2, 3, 4].map(() => visit({ manager }, cookie)));
      for (const each of visits) each.session.increment("tally");
      let codes: string[] = [];
      await losing("tally", instead, async () => {
        codes = await Promise.all(visits.map((each) => codeOf(each.finish())));
      });
      const { tally } = (await seen({ manager }, cookie)) as { tally: number };
      expect(tally).toBeGreaterThanOrEqual(codes.filter((code) => code === "no error").length);
      expect(tally).toBeLessThanOrEqual(4);
    });

    test("an assignment whose reply is lost is there", async () => {
      const cookie = await stored({ manager }, { here: 1 });
      const one = await visit({ manager }, cookie);
      one.session.data.plain = "zebra";
      const code = await losing("zebra", instead, () => one.finish());
      const data = await seen({ manager }, cookie);
      if (code === "no error") expect(data).toEqual({ here: 1, plain: "zebra" });
      else expect([{ here: 1 }, { here: 1, plain: "zebra" }]).toContainEqual(data);
    });

    test.each([
      ["of somebody who comes without a session", false],
      ["of somebody who had a session before", true],
    ])(
      "a login whose reply is lost, %s, gives a session that is listed and can be revoked, or no cookie",
      async (_who, before) => {
        // Nobody else's: a login that nobody knows of may leave a session behind.
        const user = `ann ${randomUUID()}`;
        const cookie = before ? await stored({ manager }, { here: 1 }) : undefined;
        const one = await visit({ manager }, cookie);
        one.session.login(user);
        one.session.data.mark = "giraffe";
        const code = await losing("giraffe", instead, () => one.finish());
        const [value] = setCookies(one.exchange);
        if (code !== "no error") return void expect(value).toBeUndefined();
        const token = `__Host-Http-sid=${value}`;
        expect(await seen({ manager }, token)).toMatchObject({ mark: "giraffe" });
        // What tidies up after the first sending must not take the index entry of the record along.
        await store.read(one.session.id as never, { signal: AbortSignal.timeout(5000) });
        expect((await manager.sessionsOf(user)).map(({ id }) => id)).toEqual([one.session.id]);
        await manager.revokeUser(user);
        expect(await seen({ manager }, token)).toBeNull();
      },
    );

    test("a logout whose reply is lost took place, and one that failed can be repeated", async () => {
      const cookie = await stored({ manager }, { here: 1 });
      const one = await visit({ manager }, cookie);
      one.session.logout();
      const code = await losing(one.session.id ?? "", instead, () => one.finish());
      if (code !== "no error") {
        expect(one.exchange.cookies).toEqual([]);
        await done({ manager }, cookie, (session) => session.logout());
      }
      expect(await seen({ manager }, cookie)).toBeNull();
    });
  });
}
