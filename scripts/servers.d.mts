/** For the tests, which are TypeScript. */
export type ServerName = "redis" | "valkey" | "postgres" | "pgbouncer" | "mariadb" | "mysql" | "chromium";
export function findProgram(server: ServerName, program: string): string | undefined;
