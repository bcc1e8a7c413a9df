import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PostgresServer } from "../support/servers/postgres.ts";
import { withServers } from "../support/servers/programs.ts";
import { examined } from "./examined.ts";
import { ran, run } from "./support.ts";

withServers(["postgres"], () => {
  let server: PostgresServer;
  let client: Client;

  beforeAll(async () => {
    server = await PostgresServer.start({ settings: { fsync: "on" } });
    client = new Client(server.url);
    await client.connect();
    expect(await ran(["setup", server.url])).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    await client.end();
    await server.stop();
  });

  test("a sound server and schema are found sound, by 0", async () => {
    const { code, findings } = await examined(server.url);
    expect([code, findings.filter(({ severity }) => severity !== "ok")]).toEqual([0, []]);
    expect(findings.map(({ check }) => check)).toEqual([
      "version",
      "encoding",
      "fsync",
      "full_page_writes",
      "synchronous_commit",
      "role",
      "autovacuum",
      "clock",
      "encryption",
      "schema",
      "rights",
    ]);
  });

  test("a store that is not set up is told so, by 1", async () => {
    const { code, of } = await examined(`${server.url}?table=elsewhere`);
    expect([code, of("schema").severity]).toEqual([1, "error"]);
    expect(of("schema").mend).toContain("holdfast setup");
    expect(await run(["list", `${server.url}?table=elsewhere`])).toMatchObject({
      code: 4,
      complained: expect.stringContaining("holdfast setup") as string,
    });
  });

  test("commits that are not waited for are told for the role that has them so", async () => {
    await client.query("CREATE ROLE hasty LOGIN SUPERUSER; ALTER ROLE hasty SET synchronous_commit = off");
    const hasty = server.url.replace("holdfast@", "hasty@");
    expect((await examined(hasty)).of("synchronous_commit").severity).toBe("warning");
    expect((await examined(server.url)).of("synchronous_commit").severity).toBe("ok");
  });

  test("an unlogged table is an error", async () => {
    const other = `${server.url}?table=fleeting`;
    await ran(["setup", other]);
    for (const table of ["fleeting_labels", "fleeting_texts", "fleeting"])
      await client.query(`ALTER TABLE ${table} SET UNLOGGED`);
    const { code, of, text } = await examined(other);
    expect([code, of("unlogged").severity]).toEqual([1, "error"]);
    expect(text).toContain("ALTER TABLE public.fleeting SET LOGGED;");
  });

  test("a missing index is an error, which setup mends", async () => {
    const other = `${server.url}?table=bare`;
    await ran(["setup", other]);
    await client.query("DROP INDEX bare_due");
    expect((await examined(other)).of("schema").finding).toBe("missing: bare_due");
    await ran(["setup", other]);
    expect((await examined(other)).of("schema").severity).toBe("ok");
  });

  test("a role that may only read is told so by the catalogue, and by trying", async () => {
    await client.query("CREATE ROLE reader LOGIN; GRANT SELECT ON holdfast_sessions TO reader");
    const { code, findings } = await examined(server.url.replace("holdfast@", "reader@"));
    expect(code).toBe(1);
    const rights = findings.filter(({ check }) => check === "rights").map(({ finding }) => finding);
    expect(rights).toContain("the role may not read and write public.holdfast_sessions");
    expect(rights.at(-1)).toMatch(/\(create\).*permission denied/);
  });

  test("transactions that are read-only are an error", async () => {
    await client.query(
      "CREATE ROLE tied LOGIN SUPERUSER; ALTER ROLE tied SET default_transaction_read_only = on",
    );
    expect((await examined(server.url.replace("holdfast@", "tied@"))).of("role").severity).toBe("error");
  });

  test("what a power cut would damage is told", async () => {
    const risky = await PostgresServer.start({ settings: { fsync: "off", full_page_writes: "off" } });
    const { code, of } = await examined(risky.url);
    expect([code, of("fsync").severity, of("full_page_writes").severity]).toEqual([1, "warning", "warning"]);
    await risky.stop();
  });

  test("the other driver answers alike", async () => {
    const { findDriver } = await import("../../src/open-store/driver.ts");
    const { storeAddress } = await import("../../src/open-store/address.ts");
    const { postgresFindings } = await import("../../src/cli/doctor/postgres.ts");
    const { signal } = new AbortController();
    const findings = await postgresFindings({
      address: storeAddress(server.url),
      find: () => findDriver(["postgres"]),
      now: () => Date.now(),
      signal,
    });
    expect(findings.filter(({ severity }) => severity !== "ok")).toEqual([]);
  });
});
