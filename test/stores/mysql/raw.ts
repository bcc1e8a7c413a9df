// What tests do with a database behind the store's back.
import mysql from "mysql2/promise";
import type { MysqlServer } from "../../support/servers/mysql.ts";

export interface Raw {
  run(sql: string): Promise<void>;
  rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  end(): Promise<void>;
}

export function rawOn({ host, port, user, password, database }: MysqlServer): Raw {
  const pool = mysql.createPool({ host, port, user, password, database, connectionLimit: 2 });
  return {
    run: async (sql) => void (await pool.query(sql)),
    rows: async (sql) => {
      const [rows] = await pool.query(sql);
      return rows as Readonly<Record<string, unknown>>[];
    },
    end: () => pool.end(),
  };
}

/** Children first: they refer to the sessions. */
export async function dropTables(raw: Raw, table: string): Promise<void> {
  const names = ["_labels", "_fields", "_schema", ""].map(
    (end) => `\`${(table + end).replaceAll("`", "``")}\``,
  );
  for (const name of names) await raw.run(`DROP TABLE IF EXISTS ${name}`);
}
