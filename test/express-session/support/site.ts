import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import express5 from "express";
import express4 from "express4";
import { onTestFinished } from "vitest";
import { localCertificate } from "../../browser/support/certificate.ts";
import { type Answer, type Ask, send } from "./client.ts";
import type { Done, Middleware, Options, Request, Response, SessionModule } from "./types.ts";

export type Handler = (req: Request, res: Response, next: Done) => unknown;

/** A server of one case, and what came to it. */
export interface Site {
  readonly origin: string;
  readonly server: Server;
  /** What the middleware handed on as an error, in order. */
  readonly errors: Error[];
  get(path?: string, ask?: Ask): Promise<Answer>;
  post(path?: string, ask?: Ask): Promise<Answer>;
}

export interface Setting {
  /** Goes before the session middleware. */
  readonly before?: (req: Request, res: Response) => void;
  readonly secure?: boolean;
}

export const SECRET = "keyboard cat";

/** Silent options: none of them is left to a default that is deprecated. */
export function quiet(options: Options = {}): Options {
  return { secret: SECRET, resave: false, saveUninitialized: false, ...options };
}

/**
 * A plain server: the middleware, then the handler. An error answers 500 with its message while nothing was sent yet, as an
 * error handler of an application does; afterwards it is only noted.
 */
export function serve(
  session: SessionModule,
  options: Options,
  handler: Handler = (_req, res) => res.end(),
  setting: Setting = {},
): Promise<Site> {
  return serveMiddleware(session(quiet(options)), handler, setting);
}

export function serveMiddleware(
  middleware: Middleware,
  handler: Handler,
  { before, secure = false }: Setting = {},
): Promise<Site> {
  const errors: Error[] = [];
  const listener = (req: Request, res: Response): void => {
    const failed = (error: unknown): void => {
      errors.push(error as Error);
      if (res.headersSent || res.writableEnded) return;
      res.statusCode = 500;
      res.end((error as Error).message);
    };
    const next: Done = (error) => {
      if (error) return failed(error);
      void attempt(() => handler(req, res, next), failed);
    };
    before?.(req, res);
    // What it throws goes where Express would bring it.
    void attempt(() => middleware(req, res, next), failed);
  };
  return listen(listener as unknown as RequestListener, secure, errors);
}

/** An Express application of each version that is supported, by its name. */
export const EXPRESSES: readonly [string, () => App][] = [
  ["Express 4", express4 as unknown as () => App],
  ["Express 5", express5 as unknown as () => App],
];

/** As much of Express as the cases use, with requests that have a session. */
export interface App {
  (req: Request, res: Response): void;
  use(...parts: readonly unknown[]): App;
  get(path: string, ...handlers: readonly ExpressHandler[]): App;
  post(path: string, ...handlers: readonly ExpressHandler[]): App;
  set(name: string, value: unknown): App;
}

export interface ExpressRequest extends Request {
  readonly body: Record<string, string>;
  readonly ip: string;
}

export interface ExpressResponse extends Response {
  readonly locals: Record<string, unknown>;
  send(body: unknown): void;
  json(body: unknown): void;
  redirect(to: string): void;
  sendStatus(status: number): void;
  sendFile(path: string, options: { root: string }): void;
  status(status: number): ExpressResponse;
  cookie(name: string, value: string, options?: object): ExpressResponse;
  clearCookie(name: string, options?: object): ExpressResponse;
}

export type ExpressHandler = (req: ExpressRequest, res: ExpressResponse, next: Done) => unknown;

/** Serves an application to whose end an error handler is put that answers as the plain server does. */
export function serveApp(app: App, secure = false): Promise<Site> {
  const errors: Error[] = [];
  app.use((error: Error & { status?: number }, _req: Request, res: ExpressResponse, _next: Done) => {
    errors.push(error);
    if (res.headersSent || res.writableEnded) return;
    // As Express itself: a status that somebody has set already counts where the error has none.
    const status = error.status ?? (res.statusCode < 400 ? 500 : res.statusCode);
    res.status(status).send(error.message);
  });
  return listen(app as unknown as RequestListener, secure, errors);
}

async function attempt(act: () => unknown, failed: Done): Promise<void> {
  try {
    await act();
  } catch (error) {
    failed(error);
  }
}

async function listen(listener: RequestListener, secure: boolean, errors: Error[]): Promise<Site> {
  const server = secure ? createSecureServer(localCertificate(), listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const origin = `${secure ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    server: server as Server,
    errors,
    get: (path = "/", ask = {}) => send(origin, path, ask),
    post: (path = "/", ask = {}) => send(origin, path, { method: "POST", ...ask }),
  };
}
