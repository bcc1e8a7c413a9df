import { connectPostgres, type PostgresConnection } from "../../open-store/postgres.ts";
import { literal, type Names, namesFor } from "../../stores/postgres/names.ts";
import {
  attempted,
  encryptionFinding,
  type Finding,
  ok,
  type Patient,
  skewFinding,
  wrong,
} from "./finding.ts";

type Row = Readonly<Record<string, unknown>>;

export async function postgresFindings(patient: Patient): Promise<Finding[]> {
  const { parameters } = patient.address;
  const names = namesFor(
    parameters.get("schema") ?? "public",
    parameters.get("table") ?? "holdfast_sessions",
  );
  const connection = await connectPostgres(patient.address, patient.find);
  try {
    return [
      ...(await serverFindings(connection)),
      ...(await clockFindings(connection, patient)),
      ...(await encryptionFindings(connection, patient)),
      ...(await schemaFindings(connection, names)),
      ...(await attempted(
        "replication",
        () => replicationFindings(connection),
        "Grant pg_monitor to the role.",
      )),
    ];
  } finally {
    await connection.release();
  }
}

async function serverFindings({ query }: PostgresConnection): Promise<Finding[]> {
  const [settings = {}] = await query(`
    SELECT current_setting('server_version') AS version, current_setting('server_version_num') AS number,
      current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync,
      current_setting('full_page_writes') AS pages, current_setting('synchronous_commit') AS commit,
      current_setting('autovacuum') AS autovacuum, pg_is_in_recovery() AS standby,
      current_setting('transaction_read_only') AS readonly`);
  return [
    versionFinding(settings),
    encodingFinding(settings),
    ...durabilityFindings(settings),
    ...roleFindings(settings),
    settings["autovacuum"] === "on"
      ? ok("autovacuum", "on")
      : wrong(
          "warning",
          "autovacuum",
          "off: tables of sessions change all the time, and grow without it",
          "ALTER SYSTEM SET autovacuum = on; SELECT pg_reload_conf();",
        ),
  ];
}

function versionFinding({ version, number }: Row): Finding {
  return Number(number) >= 120_000
    ? ok("version", `PostgreSQL ${String(version)}`)
    : wrong(
        "error",
        "version",
        `PostgreSQL ${String(version)} is too old`,
        "Update to PostgreSQL 12 or newer.",
      );
}

function encodingFinding({ encoding }: Row): Finding {
  return encoding === "UTF8"
    ? ok("encoding", "UTF8")
    : wrong(
        "error",
        "encoding",
        `${String(encoding)} does not hold every text`,
        "Create a database with ENCODING 'UTF8'.",
      );
}

function durabilityFindings({ fsync, pages, commit }: Row): Finding[] {
  const reload = "SELECT pg_reload_conf();";
  return [
    fsync === "on"
      ? ok("fsync", "on")
      : wrong(
          "warning",
          "fsync",
          "off: after a power cut the whole database may be unusable",
          `ALTER SYSTEM SET fsync = on; ${reload}`,
        ),
    pages === "on"
      ? ok("full_page_writes", "on")
      : wrong(
          "warning",
          "full_page_writes",
          "off: a power cut can leave pages half written, and the database damaged",
          `ALTER SYSTEM SET full_page_writes = on; ${reload}`,
        ),
    commit === "off"
      ? wrong(
          "warning",
          "synchronous_commit",
          "off for this role: a server that crashes forgets the last commits, up to about 0.6 s, logouts too",
          'ALTER ROLE … SET synchronous_commit = on; (or RESET it), or say durability: "none" to the store if that is meant.',
        )
      : ok("synchronous_commit", String(commit)),
  ];
}

function roleFindings({ standby, readonly }: Row): Finding[] {
  if (standby === true) {
    return [
      wrong(
        "error",
        "role",
        "this is a standby: it lags behind, shows sessions that have ended, and takes no writes",
        "Name the primary in the URL.",
      ),
    ];
  }
  return readonly === "on"
    ? [
        wrong(
          "error",
          "role",
          "transactions of this role are read-only",
          "ALTER ROLE … RESET default_transaction_read_only;",
        ),
      ]
    : [ok("role", "this is a primary")];
}

async function clockFindings({ query }: PostgresConnection, { now }: Patient): Promise<Finding[]> {
  const before = now();
  const [row] = await query("SELECT extract(epoch FROM clock_timestamp()) * 1000 AS time");
  return [skewFinding(Math.round(Number(row?.["time"])), before, now())];
}

async function encryptionFindings({ query }: PostgresConnection, { address }: Patient): Promise<Finding[]> {
  const [row] = await query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
  const mend = "Add ?sslmode=verify-full to the URL, and set ssl = on on the server.";
  return [encryptionFinding(address.hosts, row?.["ssl"] === true, mend)];
}

async function schemaFindings(connection: PostgresConnection, names: Names): Promise<Finding[]> {
  const relations = [names.table, names.labelsTable, names.textsTable, names.dueIndex, names.sessionIndex];
  const rows = await connection.query(`
    SELECT c.relname AS name, c.relpersistence AS persistence, c.relkind AS kind, coalesce(i.indisvalid, true) AS valid,
      CASE WHEN c.relkind = 'r' THEN has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
        AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE') ELSE true END AS rights
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
    WHERE n.nspname = ${literal(names.schema)} AND c.relname IN (${relations.map(literal).join(", ")})`);
  const found = new Map(rows.map((row) => [String(row["name"]), row]));
  const missing = relations.filter((name) => !found.has(name));
  return [
    missing.length === 0
      ? ok("schema", "tables and indexes are there")
      : wrong(
          "error",
          "schema",
          `missing: ${missing.join(", ")}`,
          "Run `holdfast setup` as a role that may create them.",
        ),
    ...rows.flatMap((row) => relationFindings(row, names)),
  ];
}

function relationFindings(row: Row, { schema }: Names): Finding[] {
  const name = `${schema}.${String(row["name"])}`;
  return [
    ...(row["persistence"] === "u"
      ? [
          wrong(
            "error",
            "unlogged",
            `${name} is UNLOGGED: a crash empties it`,
            `ALTER TABLE ${name} SET LOGGED;`,
          ),
        ]
      : []),
    ...(row["valid"] === false
      ? [
          wrong(
            "error",
            "schema",
            `the index ${name} is invalid, and not used`,
            `REINDEX INDEX CONCURRENTLY ${name};`,
          ),
        ]
      : []),
    ...(row["rights"] === false
      ? [
          wrong(
            "error",
            "rights",
            `the role may not read and write ${name}`,
            `GRANT SELECT, INSERT, UPDATE, DELETE ON ${name} TO …;`,
          ),
        ]
      : []),
  ];
}

async function replicationFindings({ query }: PostgresConnection): Promise<Finding[]> {
  const [row] = await query(
    "SELECT count(*)::int AS standbys, count(*) FILTER (WHERE sync_state <> 'async')::int AS waiting FROM pg_stat_replication",
  );
  const standbys = Number(row?.["standbys"] ?? 0);
  if (standbys === 0) return [];
  if (Number(row?.["waiting"]) > 0)
    return [ok("replication", `${standbys} standbys, of which commits wait for at least one`)];
  return [
    wrong(
      "note",
      "replication",
      "standbys replicate asynchronously: a fail-over loses the last commits, logouts too",
      "Set synchronous_standby_names where that matters; each commit then waits for a standby.",
    ),
  ];
}
