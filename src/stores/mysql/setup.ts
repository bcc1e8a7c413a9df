import { SessionError } from "../../core/errors.ts";
import type { Statements } from "./calls.ts";
import { isMissingTable } from "./failures.ts";
import { type Names, SCHEMA_VERSION, tableStatements } from "./schema.ts";

/** Creates what is missing. Changes nothing that is there. */
export async function prepareTables(statements: Statements, names: Names): Promise<void> {
  const versions = await readVersions(statements, names);
  if (versions?.length === 1) return checkVersion(names, versions);
  for (const statement of tableStatements(names)) await statements.execute(statement, []);
  await statements.execute(
    `INSERT INTO ${names.schema} (one, version) VALUES (1, ${SCHEMA_VERSION}) ON DUPLICATE KEY UPDATE one = 1`,
    [],
  );
  checkVersion(names, (await readVersions(statements, names)) ?? []);
}

/** Undefined when there is no such table. */
async function readVersions(statements: Statements, names: Names): Promise<number[] | undefined> {
  try {
    const { rows } = await statements.execute(`SELECT version FROM ${names.schema}`, []);
    return rows.map(([version]) => Number(version));
  } catch (error) {
    if (isMissingTable(error)) return undefined;
    throw error;
  }
}

function checkVersion(names: Names, versions: readonly number[]): void {
  if (versions.length === 1 && versions[0] === SCHEMA_VERSION) return;
  throw new SessionError(
    "ERR_SESSION_FORMAT",
    `The tables ${names.tables.sessions}* have schema ${versions.join(", ") || "unknown"}; this version of Holdfast knows schema ${SCHEMA_VERSION}. Update it, or use another table.`,
  );
}
