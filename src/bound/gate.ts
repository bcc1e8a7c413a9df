import { cookieValues, type HttpExchange } from "../index.ts";
import type { ResolvedBound } from "./options.ts";
import { isSecret } from "./secrets.ts";
import type { Binding, Kept } from "./state.ts";

/** What the gate says of a request: nothing to guard, the cookie is there, or why it is not believed. */
export type Verdict = "unbound" | "good" | "early" | "missing" | "wrong" | "corrupt";

/** Judges a request by what is kept with its session and the values of its bound cookie. Pure. */
export function judge(kept: Kept, values: readonly string[], now: number, graceMs: number): Verdict {
  if (kept.kind === "corrupt") return "corrupt";
  if (kept.kind !== "binding") return "unbound";
  const { binding } = kept;
  // Several values come of a cookie that somebody planted on another path or domain: one that is good is enough.
  if (values.slice(0, MAX_VALUES).some((value) => isGood(value, binding, now))) return "good";
  if (now < binding.registeredAt + graceMs) return "early";
  return values.length === 0 ? "missing" : "wrong";
}

const MAX_VALUES = 8;

function isGood(value: string, { cookie, previous }: Binding, now: number): boolean {
  return [cookie, previous].some((one) => one !== null && now < one.until && isSecret(value, one.hash));
}

export function boundValues(exchange: HttpExchange, { cookie }: ResolvedBound): readonly string[] {
  return cookieValues(exchange.cookieLines, cookie.name);
}

/** The path of a request as it came, without its query. */
export function pathOf(url: string): string {
  return url.split("?")[0] ?? "";
}

/**
 * Tells whether browsers send a request without waiting for a fresh cookie. A path that a server might take for another than the browser
 * does is not excluded: `/assets/../account` is none of the assets.
 */
export function isExcluded(
  { method, url }: Pick<HttpExchange, "method" | "url">,
  { exclude }: ResolvedBound,
): boolean {
  if (exclude.length === 0 || (method !== "GET" && method !== "HEAD")) return false;
  const path = pathOf(url);
  if (!isPlain(path)) return false;
  return exclude.some((one) => one.domain === "*" && (path === one.path || path.startsWith(`${one.path}/`)));
}

function isPlain(path: string): boolean {
  if (!path.startsWith("/") || path.includes("\\") || /%(2e|2f|5c|25|00)/i.test(path)) return false;
  const segments = path.slice(1).split("/");
  return segments.every((segment, index) =>
    segment === "" ? index === segments.length - 1 : !/^\.+$/.test(segment),
  );
}
