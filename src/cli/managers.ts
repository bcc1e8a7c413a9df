import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { SessionManager } from "../index.ts";
import { Ending, EXIT } from "./exit.ts";

/** What is called of a manager that a module exports. It may be one of another copy of the package. */
export type Manager = Pick<
  SessionManager,
  "describePolicy" | "revoke" | "revokeUser" | "revokeAll" | "sessionsOf" | "close"
>;

/**
 * The session manager that a module of the application exports.
 *
 * @param name Which of its exports; not needed where only one is a manager.
 * @throws {@link Ending} where there is none, and where it is not clear which.
 */
export async function managerOf(folder: string, path: string, name: string | undefined): Promise<Manager> {
  const exports = await exportsOf(folder, path);
  const managers = Object.entries(exports).filter((entry): entry is [string, Manager] => isManager(entry[1]));
  const [only] = managers;
  if (name !== undefined) {
    const named = managers.find(([one]) => one === name)?.[1];
    if (named !== undefined) return named;
    throw new Ending(EXIT.found, `${path} exports no session manager named ${name}.`);
  }
  if (only === undefined) throw new Ending(EXIT.found, `${path} exports no session manager.`);
  if (managers.length === 1) return only[1];
  const names = managers.map(([one]) => one).join(", ");
  throw new Ending(
    EXIT.found,
    `${path} exports several session managers: ${names}. Choose one with --export.`,
  );
}

async function exportsOf(folder: string, path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(resolve(folder, path)).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Ending(EXIT.found, `${path} cannot be imported: ${why}`);
  }
}

function isManager(value: unknown): value is Manager {
  return typeof (value as Partial<Manager> | null | undefined)?.describePolicy === "function";
}
