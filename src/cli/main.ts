import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { SessionPolicy } from "../index.ts";
import { policyTable } from "./policy-table.ts";

/** Where the program writes. */
export interface Output {
  print(text: string): void;
  complain(text: string): void;
}

const USAGE = `Usage: holdfast policy <module> [--export <name>] [--json]

  Prints the policy in force of a session manager, for an auditor.

  <module>         a file that exports a manager, such as ./sessions.js
  --export <name>  which of its exports; default the only one that is a manager
  --json           as data instead of a table
`;

interface Describes {
  describePolicy(): SessionPolicy;
}

/** Runs the program. Resolves to its exit code: 0, 1 when the module has no manager, 2 for arguments that cannot be right. */
export async function main(args: readonly string[], output: Output): Promise<number> {
  const given = parsed(args);
  if (given === null || (given.help !== true && given.path === undefined)) {
    output.complain(USAGE);
    return 2;
  }
  if (given.path === undefined) {
    output.print(USAGE);
    return 0;
  }
  const found = await managerOf(given.path, given.export);
  if (typeof found === "string") {
    output.complain(`${found}\n`);
    return 1;
  }
  const policy = found.describePolicy();
  output.print(given.json === true ? `${JSON.stringify(policy, null, 2)}\n` : policyTable(policy));
  return 0;
}

interface Given {
  readonly path?: string;
  readonly export?: string;
  readonly json?: boolean;
  readonly help?: boolean;
}

function parsed(args: readonly string[]): Given | null {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        export: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help === true) return { help: true };
    const [command, path, ...rest] = positionals;
    return command === "policy" && path !== undefined && rest.length === 0 ? { ...values, path } : null;
  } catch {
    return null;
  }
}

/** The manager, or what is wrong. */
async function managerOf(path: string, name: string | undefined): Promise<Describes | string> {
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    return `${path} cannot be imported: ${error instanceof Error ? error.message : String(error)}`;
  }
  const managers = Object.entries(exports).filter((entry): entry is [string, Describes] =>
    isManager(entry[1]),
  );
  const [only] = managers;
  if (name !== undefined) {
    return managers.find(([one]) => one === name)?.[1] ?? `${path} exports no session manager named ${name}.`;
  }
  if (only === undefined) return `${path} exports no session manager.`;
  const names = managers.map(([one]) => one).join(", ");
  return managers.length === 1
    ? only[1]
    : `${path} exports several session managers: ${names}. Choose one with --export.`;
}

function isManager(value: unknown): value is Describes {
  return typeof (value as Partial<Describes> | null | undefined)?.describePolicy === "function";
}
