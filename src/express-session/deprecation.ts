import { fileURLToPath } from "node:url";

const NAMESPACE = "express-session";
/** This folder and the module beside it, as they are in a stack: by address, or by path where a bundler loaded them. */
const OWN = new URL(".", import.meta.url).href.slice(0, -1);
const OWN_PATH = fileURLToPath(OWN);

const told = new Set<string>();

/**
 * Tells that something is deprecated, once a place in the application's code, as express-session does: to the listeners of the
 * process's event `deprecation`, or else on standard error, unless `NO_DEPRECATION` or Node's own flag says otherwise.
 */
export function deprecated(message: string): void {
  const listened = process.listenerCount("deprecation") > 0;
  if (!listened && isIgnored()) return;
  const place = placeOf(new Error("stack").stack ?? "");
  const key = `${message} ${place}`;
  if (told.has(key)) return;
  told.add(key);
  if (listened) process.emit("deprecation" as never, errorOf(message) as never);
  else process.stderr.write(`${new Date().toUTCString()} ${NAMESPACE} deprecated ${message} at ${place}\n`);
}

function isIgnored(): boolean {
  if (process.noDeprecation === true) return true;
  const names = (process.env["NO_DEPRECATION"] ?? "").split(/[ ,]+/);
  return names.includes("*") || names.includes(NAMESPACE);
}

/** The first place of the stack that is not one of this folder's. */
function placeOf(stack: string): string {
  const lines = stack.split("\n").slice(1);
  const line = lines.find((each) => !each.includes(OWN) && !each.includes(OWN_PATH));
  if (line === undefined) return "an unknown place";
  const open = line.lastIndexOf("(");
  return open === -1 ? line.replace("at ", "").trim() : line.slice(open + 1, line.lastIndexOf(")"));
}

function errorOf(message: string): Error {
  const error = new Error(message);
  return Object.assign(error, { name: "DeprecationError", namespace: NAMESPACE });
}
