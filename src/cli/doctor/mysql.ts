import { connectMysql, type MysqlConnection } from "../../open-store/mysql.ts";
import {
  attempted,
  encryptionFinding,
  type Finding,
  isAtLeast,
  ok,
  type Patient,
  skewFinding,
  wrong,
} from "./finding.ts";

export async function mysqlFindings(patient: Patient): Promise<Finding[]> {
  const connection = await connectMysql(patient.address, patient.find);
  const table = patient.address.parameters.get("table") ?? "holdfast_sessions";
  try {
    const settings = await settingsOf(connection);
    return [
      versionFinding(settings),
      ...durabilityFindings(settings),
      ...sessionFindings(settings),
      ...(await clockFindings(connection, patient)),
      ...(await encryptionFindings(connection, patient)),
      ...(await schemaFindings(connection, table)),
      ...(await attempted(
        "triggers",
        () => triggerFindings(connection, table),
        "Grant TRIGGER to the account.",
      )),
    ];
  } finally {
    await connection.release();
  }
}

type Settings = ReadonlyMap<string, string>;

async function settingsOf({ query }: MysqlConnection): Promise<Settings> {
  const rows =
    await query(`SHOW VARIABLES WHERE Variable_name IN ('version', 'innodb_flush_log_at_trx_commit',
    'innodb_doublewrite', 'log_bin', 'sync_binlog', 'binlog_format', 'transaction_isolation', 'tx_isolation', 'read_only',
    'super_read_only', 'sql_safe_updates', 'autocommit')`);
  return new Map(rows.map((row) => [String(row["Variable_name"]), String(row["Value"])]));
}

function versionFinding(settings: Settings): Finding {
  const version = settings.get("version") ?? "unknown";
  const isMaria = /mariadb/i.test(version);
  const name = isMaria ? `MariaDB ${version}` : `MySQL ${version}`;
  return isMaria ? verdict(name, isAtLeast(version, 10, 6)) : verdict(name, isAtLeast(version, 8, 0));
}

function verdict(name: string, recent: boolean): Finding {
  return recent
    ? ok("version", name)
    : wrong("error", "version", `${name} is too old`, "Update to MySQL 8.0 or MariaDB 10.6, or newer.");
}

function durabilityFindings(settings: Settings): Finding[] {
  return [
    flushFinding(settings.get("innodb_flush_log_at_trx_commit") ?? "1"),
    ...(settings.get("log_bin") === "ON" ? [binlogFinding(settings.get("sync_binlog") ?? "1")] : []),
    /^(ON|1|DETECT_AND_RECOVER)$/i.test(settings.get("innodb_doublewrite") ?? "ON")
      ? ok("innodb_doublewrite", "on")
      : wrong(
          "warning",
          "innodb_doublewrite",
          "off: a power cut can leave pages half written, and the database damaged",
          "Set innodb_doublewrite = ON and restart the server.",
        ),
  ];
}

function flushFinding(flush: string): Finding {
  const mend = "SET GLOBAL innodb_flush_log_at_trx_commit = 1, in the server's configuration too.";
  if (flush === "1") return ok("innodb_flush_log_at_trx_commit", "1");
  return flush === "2"
    ? wrong(
        "note",
        "innodb_flush_log_at_trx_commit",
        "2: a power cut loses up to a second, logouts too",
        mend,
      )
    : wrong(
        "warning",
        "innodb_flush_log_at_trx_commit",
        `${flush}: a crash of the server loses up to a second, logouts too`,
        mend,
      );
}

function binlogFinding(sync: string): Finding {
  return sync === "1"
    ? ok("sync_binlog", "1")
    : wrong(
        "note",
        "sync_binlog",
        `${sync}: after a power cut recovery takes back what is missing in the binary log, logouts too`,
        "SET GLOBAL sync_binlog = 1, in the server's configuration too.",
      );
}

function sessionFindings(settings: Settings): Finding[] {
  const isolation = settings.get("transaction_isolation") ?? settings.get("tx_isolation") ?? "unknown";
  const isReadOnly = ["read_only", "super_read_only"].some((name) =>
    /^(ON|1)$/i.test(settings.get(name) ?? ""),
  );
  return [
    isolation === "READ-UNCOMMITTED"
      ? wrong(
          "error",
          "isolation",
          "READ UNCOMMITTED: reads show what may never be committed, and the store refuses it",
          "SET GLOBAL transaction_isolation = 'REPEATABLE-READ'.",
        )
      : ok("isolation", isolation),
    isReadOnly
      ? wrong(
          "error",
          "role",
          "the server is read-only, as replicas are: it lags behind, and takes no writes",
          "Name the primary in the URL.",
        )
      : ok("role", "the server takes writes"),
    ...(settings.get("log_bin") === "ON" && settings.get("binlog_format") === "STATEMENT"
      ? [
          wrong(
            "warning",
            "binlog_format",
            "STATEMENT: what the store does with SKIP LOCKED is not safe to replicate by it",
            "SET GLOBAL binlog_format = 'ROW'.",
          ),
        ]
      : []),
    ...(settings.get("autocommit") === "OFF"
      ? [
          wrong(
            "error",
            "autocommit",
            "off: the store refuses such connections",
            "SET GLOBAL autocommit = ON.",
          ),
        ]
      : []),
    ...(settings.get("sql_safe_updates") === "ON"
      ? [
          wrong(
            "note",
            "sql_safe_updates",
            "on: MariaDB then takes touches one by one only",
            "SET GLOBAL sql_safe_updates = OFF.",
          ),
        ]
      : []),
  ];
}

async function clockFindings({ query }: MysqlConnection, { now }: Patient): Promise<Finding[]> {
  const before = now();
  const [row] = await query("SELECT UNIX_TIMESTAMP(NOW(6)) * 1000 AS time");
  return [skewFinding(Math.round(Number(row?.["time"])), before, now())];
}

async function encryptionFindings({ query }: MysqlConnection, { address }: Patient): Promise<Finding[]> {
  const [row] = await query("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
  const mend = 'Add ?ssl={"rejectUnauthorized":true} to the URL, and set ssl_cert and ssl_key on the server.';
  return [encryptionFinding(address.hosts, ![undefined, null, ""].includes(row?.["Value"] as string), mend)];
}

/** The indexes of each table, by the end of its name. */
const INDEXES: readonly (readonly [string, readonly string[]])[] = [
  ["", ["PRIMARY", "by_expiry"]],
  ["_fields", ["PRIMARY"]],
  ["_labels", ["PRIMARY", "by_session"]],
  ["_schema", ["PRIMARY"]],
];

async function schemaFindings({ query }: MysqlConnection, table: string): Promise<Finding[]> {
  const engines = await query(
    `SELECT TABLE_NAME AS name, ENGINE AS engine FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN (${tablesOf(table)})`,
  );
  const indexes = await query(
    `SELECT DISTINCT TABLE_NAME AS name, INDEX_NAME AS entry FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN (${tablesOf(table)})`,
  );
  const missing = INDEXES.flatMap(([suffix, wanted]) => {
    const name = `${table}${suffix}`;
    if (!engines.some((row) => row["name"] === name)) return [name];
    return wanted
      .filter((entry) => !indexes.some((row) => row["name"] === name && row["entry"] === entry))
      .map((entry) => `the index ${entry} of ${name}`);
  });
  const foreign = engines.filter((row) => row["engine"] !== "InnoDB");
  return [
    missing.length === 0
      ? ok("schema", "tables and indexes are there")
      : wrong(
          "error",
          "schema",
          `missing: ${missing.join(", ")}`,
          "Run `holdfast setup` for tables. An index of one that is there: ALTER TABLE … ADD INDEX by_expiry (expires_at), or by_session (session_id).",
        ),
    ...foreign.map((row) =>
      wrong(
        "error",
        "schema",
        `${String(row["name"])} is of ${String(row["engine"])}: a crash loses rows`,
        `ALTER TABLE ${String(row["name"])} ENGINE = InnoDB.`,
      ),
    ),
  ];
}

function tablesOf(table: string): string {
  return INDEXES.map(([suffix]) => textOf(`${table}${suffix}`)).join(", ");
}

function textOf(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

async function triggerFindings({ query }: MysqlConnection, table: string): Promise<Finding[]> {
  const rows = await query(
    `SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_MANIPULATION = 'UPDATE' AND EVENT_OBJECT_TABLE IN (${tablesOf(table)})`,
  );
  return rows.map((row) =>
    wrong(
      "error",
      "triggers",
      `${String(row["name"])} runs on updates: under it the engine loses what an update answers`,
      `DROP TRIGGER ${String(row["name"])}.`,
    ),
  );
}
