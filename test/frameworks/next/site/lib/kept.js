import { SessionManager } from "holdfast";
import { nextSessions } from "holdfast/adapters/next";
import { directoryStore } from "holdfast/stores/directory";

// As an application keeps it: Next loads this module for pages, for routes and for the proxy, and anew after a change.
export const manager = (globalThis.holdfastTestKept ??= make());

function make() {
  globalThis.holdfastTestMade = (globalThis.holdfastTestMade ?? 0) + 1;
  return new SessionManager({ store: directoryStore(process.env.FOLDER ?? ".sessions"), context: true });
}

export const sessions = nextSessions(manager);
