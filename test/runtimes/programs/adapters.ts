// Tries adapters on the runtime that runs this.
import { expressSubjects } from "../../adapters/support/express-subject.ts";
import { bridgedSubject, fetchApplication } from "../../adapters/support/fetch-subject.ts";
import {
  honoApplication,
  type HonoVersion,
  NEWEST,
  OLDEST,
  servedSubject,
} from "../../adapters/support/hono-subject.ts";
import { nodeSubject } from "../../adapters/support/plain-node-subject.ts";
import type { AdapterSubject } from "../../../src/testing/index.ts";
import { atRest } from "../../support/at-rest.ts";
import { type Handle, ownServer } from "./support/servers.ts";
import { tryAdapters } from "./support/trial.ts";

type Application = Parameters<AdapterSubject["start"]>[0];

const [express4, express5] = expressSubjects() as [AdapterSubject, AdapterSubject];
const server = ownServer();

/** The subject behind the runtime's own server. Node has none for `Request` and `Response`: there a bridge stays as it is. */
function served(subject: AdapterSubject, handleOf: (application: Application) => Handle): AdapterSubject {
  if (server === undefined) return subject;
  return { ...subject, start: (application) => server(handleOf(application)) };
}

function hono(version: HonoVersion): AdapterSubject {
  return served(servedSubject(version), (application) => {
    const app = honoApplication(version, application);
    return async (request) => await app.fetch(request);
  });
}

await tryAdapters({
  fetch: () => served(bridgedSubject(), (application) => fetchApplication(application)),
  "fetch, sealed": () => ({
    ...served(bridgedSubject(), (application) => fetchApplication(application)),
    name: "fetch, sealed and peppered",
    atRest: atRest("a", "b"),
  }),
  "hono, newest": () => hono(NEWEST),
  "hono, oldest": () => hono(OLDEST),
  node: () => nodeSubject,
  "express 4": () => express4,
  "express 5": () => express5,
});
