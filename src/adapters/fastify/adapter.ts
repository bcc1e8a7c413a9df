import type { AnySession } from "../../index.ts";
import type { NodeRequest } from "../support/node-exchange.ts";
import { plainFailure } from "../support/node-hold.ts";
import type { NodeSessions } from "../support/node-sessions.ts";
import { refuseAnother } from "../support/shown-session.ts";
import { isUnexpected } from "../support/thrown.ts";
import {
  dropAnswer,
  type FastifyReplyLike,
  type FastifyRequestLike,
  isSendable,
  isWhole,
  ReplyHeaders,
} from "./reply.ts";

/** What is used of a Fastify instance. */
export interface FastifyInstanceLike {
  readonly prefix: string;
  decorateRequest(name: string, decorator: { getter(): unknown; setter(value: unknown): void }): unknown;
  addHook(name: string, hook: (...args: never[]) => void): unknown;
}

type Done = (error?: unknown) => void;

/** What the adapter is told of an application. */
export interface FastifyAdapterOptions {
  only?(request: FastifyRequestLike): boolean;
  clientAddress?(request: FastifyRequestLike): string | undefined;
  readonly decorate?: string;
  /** Makes the error that Fastify is given of one that is the session's own. Default: the same. */
  asAnswer?(error: unknown): unknown;
}

/** The sessions of requests tied to the hooks of a Fastify instance. */
export class FastifyAdapter<S extends AnySession> {
  readonly #sessions: NodeSessions<S, NodeRequest>;
  readonly #options: FastifyAdapterOptions;
  /** Under it a reply keeps the answer that was given last, of those that wait for a commit: Fastify's own timeout may come in between. */
  readonly #latest: symbol = Symbol("holdfast.latest");

  constructor(sessions: NodeSessions<S, NodeRequest>, options: FastifyAdapterOptions) {
    this.#sessions = sessions;
    this.#options = options;
  }

  install(instance: FastifyInstanceLike): void {
    const sessions = this.#sessions;
    instance.decorateRequest(this.#options.decorate ?? "session", {
      getter(this: FastifyRequestLike) {
        return sessions.find(this.raw);
      },
      setter(this: FastifyRequestLike, value) {
        refuseAnother(sessions.find(this.raw), value);
      },
    });
    const mountPath = mountPathOf(instance.prefix);
    instance.addHook("onRequest", (request: FastifyRequestLike, reply: FastifyReplyLike, done: Done) =>
      this.#begin(request, reply, mountPath, done),
    );
    instance.addHook(
      "onError",
      (request: FastifyRequestLike, reply: FastifyReplyLike, error: unknown, done: Done) => {
        if (isFailure(error, reply)) sessions.failed(request.raw);
        done();
      },
    );
    instance.addHook(
      "onSend",
      (request: FastifyRequestLike, reply: FastifyReplyLike, payload: unknown, done: Done) =>
        this.#commit(request, reply, payload, done),
    );
  }

  #begin(request: FastifyRequestLike, reply: FastifyReplyLike, mountPath: MountPath, done: Done): void {
    const { only, clientAddress } = this.#options;
    if (!this.#sessions.takes(request.raw) || only?.(request) === false) return done();
    const begun = this.#sessions.begin(request.raw, reply.raw, {
      url: request.originalUrl,
      mountPath: typeof mountPath === "string" ? mountPath : mountPath(request.originalUrl),
      remoteAddress: clientAddress === undefined ? request.ip : clientAddress(request),
      headers: new ReplyHeaders(reply),
    });
    if (!(begun instanceof Promise)) return this.#sessions.within(begun, done);
    begun.then(
      (session) => this.#sessions.within(session, done),
      (error: unknown) => done(this.#asAnswer(error)),
    );
  }

  #commit(request: FastifyRequestLike, reply: FastifyReplyLike, payload: unknown, done: Done): void {
    const sessions = this.#sessions;
    // What is not whole is left to the hold, which commits at the first byte.
    if (!isWhole(payload)) return done();
    let work: void | Promise<void>;
    try {
      work = sessions.finish(request.raw, () => isSendable(reply));
    } catch (error) {
      return this.#refuse(reply, error, done);
    }
    if (work !== undefined) this.#wait(reply, work, done);
    else done();
  }

  #wait(reply: FastifyReplyLike, work: Promise<void>, done: Done): void {
    const latest = reply as unknown as Record<symbol, Promise<unknown>>;
    const isOvertaken = (): boolean =>
      reply.sent || reply.raw.headersSent || latest[this.#latest] !== waiting;
    const waiting = work.then(
      () => isOvertaken() || proceed(done),
      (error: unknown) => isOvertaken() || this.#refuse(reply, error, done),
    );
    latest[this.#latest] = waiting;
  }

  /** Lets Fastify's error handler answer in place of the handler whose changes could not be saved. */
  #refuse(reply: FastifyReplyLike, error: unknown, done: Done): void {
    dropAnswer(reply, plainFailure(error).status);
    // To Fastify a falsy error is none.
    done(this.#asAnswer(error) || new Error("The session could not be saved."));
  }

  #asAnswer(error: unknown): unknown {
    const { asAnswer } = this.#options;
    return asAnswer === undefined ? error : asAnswer(error);
  }
}

/** Goes on with an answer whose commit is done. */
function proceed(done: Done): void {
  try {
    done();
  } catch (error) {
    // As Fastify's own runner does for hooks that return a promise; otherwise the process would end.
    done(error);
  }
}

/** Whether an error means that the handler failed. One that bears no status has the reply's: `reply.code(404)`, then a throw. */
function isFailure(error: unknown, reply: FastifyReplyLike): boolean {
  if (!isUnexpected(error)) return false;
  if (!(error instanceof Error)) return true;
  const { statusCode } = reply;
  return "status" in error || "statusCode" in error || statusCode < 400 || statusCode >= 500;
}

type MountPath = string | ((url: string) => string);

/** Where a scope is mounted, as a client sees it: its prefix may have parameters. */
function mountPathOf(prefix: string): MountPath {
  const path = prefix.replace(/\/$/, "");
  if (!path.includes(":")) return path;
  const depth = path.split("/").length;
  return (url) =>
    url
      .replace(/[?#][^]*/, "")
      .split("/")
      .slice(0, depth)
      .join("/");
}
