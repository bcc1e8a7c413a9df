import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";

import { type Hold, type HoldHooks, holdResponse } from "../../../src/adapters/support/node-hold.ts";
import { type Client, type Exchange, http1, http2 } from "./hold-clients.ts";

const require = createRequire(import.meta.url);

export const PROTOCOLS = ["HTTP/1", "HTTP/2"] as const;
export const FRAMEWORKS = ["bare node", "Express 4", "Express 5"] as const;
export const COMPRESSIONS = ["no compression", "1.7 outer", "1.7 inner", "1.8 outer", "1.8 inner"] as const;

export type Protocol = (typeof PROTOCOLS)[number];
export type Framework = (typeof FRAMEWORKS)[number];
export type Compression = (typeof COMPRESSIONS)[number];

export type Request = IncomingMessage;
/** The common ground of both protocols, as far as the tests go: typed by HTTP/1. */
export type Response = ServerResponse;
export type Handler = (request: Request, response: Response, run: Run) => void;
type Middleware = (request: Request, response: Response, next: (error?: unknown) => void) => void;
export type HoldFunction = (response: Response, hooks: HoldHooks) => Hold;

/** One request of a test: what the hold's owner is asked, and what it answers when. */
export interface Run {
  readonly id: string;
  readonly handler: Handler;
  /** `writeHead` has to come first: compression 1.7 looks for `_implicitHeader`, which HTTP/2 does not have. */
  readonly headFirst: boolean;
  /** Raw headers have to be a list of pairs: the on-headers of compression 1.7 knows no flat list. */
  readonly pairs: boolean;
  /** Settled by the test; `start` waits for it. */
  readonly commit: Deferred<void>;
  /** The response started: its status. */
  readonly started: Deferred<number>;
  readonly closed: Deferred<void>;
  readonly log: string[];
  readonly hooks: HoldHooks;
  hold?: Hold;
}

export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

export const SESSION_COOKIE = "set-cookie: sid=1; Path=/";

/** A server with a hold before every handler, and the same server without. */
export interface Rig {
  readonly port: number;
  readonly client: Client;
  readonly server: Server | Http2Server;
  /** Sends a request that `handler` answers, under hold. */
  held(handler: Handler, options?: RunOptions): { readonly run: Run; readonly exchange: Exchange };
  /** The same without a hold. */
  plain(handler: Handler, options?: RunOptions): { readonly run: Run; readonly exchange: Exchange };
  /** A whole request on another connection: everything that was on its way before has arrived when it is over. */
  turn(): Promise<void>;
  close(): Promise<void>;
}

export interface RunOptions {
  readonly hooks?: Partial<HoldHooks>;
  readonly headers?: Record<string, string>;
  readonly method?: string;
}

export interface World {
  readonly protocol: Protocol;
  readonly framework: Framework;
  readonly compression: Compression;
  readonly hold?: HoldFunction;
  /** What the compression's stream takes before it asks to wait. */
  readonly highWaterMark?: number;
}

/** Starts a server on 127.0.0.1 as a world describes it. */
export async function startRig(world: World): Promise<Rig> {
  const runs = new Map<string, Run>();
  const hold = world.hold ?? holdResponse;
  const holding: Middleware = (request, response, next) => {
    const run = runs.get(String(request.headers["x-run"]));
    if (run && request.url?.startsWith("/held")) run.hold = hold(response, run.hooks);
    next();
  };
  const last: Middleware = (request, response) => {
    const run = runs.get(String(request.headers["x-run"]));
    if (!run) return void response.end("pong");
    response.once("close", () => run.closed.resolve());
    run.handler(request, response, run);
  };
  const listener = application(world.framework, [...around(world, holding), last]);
  const server = world.protocol === "HTTP/1" ? createServer(listener) : createHttp2Server(listener as never);
  const port = await listen(server);
  const client = world.protocol === "HTTP/1" ? http1 : http2;
  let count = 0;
  const send = (
    path: string,
    handler: Handler,
    options: RunOptions = {},
  ): { run: Run; exchange: Exchange } => {
    count += 1;
    const run = createRun(String(count), handler, world, options.hooks);
    runs.set(run.id, run);
    const headers = { "x-run": run.id, "accept-encoding": "gzip", ...options.headers };
    return { run, exchange: client(port, path, headers, options.method) };
  };
  return {
    port,
    client,
    server,
    held: (handler, options) => send("/held", handler, options),
    plain: (handler, options) => send("/plain", handler, options),
    turn: () => turn(client, port),
    close: () => {
      // What a failed test left uncommitted would keep its connection.
      for (const run of runs.values()) run.commit.resolve();
      return close(server);
    },
  };
}

async function turn(client: Client, port: number): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    await client(port, "/ping").seen;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function createRun(id: string, handler: Handler, world: World, hooks: Partial<HoldHooks> = {}): Run {
  const old = world.compression.startsWith("1.7");
  const commit = deferred<void>();
  const started = deferred<number>();
  const log: string[] = [];
  const run: Run = {
    id,
    handler,
    headFirst: old && world.protocol === "HTTP/2",
    pairs: old,
    commit,
    started,
    closed: deferred<void>(),
    log,
    hooks: {
      async start(status) {
        log.push(`start ${status}`);
        started.resolve(status);
        await commit.promise;
        if (run.hold?.canSetHeaders) run.hold.appendHeader("Set-Cookie", "sid=1; Path=/");
        log.push("committed");
      },
      // A promise, so that the real end has to wait in every test that does not say otherwise.
      late: async () => void log.push("late"),
      abandoned: () => void log.push("abandoned"),
      ...hooks,
    },
  };
  // A test that never gets as far as to wait for it is to fail by its own reason.
  commit.promise.catch(() => {});
  return run;
}

function around({ compression, highWaterMark }: World, holding: Middleware): Middleware[] {
  if (compression === "no compression") return [holding];
  const name = compression.startsWith("1.7") ? "compression17" : "compression";
  const compressing = (require(name) as (options: object) => Middleware)({
    threshold: 0,
    highWaterMark,
  });
  return compression.endsWith("outer") ? [compressing, holding] : [holding, compressing];
}

function application(
  framework: Framework,
  chain: readonly Middleware[],
): (request: Request, response: Response) => void {
  if (framework === "bare node") return (request, response) => runChain(chain, request, response);
  const create = require(framework === "Express 4" ? "express4" : "express") as () => ExpressApplication;
  const app = create();
  app.set("env", "test");
  for (const middleware of chain) app.use(middleware);
  return app;
}

interface ExpressApplication {
  (request: Request, response: Response): void;
  set(name: string, value: string): void;
  use(middleware: Middleware): void;
}

function runChain(chain: readonly Middleware[], request: Request, response: Response): void {
  const [first, ...others] = chain;
  try {
    first?.(request, response, () => runChain(others, request, response));
  } catch (error) {
    answerError(request, response, error);
  }
}

/** What the final handler of Connect and Express does with an error. */
function answerError(request: Request, response: Response, error: unknown): void {
  if (response.headersSent) return void request.socket.destroy();
  response.statusCode = 500;
  try {
    response.end(error instanceof Error ? error.message : "error");
  } catch {
    request.socket.destroy();
  }
}

function listen(server: Server | Http2Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
  );
}

function close(server: Server | Http2Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
}

const LINE = "The quick brown fox jumps over the lazy dog. ";
export const BODY: string = LINE.repeat(100);
/** More than a hold keeps in memory. */
export const LARGE_PARTS = 48;
export const LARGE_BODY: Buffer = Buffer.alloc(LARGE_PARTS * 65_536, LINE);

/** A stream of {@link LARGE_BODY} that honours back pressure. */
export function largeStream(): Readable {
  let part = 0;
  return new Readable({
    read() {
      this.push(part < LARGE_PARTS ? LARGE_BODY.subarray(part * 65_536, (part + 1) * 65_536) : null);
      part += 1;
    },
  });
}
