import { describe } from "vitest";
import { findProgram, type ServerName } from "../../../scripts/servers.mjs";

/** The path of a server's program. */
export function programOf(server: ServerName, program: string): string {
  const path = findProgram(server, program);
  if (path === undefined)
    throw new Error(`${program} is not installed; \`npm test\` says how to install it.`);
  return path;
}

const PROGRAMS: Readonly<Record<ServerName, string>> = {
  redis: "redis-server",
  valkey: "valkey-server",
  postgres: "postgres",
  pgbouncer: "pgbouncer",
  mariadb: "mariadbd",
  mysql: "mysqld",
  chromium: "chromium",
};

/**
 * Describes suites that need servers. Where one is not installed they are skipped, loudly; in CI they run all the same,
 * and so fail.
 */
export function withServers(servers: readonly ServerName[], suites: () => void): void {
  const missing = servers.filter((server) => findProgram(server, PROGRAMS[server]) === undefined);
  if (missing.length === 0 || process.env["CI"] === "true") return suites();
  console.error(`NOT RUN: the suites that need ${missing.join(" and ")}, which is not installed here.`);
  describe.skip(`without ${missing.join(" and ")}`, suites);
}
