import { statSync } from "node:fs";
import { findDriver, ownConnection, type Reader } from "../../stores/sqlite/driver.ts";
import { bytes } from "../text.ts";
import { type Finding, ok, wrong } from "./finding.ts";

const LARGE_LOG = 64 * 1024 * 1024;

/** What the file itself tells. How durable commits are (`synchronous`) is a matter of each connection, and set by the store. */
export function sqliteFindings(path: string): Finding[] {
  const connection = ownConnection(findDriver()(path));
  try {
    const ask = (sql: string): readonly (readonly unknown[])[] => connection.reader(sql)();
    return [
      ok("version", `SQLite ${String(ask("SELECT sqlite_version()")[0]?.[0])}`),
      journalFinding(ask),
      ...logFindings(path),
      soundnessFinding(ask),
      schemaFinding(ask),
    ];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [
      wrong("error", "file", `cannot be read: ${why}`, "Restore it from a backup, or name the right file."),
    ];
  } finally {
    connection.close();
  }
}

type Ask = (sql: string) => ReturnType<Reader>;

function journalFinding(ask: Ask): Finding {
  const mode = String(ask("PRAGMA journal_mode")[0]?.[0]);
  if (mode === "wal") return ok("journal_mode", "wal");
  const severity = ["off", "memory"].includes(mode) ? "error" : "warning";
  return wrong(
    severity,
    "journal_mode",
    `${mode}: readers and writers wait for each other${severity === "error" ? ", and a crash can damage the file" : ""}`,
    "Run `holdfast setup`, or PRAGMA journal_mode = WAL.",
  );
}

function logFindings(path: string): Finding[] {
  const size = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (size < LARGE_LOG) return [];
  return [
    wrong(
      "warning",
      "write-ahead log",
      `${bytes(size)}: something holds it back`,
      "End the backup or the shell that keeps a transaction open.",
    ),
  ];
}

function soundnessFinding(ask: Ask): Finding {
  const first = String(ask("PRAGMA quick_check(1)")[0]?.[0]);
  return first === "ok"
    ? ok("soundness", "the file is sound")
    : wrong(
        "error",
        "soundness",
        `the file is damaged: ${first}`,
        "Stop the servers and restore a backup, or delete the file: all users log in again.",
      );
}

const WANTED = [
  "holdfast_sessions",
  "holdfast_sessions_by_expiry",
  "holdfast_fields",
  "holdfast_labels",
  "holdfast_schema",
];

function schemaFinding(ask: Ask): Finding {
  const found = ask("SELECT name FROM sqlite_master").map(([name]) => String(name));
  const missing = WANTED.filter((name) => !found.includes(name));
  return missing.length === 0
    ? ok("schema", "tables and indexes are there")
    : wrong("error", "schema", `missing: ${missing.join(", ")}`, "Run `holdfast setup`.");
}
