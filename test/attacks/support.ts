import { onTestFinished } from "vitest";
import type { AnySession, SessionManagerOptions } from "../../src/index.ts";
import { SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { App } from "../../src/testing/adapter-client/app.ts";
import { type AdapterSubject, type ManualClock, manualClock, type Route } from "../../src/testing/index.ts";
import { nodeSubject } from "../adapters/support/plain-node-subject.ts";

export const COOKIE = "__Host-Http-sid";

export interface Served {
  readonly app: App;
  readonly manager: SessionManager;
  readonly clock: ManualClock;
}

/** Routes that attacks go to. */
export const ROUTES: Readonly<Record<string, Route>> = {
  "/ping": (route) => route.send({ body: "pong" }),
  "/who": (route) => route.send({ body: route.session.user ?? "nobody" }),
  "/login": (route) => {
    route.session.login(route.query("user") ?? "ann");
    return route.send({ body: "in" });
  },
  "/put": (route) => {
    route.session.set("colour", route.query("to") ?? "red");
    return route.send({ body: "put" });
  },
  "/logout": (route) => {
    route.session.logout();
    return route.send({ body: "out" });
  },
  "/id": (route) => route.send({ body: String(route.session.id) }),
};

/** Serves routes over a real socket, until the test is over. */
export async function served(
  options: Partial<SessionManagerOptions<Record<never, never>, AnySession>> = {},
  {
    subject = nodeSubject,
    routes = {},
  }: { subject?: AdapterSubject; routes?: Readonly<Record<string, Route>> } = {},
): Promise<Served> {
  const clock = manualClock();
  const manager = new SessionManager({
    store: memoryStore(),
    clock,
    sweepEvery: false,
    ...options,
  } as never) as SessionManager;
  const running = await subject.start({ manager, routes: { ...ROUTES, ...routes } });
  const app = new App(manager, running, () => false);
  onTestFinished(() => app.close());
  return { app, manager, clock };
}

/** Texts that have been commands, paths, queries, lines, prototypes, or another's name to somebody. */
export const HOSTILE: readonly string[] = [
  "../../../../etc/passwd",
  "..\\..\\windows\\win.ini",
  "/etc/passwd",
  "%2e%2e%2f",
  "C:\\x",
  "a/../b",
  ".",
  "..",
  "\r\nset a 0 0 1\r\nx\r\n",
  "a\nb",
  "*1\r\n$8\r\nFLUSHALL\r\n",
  "'; DROP TABLE sessions; --",
  '" OR ""="',
  "\\'; --",
  "') OR 1=1 --",
  "$(id)",
  "`id`",
  "{{7*7}}",
  '{"$gt":""}',
  "*",
  "%",
  "_",
  "user:*",
  "[a-z]",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "null",
  "undefined",
  "0",
  "-1",
  " ",
  " admin",
  "admin ",
  "ADMIN",
  "Admin",
  "\uff41dmin",
  "\u0430dmin",
  "adm\u0131n",
  "a\u0300dmin",
  "\u00e0dmin",
  "ad\u200bmin",
  "admin\u202e",
  "\ufeffadmin",
  "\u{1f36a}",
  "a".repeat(200),
  "\u540d".repeat(200),
];
