import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import type { MysqlStore } from "../../../src/stores/mysql.ts";
import { type MysqlKind, type MysqlOptions, MysqlServer } from "../../support/servers/mysql.ts";
import { type MysqlDriverName, type MysqlLocation, openAt } from "./clients.ts";
import { until as comesTrue } from "../../support/servers/server-process.ts";
import { type Raw, rawOn } from "./raw.ts";

import { call } from "../records.ts";

export { call, idOf, NOW, recordOf } from "../records.ts";

export const KINDS: readonly MysqlKind[] = ["mariadb", "mysql"];
export const DRIVERS: readonly MysqlDriverName[] = ["mysql2", "mariadb"];

/** A server for the tests of one suite, and a way to it behind the store's back. */
export interface Bench {
  readonly server: MysqlServer;
  readonly raw: Raw;
  location(given?: Partial<MysqlLocation>): MysqlLocation;
  /** Opens a store that is set up, and closed when the test is over. */
  store(given?: Partial<MysqlLocation>): Promise<MysqlStore>;
}

/** Starts the server before the tests of the suite that calls it, and stops it after them. */
export function benchOn(kind: MysqlKind, options: MysqlOptions = {}): Bench {
  let server: MysqlServer;
  let raw: Raw;
  let tables = 0;
  beforeAll(async () => {
    server = await MysqlServer.start(kind, options);
    raw = rawOn(server);
  });
  afterAll(async () => {
    await raw.end();
    await server.stop();
  });
  const bench: Bench = {
    get server() {
      return server;
    },
    get raw() {
      return raw;
    },
    location(given = {}) {
      const { host, port, user, password, database } = server;
      const table = `sessions${(tables += 1)}`;
      return { driver: "mysql2", host, port, user, password, database, table, ...given };
    },
    async store(given) {
      const store = openAt(bench.location(given));
      onTestFinished(() => store.close());
      await store.setup(call());
      return store;
    },
  };
  return bench;
}

type Watcher = (sql: string, values: readonly unknown[]) => void;

/** A pool that tells of each statement before it is sent. */
export function watched<Pool extends object>(pool: Pool, onStatement: Watcher): Pool {
  return new Proxy(pool, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...given: readonly unknown[]): unknown => {
        if (name === "execute" || name === "query") {
          const [{ sql }, values = []] = given as [{ readonly sql: string }, (readonly unknown[])?];
          onStatement(sql, values);
        }
        const result: unknown = Reflect.apply(value, target, given);
        if (name !== "getConnection")
          return name === "promise" ? watched(result as object, onStatement) : result;
        return (result as Promise<object>).then((connection) => watched(connection, onStatement));
      };
    },
  });
}

/** Starts a program beside this file; it is killed when the test is over. */
export function start(program: string, ...args: string[]): ChildProcess {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), args, { execArgv: [] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

export async function message(child: ChildProcess): Promise<unknown> {
  const [text] = (await once(child, "message")) as [unknown];
  return text;
}

/** Asks again and again until the answer is yes, at most for ten seconds. */
export function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  return comesTrue(what, holds, 10_000);
}
