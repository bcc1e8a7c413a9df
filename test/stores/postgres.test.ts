import { Pool } from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { SessionId } from "../../src/core/record.ts";
import {
  checkStore,
  type OpenedStore,
  storeContract,
  storeRules,
  type StoreSubject,
} from "../../src/testing/index.ts";
import { PgBouncer, PostgresServer } from "../support/servers/postgres.ts";
import { laggingSubject } from "./cached/support.ts";
import { openPostgres, type PostgresDriverName, type PostgresLocation } from "./postgres/clients.ts";

let server: PostgresServer;
let bouncer: PgBouncer;
let admin: Pool;
let schemas = 0;

beforeAll(async () => {
  server = await PostgresServer.start();
  bouncer = await PgBouncer.start(server, 20);
  admin = new Pool({ connectionString: server.url, max: 2 });
}, 90_000);

afterAll(async () => {
  await admin.end();
  await bouncer.stop();
  await server.stop();
});

type Way = "direct" | "pgbouncer";

function subjectOf(
  driver: PostgresDriverName,
  way: Way,
  effort: number,
  more: Partial<PostgresLocation> = {},
): StoreSubject {
  const notify = way === "direct";
  return {
    name: `postgres by ${driver}, ${way}${more.cached === undefined ? "" : ", cached"}`,
    effort,
    async open() {
      const schema = `rules_${(schemas += 1)}`;
      const { host, port, user, database } = way === "direct" ? server : bouncer;
      const location: PostgresLocation = { driver, host, port, user, database, schema, notify, ...more };
      const first = await opened(location);
      return {
        ...first,
        close: async () => {
          await first.close();
          await admin.query(`DROP SCHEMA "${schema}" CASCADE`);
        },
        openAgain: () => opened(location),
        worker: {
          module: new URL("./postgres/clients.ts", import.meta.url),
          export: "openPostgres",
          location: JSON.stringify({
            ...location,
            notify: false,
            connections: 2,
          }),
        },
        damage: {
          "labels without a text": spoiled(schema, "labels = labels || NULL::text"),
          "fields that are a list": spoiled(schema, "fields = '[]'"),
          "fields that are a number": spoiled(schema, "fields = '1'"),
          "a version past all numbers": spoiled(schema, "version = 9223372036854775807"),
          "times past all numbers": spoiled(
            schema,
            "expires_at = 9007199254740993, created_at = -9223372036854775808",
          ),
        },
      };
    },
    abilities: {
      labels: true,
      iterate: true,
      sweep: true,
      setup: true,
      subscribe: notify ? true : "a pooler of transactions cannot listen",
      dispose: true,
      "second handle": true,
      processes: true,
      damage: true,
    },
  };
}

async function opened(location: PostgresLocation): Promise<OpenedStore> {
  const store = await openPostgres(JSON.stringify(location));
  await store.setup({ signal: new AbortController().signal });
  return { store, close: () => store.close() };
}

function spoiled(schema: string, assignment: string): (id: SessionId) => Promise<void> {
  return async (id) => {
    await admin.query(`UPDATE "${schema}".holdfast_sessions SET ${assignment} WHERE id = $1`, [id]);
  };
}

storeContract({ test, describe }, subjectOf("pg-pool", "direct", 0.25));
storeContract({ test, describe }, subjectOf("pg-client", "direct", 0.05));
storeContract({ test, describe }, subjectOf("postgres.js", "direct", 0.1, { notify: "changes" }));
storeContract({ test, describe }, subjectOf("pg-pool", "pgbouncer", 0.1));
storeContract({ test, describe }, subjectOf("pg-client", "pgbouncer", 0.05));
storeContract({ test, describe }, subjectOf("postgres.js", "pgbouncer", 0.1));

/** A statement that tells of a change is the same to who sent it. Of the rules, those by which a cache could be found out. */
const covered = laggingSubject(
  subjectOf("pg-pool", "direct", 0.05, { notify: "changes", cached: { staleness: "1h" } }),
);
describe(covered.name, () => {
  for (const rule of storeRules) {
    if (!/^(kept|delete|histories|races|label races)$/.test(rule.group)) continue;
    test(`${rule.group}: ${rule.name}`, async () => {
      for (const outcome of await checkStore(covered, [rule])) {
        if (outcome.kind === "broken") throw outcome.error;
      }
    });
  }
});
