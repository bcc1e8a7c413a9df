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

/** A name as it stands in a statement. */
export function quoted(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}
