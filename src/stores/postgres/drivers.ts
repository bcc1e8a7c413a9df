import { refuseConfig } from "../../core/errors.ts";
import type { PgClient, PgPool, PostgresClient, PostgresJsSql } from "./clients.ts";
import type { Driver } from "./driver.ts";
import { PgClientDriver } from "./pg-client.ts";
import { PgPoolDriver } from "./pg-pool.ts";
import { PostgresJsDriver } from "./postgres-js.ts";

/** Finds out what was handed in. Throws `ERR_SESSION_CONFIG` for what is none of them. */
export function driverOf(client: PostgresClient, name: string): Driver {
  if (isSql(client)) return new PostgresJsDriver(withPlainRows(client, name));
  if (isPool(client)) return new PgPoolDriver(client);
  if (isClient(client)) return new PgClientDriver(client);
  refuseConfig(
    `${name} must be a Pool or a Client of pg, or what postgres() of postgres.js returns: postgresStore(new Pool({ connectionString })).`,
  );
}

/** It is applied to undecoded rows too, and nobody knows what it makes of them. */
function withPlainRows(sql: PostgresJsSql, name: string): PostgresJsSql {
  if (sql.options?.transform?.row?.from === undefined) return sql;
  refuseConfig(
    `${name} has the option transform.row, which postgres.js applies to the store's rows too. Give the store an instance without it; transforms of columns and of values may stay.`,
  );
}

function isSql(client: unknown): client is PostgresJsSql {
  return typeof client === "function" && has(client, "unsafe") && has(client, "listen");
}

function isPool(client: unknown): client is PgPool {
  return has(client, "connect") && has(client, "on") && typeof Reflect.get(client, "totalCount") === "number";
}

function isClient(client: unknown): client is PgClient {
  return has(client, "query") && has(client, "on") && has(client, "removeListener");
}

function has(client: unknown, method: string): client is object {
  const holds = (typeof client === "object" && client !== null) || typeof client === "function";
  return holds && typeof Reflect.get(client, method) === "function";
}
