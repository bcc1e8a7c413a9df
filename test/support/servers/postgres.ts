import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Folder, givenFolder, serverFolder } from "./folder.ts";
import { programOf } from "./programs.ts";
import { firstAnswer, ServerProcess, startOnFreePort } from "./server-process.ts";

const execute = promisify(execFile);

/** Whom PostgreSQL runs as where the tests run as root. */
const SYSTEM_USER = "postgres";

export interface PostgresOptions {
  /** Settings as in postgresql.conf: `{ max_connections: "50" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Where its files lie; a temporary folder unless given, such as a small file system that can be filled. */
  readonly folder?: string;
}

/** A PostgreSQL server on a free port, in a folder of its own, that trusts whoever connects from this machine. */
export class PostgresServer {
  readonly host = "127.0.0.1";
  readonly port: number;
  readonly user = "holdfast";
  readonly database = "postgres";
  readonly process: ServerProcess;
  readonly #folder: Folder;

  private constructor(port: number, folder: Folder, settings: Readonly<Record<string, string>>) {
    this.port = port;
    this.#folder = folder;
    this.process = new ServerProcess({
      name: `postgres on ${port}`,
      program: programOf("postgres", "postgres"),
      args: ["-D", join(folder.path, "data"), ...flagsOf({ ...DEFAULTS, port: String(port), ...settings })],
      user: SYSTEM_USER,
      ready: () => answersStartup(port, this.user, this.database),
      notYet: /pre-existing shared memory block|lock file "postmaster.pid" already exists/,
      // Fast shutdown: connections are ended, nothing is lost.
      stopSignal: "SIGINT",
    });
  }

  static start({ settings = {}, folder: given }: PostgresOptions = {}): Promise<PostgresServer> {
    return startOnFreePort(async (port) => {
      const folder = given === undefined ? await serverFolder("postgres", SYSTEM_USER) : givenFolder(given);
      const server = new PostgresServer(port, folder, settings);
      try {
        await server.#initialise();
        await server.process.start();
        return server;
      } catch (error) {
        await folder.remove();
        throw error;
      }
    });
  }

  get url(): string {
    return `postgres://${this.user}@${this.host}:${this.port}/${this.database}`;
  }

  /** Asks it to shut down, and removes its files. */
  async stop(): Promise<void> {
    await this.process.stop();
    await this.#folder.remove();
  }

  async #initialise(): Promise<void> {
    const data = join(this.#folder.path, "data");
    const flags = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
    await runAsSystemUser("initdb", ["-D", data, "-U", this.user, ...flags]);
  }
}

/** What the tests want unless they say otherwise. A killed server loses nothing without fsync, only a power cut would. */
const DEFAULTS = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  fsync: "off",
  max_connections: "200",
  log_min_messages: "fatal",
};

function flagsOf(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

async function runAsSystemUser(name: string, args: readonly string[]): Promise<void> {
  const program = programOf("postgres", name);
  if (process.getuid?.() !== 0) return void (await execute(program, args, { cwd: "/" }));
  const identity = [`--reuid=${SYSTEM_USER}`, `--regid=${SYSTEM_USER}`, "--init-groups"];
  await execute("/usr/bin/setpriv", [...identity, program, ...args], { cwd: "/" });
}

/**
 * Whether a PostgreSQL server, or a pooler before one, takes a connection: it says what it wants of the startup packet,
 * where one that still starts or ends answers an error.
 */
export async function answersStartup(port: number, user: string, database: string): Promise<boolean> {
  const text = Buffer.from(`user\0${user}\0database\0${database}\0\0`);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + text.length, 0);
  head.writeUInt32BE(196_608, 4);
  const [answer] = await firstAnswer(port, Buffer.concat([head, text]));
  return answer === "R".charCodeAt(0);
}

/** A pgbouncer in transaction pooling before a server. */
export class PgBouncer {
  readonly host = "127.0.0.1";
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly process: ServerProcess;
  readonly #folder: Folder;

  private constructor(port: number, folder: Folder, server: PostgresServer) {
    this.port = port;
    this.user = server.user;
    this.database = server.database;
    this.#folder = folder;
    this.process = new ServerProcess({
      name: `pgbouncer on ${port}`,
      program: programOf("pgbouncer", "pgbouncer"),
      args: [join(folder.path, "pgbouncer.ini")],
      user: SYSTEM_USER,
      ready: () => answersStartup(port, this.user, this.database),
      stopSignal: "SIGINT",
    });
  }

  /** @param poolSize How many connections to the server its clients share. */
  static start(server: PostgresServer, poolSize = 10): Promise<PgBouncer> {
    return startOnFreePort(async (port) => {
      const folder = await serverFolder("pgbouncer", SYSTEM_USER);
      await writeFile(join(folder.path, "users.txt"), `"${server.user}" ""\n`);
      await writeFile(join(folder.path, "pgbouncer.ini"), settingsOf(folder.path, port, server, poolSize));
      const bouncer = new PgBouncer(port, folder, server);
      try {
        await bouncer.process.start();
        return bouncer;
      } catch (error) {
        await folder.remove();
        throw error;
      }
    });
  }

  get url(): string {
    return `postgres://${this.user}@${this.host}:${this.port}/${this.database}`;
  }

  async stop(): Promise<void> {
    await this.process.stop();
    await this.#folder.remove();
  }
}

function settingsOf(folder: string, port: number, server: PostgresServer, poolSize: number): string {
  return [
    "[databases]",
    `* = host=${server.host} port=${server.port}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    "unix_socket_dir =",
    "auth_type = trust",
    `auth_file = ${join(folder, "users.txt")}`,
    "pool_mode = transaction",
    `default_pool_size = ${poolSize}`,
    "max_client_conn = 500",
    // How long it leaves a server alone that it could not reach; 15 s by default.
    "server_login_retry = 1",
    "ignore_startup_parameters = extra_float_digits",
    "",
  ].join("\n");
}
