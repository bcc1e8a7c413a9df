import { nodeSessions } from "../../../src/adapters/node.ts";
import type { Session, SessionManager } from "../../../src/index.ts";
import type { AdapterSubject, Application } from "../../../src/testing/index.ts";
import { contextOf, listening, NODE_ABILITIES, NODE_WAYS, onlyOf, pathOf, statusOf } from "./node-subject.ts";

/** The adapter for plain `node:http`. */
export const nodeSubject: AdapterSubject = {
  name: "node",
  ways: NODE_WAYS,
  abilities: NODE_ABILITIES,
  start: (application) => listening(nodeApplication(application)),
};

/** The second manager's adapter is the outer one: it wraps what the first made. */
function nodeApplication(application: Application): Parameters<typeof listening>[0] {
  const { manager, second, routes } = application;
  const first = adapterFor(manager, application);
  const outer = second === undefined ? null : adapterFor(second, application);
  const handler = first.wrap(async (request, response, session) => {
    const route = routes[pathOf(request)];
    if (route === undefined) {
      response.statusCode = 404;
      response.end("no such route");
      return;
    }
    const of = (which: "first" | "second" = "first"): Session =>
      (which === "second" ? outer : first)?.of(request) ?? session;
    const redirect = (location: string): void => void response.writeHead(302, { Location: location }).end();
    await route(contextOf(request, response, { session, of, redirect }));
  });
  return outer?.wrap((request, response) => handler(request, response)) ?? handler;
}

function adapterFor(
  manager: SessionManager,
  application: Application,
): ReturnType<typeof nodeSessions<Session>> {
  return nodeSessions<Session>(manager, {
    ...onlyOf(application),
    onError: () => undefined,
    renderFailure: (error) => ({
      status: statusOf(error),
      headers: { "Content-Type": "text/plain" },
      body: "Something went wrong.",
    }),
  });
}
