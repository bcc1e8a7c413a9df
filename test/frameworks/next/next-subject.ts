import type { AdapterSubject } from "../../../src/testing/index.ts";
import type { Site } from "./next-rig.ts";

/** The adapter's route handlers, in a built application of Next's behind a server of `node:http`. */
export function routeSubject(site: Site): AdapterSubject {
  return {
    name: `next ${site.version}, route handlers`,
    ways: ["NextResponse.json", "the result of fetch()", "a clone", "a Blob", "a pipe"],
    // The first four for its own clients, the last for its compression.
    varies: [
      "rsc",
      "next-router-state-tree",
      "next-router-prefetch",
      "next-router-segment-prefetch",
      "accept-encoding",
    ],
    abilities: {
      sockets: true,
      "late changes": "a Response is complete when it is returned; verbs throw ERR_SESSION_SENT afterwards",
      "thrown answers": true,
      "thrown errors": true,
      only: true,
      "two managers": true,
      streams: true,
    },
    start: (application) => site.start(application),
  };
}
