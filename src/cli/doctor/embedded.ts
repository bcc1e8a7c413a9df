import { resolve } from "node:path";
import { isFolder, pathOf } from "../../open-store/path.ts";
import { placeFindings } from "./files.ts";
import { type Finding, ok, type Patient } from "./finding.ts";
import { sqliteFindings } from "./sqlite.ts";

export async function memoryFindings(): Promise<Finding[]> {
  return [ok("durability", "a store in memory holds nothing that outlives its process")];
}

/** A file is SQLite's, a folder the directory store's. */
export async function fileFindings({ address }: Patient): Promise<Finding[]> {
  const path = resolve(pathOf(address.rest));
  const findings = await placeFindings(path);
  return isFolder(path) ? findings : [...findings, ...sqliteFindings(path)];
}

/** The level of durability is not in the file: each process opens it by its own. The rest is tried by a record. */
export async function lmdbFindings({ address }: Patient): Promise<Finding[]> {
  return await placeFindings(resolve(pathOf(address.rest)));
}
