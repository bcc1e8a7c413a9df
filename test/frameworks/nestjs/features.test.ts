import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { beforeEach, describe, expect, test } from "vitest";

import type { ExecutionContextLike, Sessions } from "../../../src/adapters/nestjs.ts";
import type { Session, SessionManager } from "../../../src/index.ts";
import { withProjects } from "../support/projects.ts";
import {
  decorate,
  decorateClass,
  folderOf,
  moduleOf,
  type Nest,
  nestOf,
  newClass,
  PLATFORMS,
  VERSIONS,
} from "./nest.ts";
import { controller, type Handler, type Rig, rigOf } from "./nest-rig.ts";

const CASES = Object.entries(VERSIONS).flatMap(([name, version]) =>
  PLATFORMS.map((platform) => [`${name} on ${platform}`, version, platform] as const),
);

/** What the suites use of a response of either platform. */
interface Response extends ServerResponse {
  readonly raw?: ServerResponse;
  hijack?(): void;
  status(code: number): Response;
  send(body: string): unknown;
}

interface Asked extends IncomingMessage {
  readonly session: Session;
}

/** How a handler comes to an end. */
type End = (response: Response) => unknown;

interface ExternalContexts {
  create(...args: readonly unknown[]): (...args: readonly unknown[]) => Promise<unknown>;
}

/** What the suites use of what filters are given. */
interface Host {
  switchToHttp(): { getResponse(): { status(code: number): { send(body: unknown): unknown } } };
}

withProjects(Object.values(VERSIONS).map(folderOf), () => {
  describe.each(CASES)("%s", (_name, version, platform) => {
    let it: Rig;
    let nest: Nest;

    beforeEach(async () => {
      nest = await nestOf(version);
      it = rigOf(nest, platform);
    });

    /** Starts an application with one handler more, which paints the session blue, where it was red, and then comes to an end. */
    async function paint(
      end: End,
      { decorators = [], parameters = [], ...parts }: Paint = {},
    ): Promise<Awaited<ReturnType<Rig["ask"]>>> {
      const { CurrentSession } = nest.adapter;
      const blue: Handler = [
        ["Get", ...decorators],
        [CurrentSession(), ...parameters],
        (session: Session, response: Response) => {
          session.set("colour", "blue");
          return end(response);
        },
      ];
      await it.start({ ...parts, controllers: [controller(nest, "paint", { blue })] });
      await it.ask("/palette/set?to=red");
      return await it.ask("/paint/blue");
    }

    interface Paint {
      readonly decorators?: readonly unknown[];
      readonly parameters?: readonly unknown[];
      readonly sessions?: object;
      readonly providers?: readonly unknown[];
      readonly main?: NonNullable<Parameters<Rig["start"]>[0]["main"]>;
    }

    /** A filter that answers with what a function makes of an exception. */
    function filterOf(
      catches: readonly unknown[],
      answer: (exception: Error) => readonly [number, string],
    ): object {
      class Filter {
        catch(exception: Error, host: Host): void {
          const [status, body] = answer(exception);
          host.switchToHttp().getResponse().status(status).send(body);
        }
      }
      decorateClass(Filter, [nest.common["Catch"]?.(...catches)]);
      return new Filter();
    }

    describe("the session", () => {
      test("is the same by @CurrentSession(), Nest's own @Session() and Sessions.of, of request and of context", async () => {
        const { CurrentSession, Sessions } = nest.adapter;
        let seen: unknown[] = [];
        class Guard {
          canActivate(context: ExecutionContextLike): boolean {
            seen.push(app.get<Sessions<Session>>(Sessions).of(context));
            return true;
          }
        }
        const same: Handler = [
          ["Get", nest.common["UseGuards"]?.(new Guard())],
          [CurrentSession(), nest.common["Session"]?.(), nest.common["Req"]?.()],
          (one: Session, other: Session, request: { raw?: object }) => {
            const sessions = app.get<Sessions<Session>>(Sessions);
            seen = [...seen, other, sessions.of(request), sessions.of(request.raw ?? request)];
            return String(seen.every((each) => each === one) && seen.length === 4);
          },
        ];
        const app = await it.start({ controllers: [controller(nest, "the", { same })] });
        expect((await it.ask("/the/same")).body).toBe("true");
      });

      test("is there for middleware of modules and of main.ts, and what they change is stored", async () => {
        class Module {
          configure(consumer: {
            apply(...middleware: unknown[]): { forRoutes(...paths: string[]): void };
          }): void {
            consumer
              .apply((request: { session: Session }, _response: unknown, next: () => void) => {
                request.session.increment("modules");
                next();
              })
              .forRoutes("palette/show", "seen/both");
          }
        }
        decorateClass(Module, [nest.common["Module"]?.({})]);
        const both: Handler = [
          ["Get"],
          [nest.adapter.CurrentSession()],
          (session: Session) => [session.get("modules"), session.get("main")],
        ];
        await it.start({
          imports: [Module],
          controllers: [controller(nest, "seen", { both })],
          main: (app) =>
            app.use((request: { session: Session }, _response: unknown, next: () => void) => {
              request.session.increment("main");
              next();
            }),
        });
        await it.ask("/palette/show");
        expect(JSON.parse((await it.ask("/seen/both")).body)).toEqual([2, 2]);
      });

      test("cannot be replaced on the request: what would be a logout elsewhere fails here", async () => {
        const gone: Handler = [
          ["Get"],
          [nest.common["Req"]?.()],
          (request: { session: unknown }) => (request.session = null),
        ];
        await it.start({ controllers: [controller(nest, "the", { gone })] });
        await it.ask("/palette/login");
        expect((await it.ask("/the/gone")).status).toBe(500);
        expect((await it.ask("/palette/show")).status).toBe(200);
        const [session] = await it.manager.sessionsOf("ada");
        expect(session).toBeDefined();
      });

      test("of an answer that middleware gives past Nest is stored before it leaves", async () => {
        await it.start({
          main: (app) =>
            app.use((request: Asked, response: ServerResponse, next: () => void) => {
              if (request.url !== "/past") return next();
              request.session.set("colour", "green");
              response.end("past");
            }),
        });
        const { body, cookies } = await it.ask("/past");
        expect([body, cookies.length]).toEqual(["past", 1]);
        expect(await it.colour()).toBe("green");
      });

      test("is to be had by providers of the request", async () => {
        const { Sessions } = nest.adapter;
        class Painter {
          readonly #session: Session;
          constructor(request: object, sessions: Sessions<Session>) {
            this.#session = sessions.of(request);
          }
          paint(): void {
            this.#session.set("colour", "violet");
          }
        }
        const { Inject, Injectable } = nest.common;
        decorateClass(
          Painter,
          [Injectable?.({ scope: nest.common.Scope.REQUEST })],
          [Inject?.(nest.core.REQUEST), Inject?.(Sessions)],
        );
        class Controller {
          readonly #painter: Painter;
          constructor(painter: Painter) {
            this.#painter = painter;
          }
          violet(): string {
            this.#painter.paint();
            return "painted";
          }
        }
        decorateClass(Controller, [nest.common["Controller"]?.("scoped")], [Inject?.(Painter)]);
        const { prototype } = Controller;
        nest.common["Get"]?.("violet")(
          prototype,
          "violet",
          Object.getOwnPropertyDescriptor(prototype, "violet"),
        );
        await it.start({ controllers: [Controller as never], providers: [Painter] });
        expect((await it.ask("/scoped/violet")).body).toBe("painted");
        expect(await it.colour()).toBe("violet");
      });

      test("is there under a global prefix, and in versions of a route, that are set when all modules are made", async () => {
        await it.start({
          controllers: [
            controller(
              nest,
              { path: "v", version: "2" },
              {
                two: [
                  ["Get"],
                  [nest.adapter.CurrentSession()],
                  (session: Session) => session.increment("twos"),
                ],
              },
            ),
          ],
          main: (app) => {
            app.setGlobalPrefix("api");
            app.enableVersioning({ type: nest.common.VersioningType.URI });
          },
        });
        expect((await it.ask("/api/v2/v/two")).body).toBe("1");
        expect((await it.ask("/api/v2/v/two")).body).toBe("2");
        expect((await it.ask("/api/v3/v/two")).status).toBe(404);
      });

      test("is there in an application of the testing module, whose platform comes after its modules", async () => {
        await it.start({
          create: async (module, platformAdapter, options) => {
            const made = await nest.testing.Test.createTestingModule({ imports: [module] }).compile();
            return made.createNestApplication(platformAdapter, options);
          },
        });
        expect((await it.ask("/palette/set?to=red")).cookies).toHaveLength(1);
        expect(await it.colour()).toBe("red");
      });

      test("is not loaded for requests that the option leaves out, and @CurrentSession() says why", async () => {
        await it.start({
          sessions: { only: ({ url = "" }: { url?: string }) => !url.startsWith("/palette/show") },
        });
        await it.ask("/palette/set?to=red");
        const reads = it.store.count("read");
        expect((await it.ask("/palette/show")).status).toBe(500);
        expect(it.store.count("read")).toBe(reads);
      });

      test("has its cookie where the option says that the application is mounted", async () => {
        const manager = new nest.holdfast.SessionManager({
          store: nest.memory.memoryStore(),
          sweepEvery: false,
          cookie: { name: "sid", path: "mount" },
        });
        await it.start({ sessions: { manager, mountPath: "/shop" } });
        expect((await it.ask("/palette/set?to=red")).cookies[0]).toContain("; Path=/shop");
      });

      if (platform === "Fastify") {
        test("is there where the platform does without Nest's middleware", async () => {
          const { LoggedIn } = nest.adapter;
          const open: Handler = [
            ["Get"],
            [nest.adapter.CurrentSession()],
            (session: Session) => String(session.user),
          ];
          await it.start({
            create: async (module, _platform, options) =>
              await nest.core.NestFactory.create(
                module,
                new nest.fastify.FastifyAdapter({ skipMiddie: true }),
                options,
              ),
            controllers: [controller(nest, "my", { open }, [nest.common["UseGuards"]?.(LoggedIn)])],
          });
          expect((await it.ask("/my/open")).status).toBe(401);
          await it.ask("/palette/login");
          expect((await it.ask("/my/open")).body).toBe("ada");
        });
      }

      test("has the client's address", async () => {
        const app = await it.start({});
        await it.ask("/palette/login");
        const [device] = await app.get<SessionManager>(nest.holdfast.SessionManager).sessionsOf("ada");
        expect(device?.address).toMatch(/127\.0\.0\.1$/);
      });
    });

    describe("an answer", () => {
      test.each<readonly [string, () => Partial<Paint>, () => unknown, number]>([
        [
          "of @Redirect",
          () => ({ decorators: [nest.common["Redirect"]?.("/there", 303)] }),
          () => undefined,
          303,
        ],
        [
          "of @Redirect that the handler chose",
          () => ({ decorators: [nest.common["Redirect"]?.("/there")] }),
          () => ({ url: "/here", statusCode: 307 }),
          307,
        ],
        ["of @HttpCode", () => ({ decorators: [nest.common["HttpCode"]?.(202)] }), () => "later", 202],
        ["of nothing", () => ({ decorators: [nest.common["HttpCode"]?.(204)] }), () => undefined, 204],
        [
          "of an HttpException below 500",
          () => ({}),
          () => {
            throw new nest.common.NotFoundException();
          },
          404,
        ],
      ])("%s is saved for", async (_way, how, end, status) => {
        const reply = await paint(end, how());
        expect(reply.status).toBe(status);
        expect(await it.colour()).toBe("blue");
      });

      test("that cannot be turned into JSON drops the changes", async () => {
        const circle: { own?: object } = {};
        circle.own = circle;
        const { status } = await paint(() => circle);
        expect(status).toBe(500);
        expect(await it.colour()).toBe("red");
      });

      test("of a file that cannot be read, and is answered with 500, drops the changes", async () => {
        const broken = new Readable({
          read() {
            this.destroy(new Error("unreadable"));
          },
        });
        const status = await paint(() =>
          // Nest's own handler, where it has one, answers 400, which is no failure of the server's.
          new nest.common.StreamableFile(broken).setErrorHandler((_error, response) => {
            response.statusCode = 500;
            response.send("unreadable");
          }),
        ).then(
          (reply) => reply.status,
          // Nest 10 on Express cuts the connection besides.
          () => 500,
        );
        expect(status).toBe(500);
        expect(await it.colour()).toBe("red");
      });

      test("of 500 and above that the handler sets itself drops the changes", async () => {
        const { status } = await paint(
          (response) => {
            response.status(503);
            return "sorry";
          },
          { parameters: [nest.common["Res"]?.({ passthrough: true })] },
        );
        expect(status).toBe(503);
        expect(await it.colour()).toBe("red");
      });

      test("that a handler gives when it likes, with a failure, drops the changes", async () => {
        const { status } = await paint(
          (response) => {
            setImmediate(() => response.status(500).send("sorry"));
          },
          { parameters: [nest.common["Res"]?.()] },
        );
        expect(status).toBe(500);
        expect(await it.colour()).toBe("red");
      });

      test("of an interceptor that fails after the handler drops the changes", async () => {
        const failing = {
          intercept: (_context: unknown, next: { handle(): { pipe(operator: unknown): unknown } }) =>
            next.handle().pipe(
              nest.map((value) => {
                if (value === "done") throw new Error("unexpected");
                return value;
              }),
            ),
        };
        const { status } = await paint(() => "done", {
          main: (app) => app.useGlobalInterceptors(failing),
        });
        expect(status).toBe(500);
        expect(await it.colour()).toBe("red");
      });

      test("by events waits for the save before its headers leave", async () => {
        const door = nest.contract.gate();
        const { Observable } = nest.rxjs;
        const events: Handler = [
          ["Sse"],
          [nest.adapter.CurrentSession()],
          (session: Session) => {
            session.set("colour", "blue");
            return new Observable((subscriber) => {
              subscriber.next({ data: "one" });
              subscriber.complete();
            });
          },
        ];
        await it.start({ controllers: [controller(nest, "sent", { events })] });
        await it.ask("/palette/set?to=red");
        it.store.next("update", nest.contract.waitsBefore(door));
        let arrived = false;
        const reply = it.ask("/sent/events").then((whole) => {
          arrived = true;
          return whole;
        });
        await door.reached();
        // Whatever had left before would have come by the time that others are answered.
        for (let turn = 0; turn < 3; turn += 1) await fetch(`${it.origin()}/palette/show`);
        expect(arrived).toBe(false);
        door.open();
        const { headers, body } = await reply;
        expect(headers.get("content-type")).toMatch(/^text\/event-stream/);
        expect(body).toContain("data: one");
        expect(await it.colour()).toBe("blue");
      });

      test("by events carries the cookie of a new session, or tells that Nest sent its headers too early", async () => {
        const { Observable } = nest.rxjs;
        const events: Handler = [
          ["Sse"],
          [nest.adapter.CurrentSession()],
          (session: Session) => {
            session.set("colour", "blue");
            return new Observable((subscriber) => {
              subscriber.next({ data: "one" });
              subscriber.complete();
            });
          },
        ];
        const told: unknown[] = [];
        it.manager.on("late", (event) => void told.push(event));
        await it.start({ controllers: [controller(nest, "sent", { events })] });
        const { cookies } = await it.ask("/sent/events");
        const isEarly = version === "10";
        expect([cookies.length, told.length]).toEqual(isEarly ? [0, 1] : [1, 0]);
        expect(await it.colour()).toBe(isEarly ? "nothing" : "blue");
      });
    });

    describe("Nest's exception filters", () => {
      test("of its own answer a session that cannot be read, with 503", async () => {
        await it.start({});
        await it.ask("/palette/set?to=red");
        it.store.always("read", nest.contract.failsBefore());
        const { status, body, cookies } = await it.ask("/palette/show");
        expect([status, JSON.parse(body), cookies]).toEqual([
          503,
          { statusCode: 503, message: "Service Unavailable" },
          [],
        ]);
      });

      test("are given a session that cannot be read, as an exception with its cause", async () => {
        const seen: unknown[] = [];
        await it.start({
          main: (app) =>
            app.useGlobalFilters(
              filterOf([nest.common.HttpException], (exception) => {
                seen.push((exception.cause as { code: string }).code);
                return [503, "sorry"];
              }),
            ),
        });
        await it.ask("/palette/set?to=red");
        it.store.always("read", nest.contract.failsBefore());
        const { status, body } = await it.ask("/palette/show");
        expect([status, body, seen]).toEqual([503, "sorry", ["ERR_SESSION_STORE_UNAVAILABLE"]]);
      });

      test("of its own answer a change that the page of another site asks for, with 403", async () => {
        await it.start({});
        const headers = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
        const { status, body } = await it.ask("/palette/show", { method: "POST", headers });
        expect([status, JSON.parse(body)]).toEqual([403, { statusCode: 403, message: "Forbidden" }]);
      });

      test.each<readonly [string, () => unknown]>([
        ["a text", () => "done"],
        ["an object", () => ({ done: true })],
        ["nothing", () => undefined],
        ["a promise", async () => await Promise.resolve("done")],
      ])("are given a save that failed for %s", async (_what, value) => {
        const seen: unknown[] = [];
        const { status, body, cookies, headers } = await paint(
          () => {
            it.breakStore();
            return value();
          },
          {
            decorators: [nest.common["Header"]?.("location", "/elsewhere")],
            main: (app) =>
              app.useGlobalFilters(
                filterOf([nest.common.HttpException], (exception) => {
                  seen.push((exception.cause as { code: string }).code);
                  return [503, "sorry"];
                }),
              ),
          },
        );
        expect([status, body, cookies, seen]).toEqual([503, "sorry", [], ["ERR_SESSION_UNKNOWN"]]);
        expect(headers.get("location")).toBe(null);
      });

      test("of its own answer a save that failed", async () => {
        const { status, body } = await paint(() => {
          it.breakStore();
          return "done";
        });
        expect([status, JSON.parse(body)]).toEqual([
          503,
          { statusCode: 503, message: "Service Unavailable" },
        ]);
      });

      test("know an error of the session's that a handler lets through", async () => {
        const { status, body } = await paint(() => {
          throw new nest.holdfast.SessionError("ERR_SESSION_NOT_FRESH", "Authenticate.");
        });
        expect([status, JSON.parse(body)]).toEqual([401, { statusCode: 401, message: "Unauthorized" }]);
      });

      test("that show an unexpected error as an answer do not save for it, unless the option says so", async () => {
        const main: Paint["main"] = (app) => app.useGlobalFilters(filterOf([], () => [200, "all well"]));
        const fails = (): never => {
          throw new RangeError("unexpected");
        };
        expect((await paint(fails, { main })).status).toBe(200);
        expect(await it.colour()).toBe("red");
        it = rigOf(nest, platform);
        const isFailure = (error: unknown): boolean => !(error instanceof RangeError);
        await paint(fails, { main, sessions: { isFailure } });
        expect(await it.colour()).toBe("blue");
      });
    });

    describe("a save that failed when Nest had answered", () => {
      const ways: readonly (readonly [string, () => Partial<Paint>, End])[] = [
        [
          "by @Res()",
          () => ({ parameters: [nest.common["Res"]?.()] }),
          (response) => {
            response.hijack?.();
            (response.raw ?? response).end("done");
          },
        ],
        [
          "with a file",
          () => ({}),
          () => new nest.common.StreamableFile(Readable.from([Buffer.from("done")])),
        ],
      ];

      test.each(ways)("%s is answered in Nest's own form", async (_way, how, end) => {
        const { status, headers, body, cookies } = await paint((response) => {
          it.breakStore();
          return end(response);
        }, how());
        expect([status, JSON.parse(body), cookies]).toEqual([
          503,
          { message: "Service Unavailable", statusCode: 503 },
          [],
        ]);
        expect(headers.get("content-type")).toMatch(/^application\/json/);
        expect(headers.get("cache-control")).toBe("no-store");
      });

      test.each(ways)("%s is answered by the option", async (_way, how, end) => {
        const renderFailure = (): object => ({ status: 503, headers: { "x-own": "1" }, body: "sorry" });
        const { status, headers, body } = await paint(
          (response) => {
            it.breakStore();
            return end(response);
          },
          { ...how(), sessions: { renderFailure } },
        );
        expect([status, headers.get("x-own"), body]).toEqual([503, "1", "sorry"]);
      });
    });

    describe("the guard", () => {
      const who = (): Handler => [
        ["Get"],
        [nest.adapter.CurrentSession()],
        (session: Session) => String(session.user),
      ];

      test("lets in who is logged in, and nobody else", async () => {
        const { LoggedIn } = nest.adapter;
        await it.start({
          controllers: [controller(nest, "my", { name: who() }, [nest.common["UseGuards"]?.(LoggedIn)])],
        });
        const { status, body, cookies } = await it.ask("/my/name");
        expect([status, JSON.parse(body), cookies]).toEqual([
          401,
          { message: "Unauthorized", statusCode: 401 },
          [],
        ]);
        await it.ask("/palette/login");
        expect((await it.ask("/my/name")).body).toBe("ada");
      });

      test("guards the whole application but for what is public", async () => {
        const { LoggedIn, Public } = nest.adapter;
        const open: Handler = [["Get", Public()], [], () => "open"];
        await it.start({
          providers: [{ provide: nest.core.APP_GUARD, useClass: LoggedIn }],
          controllers: [
            controller(nest, "my", { open, name: who() }),
            controller(nest, "their", { name: who() }, [Public()]),
          ],
        });
        expect((await it.ask("/my/name")).status).toBe(401);
        expect((await it.ask("/my/open")).body).toBe("open");
        expect((await it.ask("/their/name")).body).toBe("null");
      });

      test("demands a fresh authentication, and the exception says so", async () => {
        const { Fresh } = nest.adapter;
        const causes: unknown[] = [];
        const [get, parameters, run] = who();
        await it.start({
          controllers: [controller(nest, "my", { keys: [[...get, Fresh("5m")], parameters, run] })],
          main: (app) =>
            app.useGlobalFilters(
              filterOf([nest.common["UnauthorizedException"]], (exception) => {
                causes.push((exception.cause as { code: string } | undefined)?.code);
                return [401, "again"];
              }),
            ),
        });
        expect((await it.ask("/my/keys")).status).toBe(401);
        await it.ask("/palette/login");
        expect((await it.ask("/my/keys")).body).toBe("ada");
        it.clock.advance(5 * 60_000 + 1);
        expect((await it.ask("/my/keys")).body).toBe("again");
        expect(causes).toEqual([undefined, "ERR_SESSION_NOT_FRESH"]);
      });

      test("keeps what was changed before it, for a 401 is no failure", async () => {
        const { LoggedIn } = nest.adapter;
        await it.start({
          controllers: [controller(nest, "my", { name: who() }, [nest.common["UseGuards"]?.(LoggedIn)])],
          main: (app) =>
            app.use((request: { session: Session }, _response: unknown, next: () => void) => {
              request.session.increment("tries");
              next();
            }),
        });
        expect((await it.ask("/my/name")).cookies).toHaveLength(1);
      });

      test("lets nobody pass where the request has no session", async () => {
        const { LoggedIn } = nest.adapter;
        await it.start({
          sessions: { only: ({ url = "" }: { url?: string }) => !url.startsWith("/my") },
          controllers: [
            controller(nest, "my", { name: [["Get"], [], () => "in"] }, [
              nest.common["UseGuards"]?.(LoggedIn),
            ]),
          ],
        });
        expect((await it.ask("/my/name")).status).toBe(500);
      });
    });

    describe("the module", () => {
      test("takes its manager from what is injected, and has it injected", async () => {
        const { SessionsModule } = nest.adapter;
        const Config = newClass();
        const configuration = moduleOf(nest, {
          providers: [{ provide: Config, useValue: { manager: it.manager } }],
          exports: [Config],
        });
        const app = await it.start({
          sessions: SessionsModule.forRootAsync({
            imports: [configuration],
            inject: [Config],
            useFactory: async ({ manager }: { manager: SessionManager }) =>
              await Promise.resolve({ manager }),
          }),
        });
        expect(app.get(nest.holdfast.SessionManager)).toBe(it.manager);
        await it.ask("/palette/set?to=red");
        expect(await it.colour()).toBe("red");
      });

      test("refuses at start what a factory made that is no manager", async () => {
        const { SessionsModule } = nest.adapter;
        const sessions = SessionsModule.forRootAsync({ useFactory: () => ({}) as SessionManager });
        await expect(it.start({ sessions })).rejects.toMatchObject({ code: "ERR_SESSION_CONFIG" });
      });

      test.each([
        ["no manager", () => ({})],
        ["an option that does not exist", () => ({ manager: it.manager, path: "/" })],
        ["an option of another kind", () => ({ manager: it.manager, only: "/" })],
        ["a name that is none", () => ({ manager: it.manager, name: "" })],
        ["closeManager that is no boolean", () => ({ manager: it.manager, closeManager: "yes" })],
      ])("refuses %s", (_what, options) => {
        expect(() => nest.adapter.SessionsModule.forRoot(options() as never)).toThrow(
          expect.objectContaining({ code: "ERR_SESSION_CONFIG" }),
        );
      });

      test("keeps two managers apart by their names, for parameters, guards and injection", async () => {
        const { CurrentSession, Fresh, LoggedIn, managerToken, SessionsModule, sessionsToken } = nest.adapter;
        const admins = new nest.holdfast.SessionManager({
          store: nest.memory.memoryStore(),
          sweepEvery: false,
          cookie: { name: "__Host-admin" },
        });
        const by = nest.common["UseGuards"]?.(new LoggedIn("admin"));
        const app = await it.start({
          imports: [SessionsModule.forRoot({ manager: admins, name: "admin" })],
          controllers: [
            controller(nest, "admin", {
              login: [["Get"], [CurrentSession("admin")], (session: Session) => void session.login("root")],
              who: [
                ["Get", by, Fresh("5m", "admin")],
                [CurrentSession("admin"), CurrentSession()],
                (one: Session, other: Session) => `${one.user} ${other.user}`,
              ],
            }),
          ],
        });
        await it.ask("/palette/login");
        expect((await it.ask("/admin/who")).status).toBe(401);
        expect((await it.ask("/admin/login")).cookies[0]).toMatch(/^__Host-admin=/);
        expect((await it.ask("/admin/who")).body).toBe("root ada");
        expect(app.get(managerToken("admin"))).toBe(admins);
        expect(app.get(sessionsToken("admin"))).not.toBe(app.get(sessionsToken()));
      });

      test.each([
        [false, undefined],
        [true, true],
      ])("closes its manager with the application: %s", async (closes, closeManager) => {
        let closed = false;
        const store = Object.assign(nest.memory.memoryStore(), {
          close: async (): Promise<void> => void (closed = true),
        });
        const manager = new nest.holdfast.SessionManager({ store, sweepEvery: false });
        const app = await it.start({
          sessions: { manager, ...(closeManager !== undefined && { closeManager }) },
        });
        await it.ask("/palette/set?to=red");
        await app.close();
        expect(closed).toBe(closes);
      });

      test("lets an application without a platform have its manager", async () => {
        const module = moduleOf(nest, { imports: [nest.adapter.SessionsModule.forRoot(it.manager)] });
        const context = await nest.core.NestFactory.createApplicationContext(module, {
          logger: false,
          abortOnError: false,
        });
        expect(context.get(nest.holdfast.SessionManager)).toBe(it.manager);
        await context.close();
      });

      test("serves resolvers of GraphQL: parameters, guards, and failures that show as an answer", async () => {
        const { CurrentSession, LoggedIn } = nest.adapter;
        class Resolver {
          paint(session: Session): string {
            session.set("colour", "blue");
            return "painted";
          }
          fail(session: Session): string {
            session.set("colour", "blue");
            throw new Error("unexpected");
          }
          mine(session: Session): string {
            return String(session.user);
          }
        }
        for (const name of ["paint", "fail", "mine"] as const) {
          const guards = name === "mine" ? [nest.common["UseGuards"]?.(LoggedIn)] : [];
          decorate(Resolver, name, guards, [CurrentSession()]);
        }
        const asked: Handler = [
          ["Get"],
          [nest.common["Req"]?.(), nest.common["Query"]?.("op")],
          async (request: object, operation: "paint" | "fail" | "mine") => {
            const resolver = app.get<Resolver>(Resolver);
            // What @nestjs/graphql makes resolvers with.
            const run = app
              .get<ExternalContexts>(nest.core.ExternalContextCreator)
              .create(
                resolver,
                resolver[operation],
                operation,
                "__routeArguments__",
                { exchangeKeyForValue: () => null },
                undefined,
                undefined,
                undefined,
                "graphql",
              );
            return await run(null, {}, { req: request }, {}).then(
              (data) => ({ data }),
              (error: unknown) => ({
                errors: [error instanceof nest.common.HttpException ? error.getStatus() : 500],
              }),
            );
          },
        ];
        const app = await it.start({
          providers: [Resolver],
          controllers: [controller(nest, "graph", { asked })],
        });
        await it.ask("/palette/set?to=red");
        const ask = async (operation: string): Promise<unknown> =>
          JSON.parse((await it.ask(`/graph/asked?op=${operation}`)).body);
        expect(await ask("fail")).toEqual({ errors: [500] });
        expect(await it.colour()).toBe("red");
        expect(await ask("paint")).toEqual({ data: "painted" });
        expect(await it.colour()).toBe("blue");
        expect(await ask("mine")).toEqual({ errors: [401] });
        await it.ask("/palette/login");
        expect(await ask("mine")).toEqual({ data: "ada" });
      });

      test("leaves the messages of a hybrid application alone, and a guard there lets nothing pass", async () => {
        const { LoggedIn } = nest.adapter;
        const seen: unknown[] = [];
        class Messages {
          plain(): string {
            return "answered";
          }
          guarded(): string {
            return "passed";
          }
        }
        for (const name of ["plain", "guarded"] as const)
          nest.microservices.MessagePattern(name)(
            Messages.prototype,
            name,
            Object.getOwnPropertyDescriptor(Messages.prototype, name),
          );
        nest.common["UseGuards"]?.(LoggedIn)(
          Messages.prototype,
          "guarded",
          Object.getOwnPropertyDescriptor(Messages.prototype, "guarded"),
        );
        decorateClass(Messages, [nest.common["Controller"]?.()]);
        await it.start({
          controllers: [Messages],
          main: async (app) => {
            const options = {
              transport: nest.microservices.Transport.TCP,
              options: { host: "127.0.0.1", port: 0 },
            };
            const service = app.connectMicroservice(options, { inheritAppConfig: true });
            await app.startAllMicroservices();
            seen.push(service);
          },
        });
        const [service] = seen as [{ server?: object; serverInstance?: object }];
        const inner = (service.serverInstance ?? service.server) as {
          server: { address(): { port: number } };
        };
        const client = nest.microservices.ClientProxyFactory.create({
          transport: nest.microservices.Transport.TCP,
          options: { host: "127.0.0.1", port: inner.server.address().port },
        });
        expect(await nest.rxjs.lastValueFrom(client.send("plain", {}))).toBe("answered");
        await expect(nest.rxjs.lastValueFrom(client.send("guarded", {}))).rejects.toBeDefined();
        client.close();
        await it.ask("/palette/set?to=red");
        expect(await it.colour()).toBe("red");
      });
    });
  });
});
