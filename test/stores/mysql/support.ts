import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import type { SessionId, SessionRecord } from "../../../src/core/record.ts";
import type { Call } from "../../../src/core/store.ts";
import type { MysqlStore } from "../../../src/stores/mysql.ts";
import { type MysqlKind, type MysqlOptions, MysqlServer } from "../../support/servers/mysql.ts";
import { type MysqlDriverName, type MysqlLocation, openAt } from "./clients.ts";
import { type Raw, rawOn } from "./raw.ts";

export const NOW: number = Date.UTC(2100, 0, 1);
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

export function call(): Call {
  return { signal: new AbortController().signal };
}

export function idOf(name: string): SessionId {
  return name.padEnd(24, "0") as SessionId;
}

export function recordOf(name: string, given: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: idOf(name),
    epoch: 1,
    version: 1,
    secretHash: "h".repeat(43),
    labels: ["user:1"],
    createdAt: NOW,
    accessedAt: NOW,
    expiresAt: NOW + 1000,
    endsAt: NOW + 2000,
    fields: { a: "1" },
    ...given,
  };
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
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`Never: ${what}.`);
}
