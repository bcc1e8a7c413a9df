import { SessionError } from "../core/errors.ts";

/** A URL of a store, taken apart. Unlike other URLs it may name several hosts. */
export interface StoreAddress {
  readonly scheme: string;
  /** What follows the scheme's colon; what a file's URL is all about. */
  readonly rest: string;
  readonly hosts: readonly Host[];
  /** Without the slash at its beginning. */
  readonly path: string;
  readonly username: string;
  readonly password: string;
  readonly parameters: URLSearchParams;
  /** The same URL without the parameters of those names, as a driver wants it. */
  without(...names: string[]): string;
}

interface Host {
  readonly host: string;
  readonly port: number | undefined;
}

const HOSTS = /^([a-z+]+:\/\/(?:[^@/?#]*@)?)([^/?#]*)([^]*)/i;

/** Takes a URL apart. Throws `ERR_SESSION_CONFIG` when it is none; the message does not hold it. */
export function storeAddress(url: string): StoreAddress {
  const scheme = /^([a-z+]+):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) throw notAnAddress();
  const rest = url.slice(scheme.length + 1);
  const parts = HOSTS.exec(url);
  if (parts === null) {
    return { ...NOWHERE, scheme, rest, parameters: new URLSearchParams(), without: () => url };
  }
  const [, head = "", hosts = "", tail = ""] = parts;
  const parsed = parsedUrl(`${head}${hosts.split(",")[0] ?? ""}${tail}`);
  return {
    scheme,
    rest,
    hosts: hosts.split(",").filter(Boolean).map(hostOf),
    path: decoded(parsed.pathname.slice(1)),
    username: decoded(parsed.username),
    password: decoded(parsed.password),
    parameters: parsed.searchParams,
    without(...names) {
      const copy = new URL(parsed);
      for (const name of names) copy.searchParams.delete(name);
      return copy.href;
    },
  };
}

const NOWHERE = { hosts: [], path: "", username: "", password: "" };

export function unknownScheme(known: readonly string[]): SessionError {
  return new SessionError(
    "ERR_SESSION_CONFIG",
    `A store's URL begins with one of ${known.map((scheme) => `${scheme}:`).join(", ")}.`,
  );
}

function notAnAddress(): SessionError {
  return new SessionError(
    "ERR_SESSION_CONFIG",
    'This is not the URL of a store. Write one such as "redis://localhost:6379" or "file:sessions.db".',
  );
}

function parsedUrl(url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw notAnAddress();
  }
}

function hostOf(text: string): Host {
  const { hostname, port } = parsedUrl(`holdfast://${text}`);
  // An IPv6 address stands in brackets in a URL, and without them in a socket's address.
  return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? undefined : Number(port) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw notAnAddress();
  }
}
