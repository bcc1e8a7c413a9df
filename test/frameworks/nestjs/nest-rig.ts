import { onTestFinished } from "vitest";

import type { AnyStore, Session, SessionManager } from "../../../src/index.ts";
import type { FaultyStore, ManualClock } from "../../../src/testing/index.ts";
import {
  type Class,
  decorateClass,
  moduleOf,
  newClass,
  type Nest,
  type NestApp,
  type Platform,
  platformOf,
} from "./nest.ts";

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly cookies: readonly string[];
  readonly body: string;
}

/** What goes into an application besides its sessions. */
export interface Parts {
  readonly controllers?: readonly Class[];
  readonly providers?: readonly unknown[];
  readonly imports?: readonly unknown[];
  /** Options of the module, or another module in its place. */
  readonly sessions?: object;
  /** What the application does in its `main.ts`, before it listens. */
  readonly main?: (app: NestApp) => unknown;
  /** Gets an application from its module. Default: `NestFactory.create`. */
  readonly create?: (module: Class, platform: object, options: object) => Promise<NestApp>;
}

/** One application, its manager, and a browser that asks it. */
export interface Rig {
  readonly nest: Nest;
  readonly manager: SessionManager;
  readonly clock: ManualClock;
  readonly store: FaultyStore<AnyStore>;
  /** Starts the application; it is closed after the test. */
  start(parts: Parts): Promise<NestApp>;
  /** Asks with the browser's cookies, and keeps those of the answer. */
  ask(path: string, init?: RequestInit): Promise<Reply>;
  origin(): string;
  /** What the browser's session has in the field `colour`. */
  colour(): Promise<string>;
  /** Makes every save fail from now on. */
  breakStore(): void;
}

export function rigOf(nest: Nest, platform: Platform): Rig {
  const { contract, holdfast } = nest;
  const clock = contract.manualClock();
  const store = contract.faultyStore(nest.memory.memoryStore());
  const manager = new holdfast.SessionManager({ store: store.store, clock, sweepEvery: false });
  onTestFinished(() => manager.close());
  const jar = contract.cookieJar();
  let origin = "";

  async function ask(path: string, init: RequestInit = {}): Promise<Reply> {
    const headers = new Headers(init.headers);
    const line = jar.header(origin);
    if (line !== undefined) headers.set("cookie", line);
    const response = await fetch(origin + path, { redirect: "manual", ...init, headers });
    const cookies = response.headers.getSetCookie();
    jar.take(cookies, origin);
    return { status: response.status, headers: response.headers, cookies, body: await response.text() };
  }

  return {
    nest,
    manager,
    clock,
    store,
    ask,
    origin: () => origin,
    colour: async () => (await ask("/palette/show")).body,
    breakStore() {
      for (const operation of ["create", "update", "delete"] as const)
        store.always(operation, contract.failsBefore(new Error("10.11.12.13 is down")));
    },
    async start({ controllers = [], providers = [], imports = [], sessions = {}, main, create }) {
      const own =
        "module" in sessions ? sessions : nest.adapter.SessionsModule.forRoot({ manager, ...sessions });
      const AppModule = moduleOf(nest, {
        imports: [own, ...imports],
        controllers: [paletteOf(nest), ...controllers],
        providers,
      });
      const options = { logger: false, abortOnError: false, forceCloseConnections: true };
      const made = create ?? nest.core.NestFactory.create.bind(nest.core.NestFactory);
      const app = await made(AppModule, platformOf(nest, platform), options);
      onTestFinished(() => app.close());
      await main?.(app);
      await app.listen(0, "127.0.0.1");
      origin = `http://127.0.0.1:${new URL(await app.getUrl()).port}`;
      return app;
    },
  };
}

/** Routes that show, set and log in: `/palette/show`, `/palette/set?to=red`, `/palette/login`. */
function paletteOf(nest: Nest): Class {
  return controller(nest, "palette", {
    show: [
      ["Get"],
      [nest.adapter.CurrentSession()],
      (session: Session) => session.get("colour") ?? "nothing",
    ],
    set: [
      ["Get"],
      [nest.adapter.CurrentSession(), nest.common["Query"]?.("to")],
      (session: Session, to: string) => {
        session.set("colour", to);
        return "set";
      },
    ],
    login: [
      ["Get"],
      [nest.adapter.CurrentSession()],
      (session: Session) => {
        session.login("ada");
        return "in";
      },
    ],
  });
}

/** A handler: the decorators of its method, by the name of its HTTP method first; those of its parameters; and what it does. */
export type Handler = readonly [
  decorators: readonly unknown[],
  parameters: readonly unknown[],
  run: (...args: never[]) => unknown,
];

/** A controller at a path, with a route for each handler. */
export function controller(
  nest: Nest,
  path: string | object,
  handlers: Readonly<Record<string, Handler>>,
  decorators: readonly unknown[] = [],
): Class {
  const Made = newClass();
  for (const [name, [[method = "Get", ...others], parameters, run]] of Object.entries(handlers)) {
    Object.defineProperty(Made.prototype, name, {
      value: { [name]: (...args: never[]) => run(...args) }[name],
      configurable: true,
      writable: true,
    });
    for (const [index, decorator] of parameters.entries())
      (decorator as (target: object, key: string, index: number) => void)(Made.prototype, name, index);
    const route = nest.common[String(method)]?.(name);
    for (const decorator of [...others, route])
      (decorator as (target: object, key: string, descriptor: unknown) => void)(
        Made.prototype,
        name,
        Object.getOwnPropertyDescriptor(Made.prototype, name),
      );
  }
  decorateClass(Made, [nest.common["Controller"]?.(path), ...decorators]);
  return Made;
}
