import { Readable } from "node:stream";
import Koa3 from "koa";
// @ts-expect-error its types go by the other name
import Koa2 from "koa2";

import { koaSessions } from "../../../src/adapters/koa.ts";
import type { Session } from "../../../src/index.ts";
import type { AdapterSubject, Answer, Application, RouteContext } from "../../../src/testing/index.ts";
import { contextOf, listening, NODE_ABILITIES, NODE_WAYS, onlyOf, pathOf, statusOf } from "./node-subject.ts";

/** The lowest version that is supported, and the newest. */
export const KOAS: Readonly<Record<string, typeof Koa3>> = {
  "Koa 2.16": Koa2 as typeof Koa3,
  "Koa 3": Koa3,
};

type Way = (ctx: Koa3.Context, text: string) => unknown;

const WAYS: Readonly<Record<string, Way>> = {
  "a text": (ctx, text) => (ctx.body = text),
  "a buffer": (ctx, text) => (ctx.body = Buffer.from(text)),
  "an object": (ctx, text) => (ctx.body = { text }),
  "a stream": (ctx, text) => (ctx.body = Readable.from([...text])),
  "no body": (ctx) => {
    ctx.status = 200;
    ctx.body = null;
  },
  "a stream that was replaced": (ctx, text) => {
    ctx.body = Readable.from(["another"]);
    ctx.body = text;
  },
};

/** What came with version 3. */
const NEW_WAYS: Readonly<Record<string, Way>> = {
  "a blob": (ctx, text) => (ctx.body = new Blob([text])),
  "a web stream": (ctx, text) => (ctx.body = new Blob([text]).stream()),
  "a Response": (ctx, text) => (ctx.body = new Response(text)),
};

/** Ways that go past Koa, which is told so. */
const PAST = new Map(NODE_WAYS.map((way) => [`past Koa, ${way}`, way]));

/**
 * Koa as the contract takes it, with what a thrown error is answered by: error middleware of the application's own, or
 * Koa's `ctx.onerror`, which removes every header.
 */
export function koaSubject(version: string, answerer: "own" | "Koa"): AdapterSubject {
  const Koa = KOAS[version] ?? Koa3;
  const ways = version === "Koa 3" ? { ...WAYS, ...NEW_WAYS } : WAYS;
  return {
    name: `${version}, errors answered by ${answerer === "Koa" ? "Koa" : "the application"}`,
    ways: [...Object.keys(ways), ...PAST.keys()],
    abilities: { ...NODE_ABILITIES, "thrown answers": "Koa has no answer that could be thrown" },
    start: (application) => listening(koaApplication(new Koa(), application, answerer).callback()),
  };
}

function koaApplication(app: Koa3, application: Application, answerer: "own" | "Koa"): Koa3 {
  const { manager, second, routes } = application;
  const first = koaSessions<Session>(manager, onlyOf(application));
  const other = second === undefined ? null : koaSessions<Session>(second, onlyOf(application));
  app.on("error", () => undefined);
  app.use(answerer === "Koa" ? translateErrors : answerErrors);
  app.use(first);
  if (other !== null) app.use(other);
  app.use(async (ctx, next) => {
    const route = routes[pathOf(ctx)];
    if (route === undefined) return await next();
    const of = (which: "first" | "second" = "first"): Session =>
      (which === "second" ? (other ?? first) : first).of(ctx);
    await route(koaContextOf(ctx, other === null ? (ctx["session"] as Session) : of(), of));
  });
  return app;
}

const answerErrors: Koa3.Middleware = async (ctx, next) => {
  try {
    await next();
  } catch (error) {
    ctx.status = statusOf(error);
    ctx.body = "Something went wrong.";
  }
};

/** Koa takes the status from the error alone, and never answers where nothing was thrown: `throw undefined`. */
const translateErrors: Koa3.Middleware = async (_ctx, next) => {
  try {
    await next();
  } catch (error) {
    throw Object.assign(new Error("Something went wrong."), { status: statusOf(error) });
  }
};

function koaContextOf(ctx: Koa3.Context, session: Session, of: RouteContext["of"]): RouteContext {
  const redirect = (location: string): void => ctx.redirect(location);
  const past = contextOf(ctx.req, ctx.res, { session, of, redirect });
  return {
    ...past,
    send(answer) {
      setHead(ctx, answer);
      if (answer.body !== undefined) ctx.body = answer.body;
      else if (ctx.status !== 204 && ctx.status !== 304) ctx.body = "";
    },
    stream(answer, pieces) {
      setHead(ctx, answer);
      const source = Readable.from(pieces);
      // Koa 2 would leave the client waiting for the rest.
      source.once("error", () => ctx.res.headersSent && ctx.res.destroy());
      ctx.body = source;
    },
    throwAnswer() {
      throw new Error("Koa has no answer that could be thrown.");
    },
    answerBy(way, text) {
      const native = PAST.get(way);
      if (native === undefined) return (WAYS[way] ?? NEW_WAYS[way])?.(ctx, text);
      ctx.respond = false;
      ctx.res.statusCode = 200;
      return past.answerBy(native, text);
    },
  };
}

function setHead(ctx: Koa3.Context, { status = 200, headers = [] }: Answer): void {
  ctx.status = status;
  for (const [name, value] of headers) ctx.append(name, value);
}
