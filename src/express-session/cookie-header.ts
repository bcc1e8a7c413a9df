/** What a `Set-Cookie` line says of its cookie besides name and value. Unlike the core's own, it takes whatever applications of express-session give it. */
export interface CookieAttributes {
  readonly domain?: unknown;
  readonly path?: unknown;
  readonly expires?: unknown;
  readonly httpOnly?: unknown;
  readonly secure?: unknown;
  readonly partitioned?: unknown;
  readonly priority?: unknown;
  readonly sameSite?: unknown;
}

const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;
const PATH = /^[\x20-\x3a\x3d-\x7e]*$/;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

const PRIORITIES: Readonly<Record<string, string>> = { low: "Low", medium: "Medium", high: "High" };
const SAME_SITES: Readonly<Record<string, string>> = { lax: "Lax", strict: "Strict", none: "None" };

/**
 * The first value of that name in a `Cookie` header, decoded; `undefined` where there is none. One that is wrongly encoded is given as it came.
 */
export function readCookie(header: string, name: string): string | undefined {
  for (let start = 0; start < header.length;) {
    const semicolon = header.indexOf(";", start);
    const end = semicolon === -1 ? header.length : semicolon;
    const equals = header.indexOf("=", start);
    if (equals === -1) return undefined;
    if (equals < end && trimmed(header.slice(start, equals)) === name)
      return decoded(trimmed(header.slice(equals + 1, end)));
    start = end + 1;
  }
  return undefined;
}

/** Without blanks and tabs around it. Other spaces are of the value. */
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function decoded(text: string): string {
  const value = text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/**
 * Writes a `Set-Cookie` line.
 *
 * @throws TypeError for a name, a value or an attribute that no cookie can have; it names which.
 */
export function writeCookie(name: string, value: string, attributes: CookieAttributes): string {
  if (!NAME.test(name)) throw new TypeError("argument name is invalid");
  let line = `${name}=${encoded(value)}`;
  if (attributes.domain) line += `; Domain=${domainOf(attributes.domain)}`;
  if (attributes.path) line += `; Path=${pathOf(attributes.path)}`;
  if (attributes.expires) line += `; Expires=${timeOf(attributes.expires)}`;
  if (attributes.httpOnly) line += "; HttpOnly";
  if (attributes.secure) line += "; Secure";
  if (attributes.partitioned) line += "; Partitioned";
  if (attributes.priority) line += `; Priority=${oneOf(PRIORITIES, attributes.priority, "priority")}`;
  if (attributes.sameSite) line += `; SameSite=${sameSiteOf(attributes.sameSite)}`;
  return line;
}

function encoded(value: string): string {
  const text = encodeURIComponent(value);
  if (!VALUE.test(text)) throw new TypeError("argument val is invalid");
  return text;
}

function domainOf(domain: unknown): string {
  const name = String(domain);
  const labels = (name.startsWith(".") ? name.slice(1) : name).split(".");
  if (!labels.every((label) => LABEL.test(label))) throw refused("domain");
  return name;
}

function pathOf(path: unknown): string {
  if (!PATH.test(String(path))) throw refused("path");
  return String(path);
}

function timeOf(time: unknown): string {
  if (!(time instanceof Date) || Number.isNaN(time.valueOf())) throw refused("expires");
  return time.toUTCString();
}

function sameSiteOf(given: unknown): string {
  return given === true ? "Strict" : oneOf(SAME_SITES, given, "sameSite");
}

function oneOf(values: Readonly<Record<string, string>>, given: unknown, option: string): string {
  const name = typeof given === "string" ? given.toLowerCase() : "";
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined) throw refused(option);
  return value;
}

function refused(option: string): TypeError {
  return new TypeError(`option ${option} is invalid`);
}
