import { Inject, Module } from "@nestjs/common";
import { HttpAdapterHost } from "@nestjs/core";
import type { AnySession, RequestHooks } from "../index.ts";
import { SessionError, SessionManager } from "../index.ts";
import { DEFAULT_NAME } from "./nestjs/context.ts";
import { SessionsInterceptor } from "./nestjs/interceptor.ts";
import type { HttpAdapterLike } from "./nestjs/platform.ts";
import { checkName, type NestSessionsOptions, Sessions } from "./nestjs/sessions.ts";

export type { ContextLike, ExecutionContextLike } from "./nestjs/context.ts";
export type { NestRequest } from "./nestjs/platform.ts";
export type { NestSessionsOptions } from "./nestjs/sessions.ts";
export type { Failure } from "./support/node-hold.ts";
export { CurrentSession, Fresh, LoggedIn, Public } from "./nestjs/guard.ts";
export { Sessions } from "./nestjs/sessions.ts";

/** A manager, and how its sessions are to be had. */
export interface SessionsModuleOptions<S extends AnySession> extends NestSessionsOptions {
  readonly manager: RequestHooks<S>;
  /** Closes the manager when the application closes, after its last request. Default: `false`; whoever made it closes it. */
  readonly closeManager?: boolean;
}

export interface NamedSessionsModuleOptions<S extends AnySession> extends SessionsModuleOptions<S> {
  /** What tells the sessions of two managers apart; also the property of the request. Default: `session`. */
  readonly name?: string;
}

/** As those of other modules of Nest. */
export interface SessionsModuleAsyncOptions<S extends AnySession> {
  /** What tells the sessions of two managers apart; also the property of the request. Default: `session`. */
  readonly name?: string;
  // Methods and arrays that are not readonly, for what Nest's own types say of modules and providers.
  // oxlint-disable-next-line typescript/no-explicit-any -- modules and tokens are whatever Nest takes for one
  readonly imports?: any[];
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly inject?: any[];
  useFactory(
    // oxlint-disable-next-line typescript/no-explicit-any
    ...injected: any[]
  ): RequestHooks<S> | SessionsModuleOptions<S> | Promise<RequestHooks<S> | SessionsModuleOptions<S>>;
}

/** As much of Nest's `DynamicModule` as this module says of itself. */
export interface SessionsDynamicModule {
  readonly module: typeof SessionsModule;
  readonly global: boolean;
  // oxlint-disable-next-line typescript/no-explicit-any
  imports: any[];
  // oxlint-disable-next-line typescript/no-explicit-any
  providers: any[];
  exports: (symbol | string | (abstract new (...args: never[]) => unknown))[];
}

/** What `configure` uses of a `MiddlewareConsumer`. */
interface Consumer {
  getHttpAdapter(): HttpAdapterLike;
}

const OPTIONS = Symbol("SessionsModule.forRoot");
const OWN = Symbol("SessionsModule.sessions");

/** The name that `@nestjs/core` has for interceptors of the whole application. */
const APP_INTERCEPTOR = "APP_INTERCEPTOR";

/** What to inject for the {@link Sessions} of a manager by its name: `@Inject(sessionsToken("admin"))`. */
export function sessionsToken(name: string = DEFAULT_NAME): typeof Sessions | string {
  return name === DEFAULT_NAME ? Sessions : `holdfast sessions ${name}`;
}

/** What to inject for a manager by its name: `@Inject(managerToken("admin"))`. Without a name it is `SessionManager`. */
export function managerToken(name: string = DEFAULT_NAME): typeof SessionManager | string {
  return name === DEFAULT_NAME ? SessionManager : `holdfast manager ${name}`;
}

/**
 * Sessions for Nest, on Express and on Fastify: `imports: [SessionsModule.forRoot(manager)]`, first of all imports. Every
 * request has its session before any guard, and before middleware, runs; Nest's own `@Session()` gives it, and so does
 * {@link CurrentSession}. {@link Sessions} and `SessionManager` can be injected anywhere.
 *
 * What handlers changed is stored before anything of the answer leaves. A session that cannot be read or saved is an
 * exception with status 503 or 409 for Nest's filters, and where Nest has answered already, `renderFailure` answers. A
 * thrown exception without a status below 500 fails the request: its changes are dropped, and a logout takes place.
 */
export class SessionsModule {
  readonly #sessions: Sessions<AnySession>;
  readonly #options: SessionsModuleOptions<AnySession>;

  /** @internal Made by Nest. */
  constructor(sessions: Sessions<AnySession>, options: SessionsModuleOptions<AnySession>) {
    this.#sessions = sessions;
    this.#options = options;
  }

  /**
   * The module for a manager, or for a manager with options. Global: import it once.
   *
   * @throws `ERR_SESSION_CONFIG` when it is given no manager, or an option that does not exist.
   */
  static forRoot<S extends AnySession>(
    given: RequestHooks<S> | NamedSessionsModuleOptions<S>,
  ): SessionsDynamicModule {
    const { name = DEFAULT_NAME, ...options } = optionsOf<NamedSessionsModuleOptions<S>>(given);
    // What is wrong is said here, where it was written, and not when the application starts.
    sessionsOf(options, checkName(name));
    return moduleOf(name, [], { useFactory: () => options });
  }

  /**
   * The same for a manager that is made from what can be injected, such as a configuration or a connection.
   *
   * @throws `ERR_SESSION_CONFIG` when the application starts and the factory made no manager.
   */
  static forRootAsync<S extends AnySession>(options: SessionsModuleAsyncOptions<S>): SessionsDynamicModule {
    const { name = DEFAULT_NAME, imports = [], inject = [], useFactory } = options;
    return moduleOf(checkName(name), imports, {
      inject,
      useFactory: async (...injected: unknown[]) => optionsOf(await useFactory(...injected)),
    });
  }

  /** @internal Called by Nest when the application starts: for one whose platform came after its modules, as in tests. */
  configure(consumer: Consumer): void {
    this.#sessions.install(consumer.getHttpAdapter());
  }

  /** @internal Called by Nest when the application is closed and nothing is served any more. */
  async onApplicationShutdown(): Promise<void> {
    const { closeManager, manager } = this.#options;
    if (closeManager === true) await (manager as Closeable).close?.();
  }
}

Module({})(SessionsModule);
Inject(OWN)(SessionsModule, undefined, 0);
Inject(OPTIONS)(SessionsModule, undefined, 1);

interface Closeable {
  close?(): Promise<void>;
}

function moduleOf(name: string, imports: unknown[], options: object): SessionsDynamicModule {
  const makeSessions = (
    made: SessionsModuleOptions<AnySession>,
    host?: HttpAdapterHost,
  ): Sessions<AnySession> => {
    const sessions = sessionsOf(made, name);
    // Now, so that it comes before what the application itself puts on its platform.
    if (host?.httpAdapter) sessions.install(host.httpAdapter as HttpAdapterLike);
    return sessions;
  };
  return {
    module: SessionsModule,
    global: true,
    imports,
    providers: [
      { provide: OPTIONS, ...options },
      { provide: OWN, useFactory: makeSessions, inject: [OPTIONS, HttpAdapterHost] },
      { provide: sessionsToken(name), useExisting: OWN },
      { provide: managerToken(name), useFactory: managerOf, inject: [OPTIONS] },
      { provide: APP_INTERCEPTOR, useFactory: interceptorOf, inject: [OWN] },
    ],
    exports: [sessionsToken(name), managerToken(name)],
  };
}

function managerOf({ manager }: SessionsModuleOptions<AnySession>): RequestHooks<AnySession> {
  return manager;
}

function interceptorOf(sessions: Sessions<AnySession>): SessionsInterceptor {
  return new SessionsInterceptor(sessions);
}

function sessionsOf<S extends AnySession>(
  { manager, closeManager, ...options }: SessionsModuleOptions<S>,
  name: string,
): Sessions<S> {
  if (closeManager !== undefined && typeof closeManager !== "boolean") {
    throw new SessionError("ERR_SESSION_CONFIG", "The option closeManager must be a boolean.");
  }
  return new Sessions(manager, name, options);
}

/** A manager alone is one without options. */
function optionsOf<Options extends SessionsModuleOptions<AnySession>>(
  given: Options["manager"] | Options,
): Options {
  const isOptions = typeof given === "object" && given !== null && "manager" in given;
  return (isOptions ? given : { manager: given }) as Options;
}
