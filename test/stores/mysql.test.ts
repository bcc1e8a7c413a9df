import { afterAll, beforeAll, describe, test } from "vitest";
import type { SessionId } from "../../src/core/record.ts";
import { type OpenedStore, storeContract, type StoreSubject } from "../../src/testing/index.ts";
import { MysqlServer, type MysqlKind } from "../support/servers/mysql.ts";
import { withServers } from "../support/servers/programs.ts";
import { type MysqlDriverName, type MysqlLocation, openAt } from "./mysql/clients.ts";
import { quoted, type Raw, rawOn } from "./mysql/raw.ts";

interface Shape {
  readonly kind: MysqlKind;
  readonly driver: MysqlDriverName;
  readonly effort: number;
}

const SHAPES: readonly Shape[] = [
  { kind: "mariadb", driver: "mysql2", effort: 0.5 },
  { kind: "mariadb", driver: "mariadb", effort: 0.1 },
  { kind: "mysql", driver: "mysql2", effort: 0.1 },
  { kind: "mysql", driver: "mariadb", effort: 0.1 },
  { kind: "mysql", driver: "mysql2 with callbacks", effort: 0.05 },
];

let made = 0;

/** A name for tables that nobody uses now. Making tables takes most of a second on a busy machine, so they are emptied and used again. */
function tableFrom(free: string[]): string {
  // Awkward on purpose: every statement has to quote it.
  return free.pop() ?? `s\`${(made += 1)} x`;
}

function subjectOf(
  { kind, driver, effort }: Shape,
  server: () => MysqlServer,
  raw: () => Raw,
  free: string[],
): StoreSubject {
  return {
    name: `${kind} by ${driver}`,
    effort,
    async open() {
      const { host, port, user, password, database } = server();
      const table = tableFrom(free);
      const location: MysqlLocation = {
        driver,
        host,
        port,
        user,
        password,
        database,
        table,
        connections: 4,
      };
      const first = await handleOf(location);
      return {
        ...first,
        close: async () => {
          await first.close();
          await raw().run(`DELETE FROM ${quoted(table)}`);
          free.push(table);
        },
        openAgain: () => handleOf(location),
        worker: {
          module: new URL("./mysql/clients.ts", import.meta.url),
          export: "openMysql",
          location: JSON.stringify(location),
        },
        damage: {
          "labels cut short": spoiled(raw, table, `labels = '["user:'`),
          "labels of another shape": spoiled(raw, table, "labels = '{}'"),
          "a version past all numbers": spoiled(raw, table, "version = 9223372036854775807"),
          "a version below 0": spoiled(raw, table, "version = -1"),
          "times past all numbers": spoiled(
            raw,
            table,
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
      subscribe: "MySQL tells nobody",
      dispose: true,
      "second handle": true,
      processes: true,
      damage: true,
    },
  };
}

async function handleOf(location: MysqlLocation): Promise<OpenedStore> {
  const store = openAt(location);
  await store.setup({ signal: new AbortController().signal });
  return { store, close: () => store.close() };
}

function spoiled(raw: () => Raw, table: string, assignment: string): (id: SessionId) => Promise<void> {
  return (id) => raw().run(`UPDATE ${quoted(table)} SET ${assignment} WHERE id = '${id}'`);
}

for (const kind of ["mariadb", "mysql"] as const) {
  withServers([kind], () => {
    describe(`on ${kind}`, () => {
      let server: MysqlServer;
      let raw: Raw;
      const free: string[] = [];
      beforeAll(async () => {
        // A rule about histories keeps hundreds of stores open, each with a pool of its own.
        server = await MysqlServer.start(kind, { args: ["--max-connections=2000"] });
        raw = rawOn(server);
      });
      afterAll(async () => {
        await raw.end();
        await server.stop();
      });
      for (const shape of SHAPES) {
        if (shape.kind !== kind) continue;
        storeContract(
          { test, describe },
          subjectOf(
            shape,
            () => server,
            () => raw,
            free,
          ),
        );
      }
    });
  });
}
