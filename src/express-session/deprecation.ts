import { fileURLToPath } from "node:url";

const NAMESPACE = "express-session";
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
  const own = ownPlaces();
  const line = lines.find((each) => !own.some((place) => each.includes(place)));
  if (line === undefined) return "an unknown place";
  const open = line.lastIndexOf("(");
  return open === -1 ? line.replace("at ", "").trim() : line.slice(open + 1, line.lastIndexOf(")"));
}

function errorOf(message: string): Error {
  const error = new Error(message);
  return Object.assign(error, { name: "DeprecationError", namespace: NAMESPACE });
}

/** This folder and the module beside it, as they are in a stack: by address, or by path where a bundler loaded them. None where all is one file. */
function ownPlaces(): string[] {
  const address: string | undefined = import.meta.url;
  if (!address?.startsWith("file:")) return [];
  const folder = new URL(".", address).href.slice(0, -1);
  return [folder, fileURLToPath(folder)];
}
