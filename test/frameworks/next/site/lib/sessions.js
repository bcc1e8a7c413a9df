import { NullSessionManager } from "holdfast";
import { nextSessions } from "holdfast/adapters/next";

/** What the test serves now. It is in the same process, and no module of the built application is the test's. */
export function application() {
  return globalThis[Symbol.for("holdfast.test.application")] ?? BUILDING;
}

const BUILDING = { manager: new NullSessionManager() };

const made = new WeakMap();

function adapterOf(manager, options) {
  if (!made.has(manager)) made.set(manager, nextSessions(manager, options));
  return made.get(manager);
}

/** The sessions of the first manager. */
export function sessions() {
  const { manager, options = {}, only } = application();
  return adapterOf(manager, {
    ...options,
    ...(only !== undefined && { only: (request) => only(new URL(request.url).pathname) }),
  });
}

/** The sessions of the second manager, if there is one. */
export function others() {
  const { second } = application();
  return second === undefined ? null : adapterOf(second);
}
