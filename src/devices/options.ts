import { type Duration, type FreshnessDemand, NullSessionManager, SessionError } from "../index.ts";
import type { DeviceManager, ListOptions } from "./list.ts";

/** Pages that the answers to HTML forms lead to: paths of this site, such as `"/account/devices"`. */
export interface DevicePages {
  /** The page with the list and its forms. */
  readonly devices: string;
  /** Where to authenticate again before a device is ended. Default: a line of text with status 401. */
  readonly reauthenticate?: string;
  /** Where to log in, also after the current device was ended. Default: the page with the list. */
  readonly login?: string;
}

export interface DevicesOptions extends ListOptions {
  /** What must hold of the last authentication before a device may be ended (ASVS 7.5.2). Default `"15m"`. */
  readonly freshness?: Duration | FreshnessDemand;
  /** Where forms lead. Without it a form is answered as any other client is, in JSON. */
  readonly pages?: DevicePages;
}

export interface ResolvedPages {
  readonly devices: string;
  readonly login: string;
  readonly reauthenticate: string | null;
}

/** {@link DevicesOptions} with every default filled in. */
export interface DeviceRules extends ListOptions {
  readonly freshness: Duration | FreshnessDemand;
  readonly pages: ResolvedPages | null;
}

const NAMES = ["freshness", "parseUserAgent", "pages"];
const PAGES = ["devices", "reauthenticate", "login"];
const MANAGER = ["sessionsOf", "revoke", "revokeUser", "describePolicy"] as const;

/** @throws `ERR_SESSION_CONFIG` for what cannot work, naming the mend. */
export function resolveDevices(manager: DeviceManager, options: DevicesOptions): DeviceRules {
  if (!MANAGER.every((name) => typeof (manager as Partial<DeviceManager> | null)?.[name] === "function"))
    refuse("The first argument of devices must be a SessionManager.");
  checkNames(options, NAMES, "devices");
  const { freshness = "15m", parseUserAgent, pages } = options;
  // Bowser itself is a class: it can be given and cannot be called.
  if (parseUserAgent !== undefined && (typeof parseUserAgent !== "function" || "parse" in parseUserAgent))
    refuse("parseUserAgent must be a function of a text, such as bowserParser(Bowser).");
  checkStore(manager);
  checkFreshness(freshness);
  return {
    freshness,
    ...(parseUserAgent !== undefined && { parseUserAgent }),
    pages: pages === undefined ? null : resolvePages(pages),
  };
}

function resolvePages(pages: DevicePages): ResolvedPages {
  checkNames(pages, PAGES, "pages");
  for (const [name, path] of Object.entries(pages)) {
    if (path === undefined || isPath(path)) continue;
    refuse(`pages.${name} must be a path of this site, such as "/account/devices".`);
  }
  if (pages.devices === undefined)
    refuse("pages.devices is missing: the page with the list, where forms lead back to.");
  const { devices, login = devices, reauthenticate } = pages;
  return { devices, login, reauthenticate: reauthenticate ?? null };
}

/** A path alone: no answer of these may lead a browser to another site. */
function isPath(path: unknown): boolean {
  return typeof path === "string" && /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(path);
}

function checkStore(manager: DeviceManager): void {
  const { abilities } = manager.describePolicy().store;
  if (abilities.includes("listByLabel") && abilities.includes("deleteByLabel")) return;
  refuse("The store of this manager has no index of users. Choose one with listByLabel and deleteByLabel.");
}

/** Tries the demand on a session that nobody is logged in to: it refuses one that is none for another reason than any other. */
function checkFreshness(freshness: Duration | FreshnessDemand): void {
  try {
    new NullSessionManager().newSession().requireFresh(freshness);
  } catch (error) {
    if (!SessionError.is(error) || error.code !== "ERR_SESSION_USE") return;
    refuse(`freshness cannot be demanded: ${error.message}`);
  }
}

function checkNames(options: unknown, known: readonly string[], of: string): void {
  if (typeof options !== "object" || options === null) refuse(`${of} must be an object.`);
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) refuse(`${of} has no option "${name}". The options are ${known.join(", ")}.`);
  }
}

function refuse(message: string): never {
  throw new SessionError("ERR_SESSION_CONFIG", message);
}
