/**
 * What a client would send for cookies after an answer that sets one: the line of its Cookie header with the new cookie in
 * the place of any of its name, or without them when it was revoked. `null` where nothing is left.
 */
export function cookieLineAfter(line: string | null, setCookie: string): string | null {
  const [pair = "", ...attributes] = setCookie.split("; ");
  const start = pair.slice(0, pair.indexOf("=") + 1);
  const others = (line ?? "").split(/;\s*/).filter((other) => other !== "" && !other.startsWith(start));
  const all = attributes.includes("Max-Age=0") ? others : [...others, pair];
  return all.length > 0 ? all.join("; ") : null;
}
