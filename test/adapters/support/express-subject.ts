import express5 from "express";
import express4 from "express4";

import { expressSessions } from "../../../src/adapters/express.ts";
import type { Session } from "../../../src/index.ts";
import type { AdapterSubject, Application } from "../../../src/testing/index.ts";
import { contextOf, listening, NODE_ABILITIES, NODE_WAYS, onlyOf, pathOf, statusOf } from "./node-subject.ts";

type Express = () => express5.Express;

const versions: Readonly<Record<string, Express>> = {
  "Express 4": express4 as unknown as Express,
  "Express 5": express5,
};

/** The adapter in both versions of Express. */
export function expressSubjects(): AdapterSubject[] {
  return Object.entries(versions).map(([name, express]) => subjectOf(name, express));
}

function subjectOf(name: string, express: Express): AdapterSubject {
  return {
    name,
    ways: NODE_WAYS,
    abilities: NODE_ABILITIES,
    start: (application) => listening(expressApplication(express, application)),
  };
}

function expressApplication(express: Express, application: Application): express5.Express {
  const { manager, second, routes } = application;
  const first = expressSessions<Session>(manager, onlyOf(application));
  const other = second === undefined ? null : expressSessions<Session>(second, onlyOf(application));
  const app = express();
  app.use(first);
  if (other !== null) app.use(other);
  app.use((request, response, next) => {
    const route = routes[pathOf(request)];
    if (route === undefined) return next();
    const of = (which: "first" | "second" = "first"): Session =>
      (which === "second" ? (other ?? first) : first).of(request);
    const session = (request as unknown as { session: Session }).session;
    const redirect = (location: string): void => response.redirect(location);
    // Express 4 does not see what an asynchronous handler rejects with, and a falsy value means "no error" to both.
    answer().catch((error: unknown) => next(error || new Error("Rejected promise")));

    async function answer(): Promise<void> {
      await route?.(contextOf(request, response, { session: other === null ? session : of(), of, redirect }));
    }
  });
  app.use(first.failed);
  if (other !== null) app.use(other.failed);
  app.use(((error, _request, response, next) => {
    if (response.headersSent) return next(error);
    response.status(statusOf(error)).send("Something went wrong.");
  }) satisfies express5.ErrorRequestHandler);
  return app;
}
