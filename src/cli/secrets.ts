import { storeAddress } from "../open-store/address.ts";
import { refuseUsage } from "./exit.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the tools of each engine look for a password, too. */
const VARIABLES: Readonly<Record<string, string>> = {
  redis: "REDISCLI_AUTH",
  rediss: "REDISCLI_AUTH",
  "redis+cluster": "REDISCLI_AUTH",
  "rediss+cluster": "REDISCLI_AUTH",
  "redis+sentinel": "REDISCLI_AUTH",
  postgres: "PGPASSWORD",
  postgresql: "PGPASSWORD",
  mysql: "MYSQL_PWD",
  mariadb: "MYSQL_PWD",
};

const SECRET_PARAMETER = /pass|pwd|secret|token/i;

/** Variables that hold the URL of a store, whose password is not to be printed either. */
const URLS = ["HOLDFAST_STORE", "HOLDFAST_FROM", "HOLDFAST_TO"];

/**
 * Refuses a URL of the command line that holds a password: every user of the machine can read it in the list of processes, and
 * the shell keeps it in its history.
 */
export function refusePassword(url: string, variable: string): void {
  const { scheme, password, parameters } = storeAddress(url);
  if (password === "" && ![...parameters.keys()].some((name) => SECRET_PARAMETER.test(name))) return;
  const own = VARIABLES[scheme];
  refuseUsage(
    `The URL on the command line holds a password, which every user of this machine can read there. Put the whole URL into the environment variable ${variable}${own === undefined ? "" : `, or the password alone into ${own}`}, and change the password if others may have seen it.`,
  );
}

/** The URL with the password that the environment has for its engine, where it has none itself. */
export function withPassword(url: string, environment: Environment): string {
  const { scheme, password, username } = storeAddress(url);
  // The drivers of PostgreSQL look there by themselves.
  const variable = scheme.startsWith("postgres") ? undefined : VARIABLES[scheme];
  const found = variable === undefined ? undefined : environment[variable];
  if (found === undefined || found === "" || password !== "") return url;
  const login = `${encodeURIComponent(username)}:${encodeURIComponent(found)}@`;
  return url.replace(/^([a-z+]+:\/\/)(?:[^@/?#]*@)?/i, (_all, scheme: string) => `${scheme}${login}`);
}

/** The URL as it may be printed. */
export function shownUrl(url: string): string {
  const [place = "", ...query] = withoutPasswords(url, "").split("?");
  if (query.length === 0) return place;
  const parameters = query
    .join("?")
    .split("&")
    .map((pair) => {
      const [name = ""] = pair.split("=", 1);
      return SECRET_PARAMETER.test(name) ? `${name}=…` : pair;
    });
  return `${place}?${parameters.join("&")}`;
}

/** Takes the password out of every URL in a text: what stands between a user and the last `@` before the path. */
function withoutPasswords(text: string, instead: string): string {
  const [first = "", ...rest] = text.split("://");
  return [first, ...rest.map((part) => withoutLogin(part, instead))].join("://");
}

function withoutLogin(part: string, instead: string): string {
  const end = part.search(/[/?#\s]/);
  const authority = end === -1 ? part : part.slice(0, end);
  // A password that was written as it is may hold one.
  const at = authority.lastIndexOf("@");
  const colon = authority.indexOf(":");
  if (at === -1 || colon === -1 || colon > at) return part;
  const login = `${authority.slice(0, colon)}${instead}`;
  return `${login}${login === "" ? "" : "@"}${part.slice(at + 1)}`;
}

/** Takes the passwords of the environment, and those of URLs, out of a text: what drivers put into their messages is their own affair. */
export function withoutSecrets(text: string, environment: Environment): string {
  const urls = URLS.flatMap((name) => passwordsIn(environment[name] ?? ""));
  const own = [...new Set(Object.values(VARIABLES))].map((name) => environment[name] ?? "");
  return [...urls, ...own]
    .filter((secret) => secret.length > 2)
    .reduce((cleaned, secret) => cleaned.replaceAll(secret, "…"), withoutPasswords(text, ":…"));
}

/** As they stand in the URL, and as they are meant. */
function passwordsIn(url: string): string[] {
  const [, written] = /^[a-z+]+:\/\/[^:@/?#]*:([^/?#]*)@/i.exec(url) ?? [];
  if (written === undefined) return [];
  try {
    return [written, decodeURIComponent(written)];
  } catch {
    return [written];
  }
}
