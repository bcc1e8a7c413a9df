import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { type Folder, givenFolder, serverFolder } from "./folder.ts";
import { programOf } from "./programs.ts";
import { firstAnswer, ServerProcess, startOnFreePort } from "./server-process.ts";

const execute = promisify(execFile);

export type MysqlKind = "mysql" | "mariadb";

/** Whom the servers run as where the tests run as root. */
const SYSTEM_USER: Readonly<Record<MysqlKind, string>> = { mysql: "nobody", mariadb: "mysql" };

export interface MysqlOptions {
  /** Flags as on the command line: `["--innodb-lock-wait-timeout=1"]`. */
  readonly args?: readonly string[];
  /** Where its files lie; a temporary folder unless given. */
  readonly folder?: string;
}

/** A MySQL or MariaDB server on a free port, in a folder of its own, with one database and one user who may do everything. */
export class MysqlServer {
  readonly host = "127.0.0.1";
  readonly port: number;
  readonly kind: MysqlKind;
  readonly user = "holdfast";
  readonly password = "holdfast";
  readonly database = "holdfast";
  readonly process: ServerProcess;
  readonly #folder: Folder;

  private constructor(kind: MysqlKind, port: number, folder: Folder, args: readonly string[]) {
    this.kind = kind;
    this.port = port;
    this.#folder = folder;
    this.process = new ServerProcess({
      name: `${kind} on ${port}`,
      program: serverProgram(kind),
      args: [...commonFlags(kind, folder.path), ...flagsOf(kind, port, folder.path), ...args],
      user: SYSTEM_USER[kind],
      ready: () => greets(port),
    });
  }

  static start(kind: MysqlKind, { args = [], folder: given }: MysqlOptions = {}): Promise<MysqlServer> {
    return startOnFreePort(async (port) => {
      const folder = given === undefined ? await serverFolder(kind, SYSTEM_USER[kind]) : givenFolder(given);
      const server = new MysqlServer(kind, port, folder, args);
      try {
        await initialise(kind, folder.path);
        await server.process.start();
        return server;
      } catch (error) {
        await folder.remove();
        throw error;
      }
    });
  }

  get url(): string {
    return `mysql://${this.user}:${this.password}@${this.host}:${this.port}/${this.database}`;
  }

  /** Asks it to shut down, and removes its files. */
  async stop(): Promise<void> {
    await this.process.stop();
    await this.#folder.remove();
  }
}

function serverProgram(kind: MysqlKind): string {
  return programOf(kind, kind === "mysql" ? "mysqld" : "mariadbd");
}

/** What the tests want unless they say otherwise. A killed server loses nothing at that flush setting, only a power cut would. */
function flagsOf(kind: MysqlKind, port: number, folder: string): string[] {
  return [
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    `--socket=${join(folder, "socket")}`,
    // Its own: a MariaDB that starts deletes the temporary tables that it finds, also those of another that runs.
    `--tmpdir=${folder}`,
    `--pid-file=${join(folder, "pid")}`,
    `--init-file=${join(folder, "first.sql")}`,
    "--innodb-flush-log-at-trx-commit=2",
    "--max-connections=200",
    "--skip-name-resolve",
    ...(kind === "mysql" ? ["--mysqlx=OFF", "--disable-log-bin"] : []),
  ];
}

/** Where the program finds its own parts, wherever it was unpacked. */
function commonFlags(kind: MysqlKind, folder: string): string[] {
  const data = `--datadir=${join(folder, "data")}`;
  const parts = join(dirname(dirname(serverProgram(kind))), "root", "usr");
  if (kind === "mariadb" || !existsSync(parts)) return ["--no-defaults", data];
  return [
    "--no-defaults",
    data,
    `--basedir=${parts}`,
    `--lc-messages-dir=${join(parts, "share", "mysql")}`,
    `--character-sets-dir=${join(parts, "share", "mysql", "charsets")}`,
    `--plugin-dir=${join(parts, "lib", "mysql", "plugin")}`,
    "--secure-file-priv=NULL",
  ];
}

async function initialise(kind: MysqlKind, folder: string): Promise<void> {
  const statements = [
    "CREATE DATABASE IF NOT EXISTS holdfast",
    "CREATE USER IF NOT EXISTS 'holdfast'@'%' IDENTIFIED BY 'holdfast'",
    "GRANT ALL ON *.* TO 'holdfast'@'%' WITH GRANT OPTION",
  ];
  await writeFile(join(folder, "first.sql"), statements.map((each) => `${each};\n`).join(""));
  if (kind === "mysql") return runAs(kind, serverProgram(kind), ["--initialize-insecure"], folder);
  const program = programOf("mariadb", "mariadb-install-db");
  // Two that begin at once would meet in the folder that all share for what is temporary.
  const own = `--tmpdir=${folder}`;
  await runAs(kind, program, ["--skip-test-db", "--auth-root-authentication-method=normal", own], folder);
}

async function runAs(
  kind: MysqlKind,
  program: string,
  flags: readonly string[],
  folder: string,
): Promise<void> {
  const args = [...commonFlags(kind, folder), ...flags];
  if (process.getuid?.() !== 0) return void (await execute(program, args, { cwd: "/" }));
  const user = SYSTEM_USER[kind];
  const { stdout: group } = await execute("id", ["-g", user]);
  const identity = [`--reuid=${user}`, `--regid=${group.trim()}`, "--clear-groups"];
  await execute("/usr/bin/setpriv", [...identity, program, ...args], { cwd: "/" });
}

/** Whether the server greets who connects; one that still starts or ends sends an error packet, or nothing. */
async function greets(port: number): Promise<boolean> {
  const greeting = await firstAnswer(port, Buffer.alloc(0));
  // After the packet's header of four bytes: version 10 of the protocol, or 255 for an error.
  return greeting[4] === 10;
}
