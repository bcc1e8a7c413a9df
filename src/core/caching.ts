/** What is needed of a response's headers, names in lower case. */
export interface CachingHeaders {
  responseHeader(name: string): string | undefined;
  setResponseHeader(name: string, value: string): void;
}

/**
 * Headers by which an application speaks to caches past Cache-Control, and what tells each of them to store nothing. Where one is there,
 * the caches that know it look at nothing else (RFC 9213, section 2.1), so that a `no-store` beside it keeps them from nothing.
 */
const TARGETED: readonly (readonly [string, string])[] = [
  ["cdn-cache-control", "no-store"],
  ["cloudflare-cdn-cache-control", "no-store"],
  ["netlify-cdn-cache-control", "no-store"],
  ["vercel-cdn-cache-control", "no-store"],
  ["surrogate-control", "no-store"],
  ["edge-control", "no-store"],
  ["x-accel-expires", "0"],
];

/** Keeps every cache from storing a response. */
export function forbidStoring(headers: CachingHeaders): void {
  headers.setResponseHeader("cache-control", "no-store");
  silenceTargeted(headers);
}

/**
 * Keeps shared caches from storing a response, and lets the rest of what the application said of it stand. A response that says nothing of
 * the kind is left so.
 */
export function keepPrivate(headers: CachingHeaders): void {
  silenceTargeted(headers);
  const control = headers.responseHeader("cache-control");
  if (control === undefined) return;
  const directives = directivesOf(control);
  if (directives.some((directive) => /^(?:private|no-store)$/i.test(directive)) && !isShared(directives))
    return;
  // `private` with names of fields speaks of those alone, and lets the rest be stored (RFC 9111, section 5.2.2.7).
  const kept = directives.filter(
    (directive) => !SHARED.test(directive) && !/^private(?:=|$)/i.test(directive),
  );
  const closed = kept.some((directive) => /^no-store$/i.test(directive));
  headers.setResponseHeader("cache-control", (closed ? kept : ["private", ...kept]).join(", "));
}

/** Directives that open a response to shared caches. */
const SHARED = /^(?:public$|public=|s-maxage(?:\s*=|$))/i;

function isShared(directives: readonly string[]): boolean {
  return directives.some((directive) => SHARED.test(directive));
}

/** The directives of a Cache-Control, commas inside quotes left alone. */
function directivesOf(control: string): string[] {
  const found = control.match(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g) ?? [];
  return found.map((directive) => directive.trim()).filter((directive) => directive !== "");
}

function silenceTargeted(headers: CachingHeaders): void {
  for (const target of TARGETED)
    if (headers.responseHeader(target[0]) !== undefined) headers.setResponseHeader(target[0], target[1]);
}
