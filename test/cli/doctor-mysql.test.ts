import { createPool, type Pool } from "mysql2/promise";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MysqlServer } from "../support/servers/mysql.ts";
import { withServers } from "../support/servers/programs.ts";
import { examined } from "./examined.ts";
import { ran } from "./support.ts";

withServers(["mariadb"], () => {
  let server: MysqlServer;
  let pool: Pool;
  let url = "";
  const environment = { MYSQL_PWD: "holdfast" };

  beforeAll(async () => {
    server = await MysqlServer.start("mariadb", { args: ["--innodb-flush-log-at-trx-commit=1"] });
    pool = createPool(server.url);
    url = server.url.replace(":holdfast@", "@");
    expect(await ran(["setup", url], { environment })).toMatchObject({ code: 0, complained: "" });
  });
  afterAll(async () => {
    await pool.end();
    await server.stop();
  });

  test("a sound server and schema are found sound, by 0, by either driver", async () => {
    for (const one of [url, url.replace("mysql:", "mariadb:")]) {
      const { code, findings } = await examined(one, environment);
      expect([code, findings.filter(({ severity }) => severity !== "ok")]).toEqual([0, []]);
      expect(findings.map(({ check }) => check)).toEqual([
        "version",
        "innodb_flush_log_at_trx_commit",
        "innodb_doublewrite",
        "isolation",
        "role",
        "clock",
        "encryption",
        "schema",
        "rights",
      ]);
    }
  });

  test("a log that is not written at each commit is a warning", async () => {
    await pool.query("SET GLOBAL innodb_flush_log_at_trx_commit = 0");
    const { code, of } = await examined(url, environment);
    expect([code, of("innodb_flush_log_at_trx_commit").severity]).toEqual([1, "warning"]);
    await pool.query("SET GLOBAL innodb_flush_log_at_trx_commit = 2");
    expect((await examined(url, environment)).of("innodb_flush_log_at_trx_commit").severity).toBe("note");
    await pool.query("SET GLOBAL innodb_flush_log_at_trx_commit = 1");
  });

  test("an isolation level that the store refuses is an error", async () => {
    await pool.query("SET GLOBAL TRANSACTION ISOLATION LEVEL READ UNCOMMITTED");
    expect((await examined(url, environment)).of("isolation").severity).toBe("error");
    await pool.query("SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ");
  });

  test("an index that is gone and a trigger that is in the way are errors", async () => {
    await ran(["setup", `${url}?table=other`], { environment });
    await pool.query("ALTER TABLE other DROP INDEX by_expiry");
    await pool.query("CREATE TRIGGER watcher AFTER UPDATE ON other FOR EACH ROW SET @x = 1");
    const { code, of } = await examined(`${url}?table=other`, environment);
    expect([code, of("schema").finding]).toEqual([1, "missing: the index by_expiry of other"]);
    expect(of("triggers").mend).toBe("DROP TRIGGER watcher.");
  });

  test("an account that may only read is found by trying", async () => {
    await pool.query("CREATE USER reader@'%' IDENTIFIED BY 'holdfast'");
    await pool.query("GRANT SELECT ON holdfast.* TO reader@'%'");
    const { code, of } = await examined(url.replace("holdfast@", "reader@"), environment);
    expect(code).toBe(1);
    expect(of("rights").finding).toMatch(/\(create\)/);
  });
});

withServers(["mysql"], () => {
  test("MySQL itself is found sound, but for what it is set to", { timeout: 120_000 }, async () => {
    const server = await MysqlServer.start("mysql");
    const url = server.url.replace(":holdfast@", "@");
    const environment = { MYSQL_PWD: "holdfast" };
    expect(await ran(["setup", url], { environment })).toMatchObject({ code: 0, complained: "" });
    const { code, findings, of } = await examined(url, environment);
    expect(findings.filter(({ severity }) => severity !== "ok")).toEqual([
      of("innodb_flush_log_at_trx_commit"),
    ]);
    // The tests set it to 2.
    expect([code, of("innodb_flush_log_at_trx_commit").severity]).toEqual([0, "note"]);
    expect(of("version").finding).toMatch(/^MySQL \d/);
    await server.stop();
  });
});
