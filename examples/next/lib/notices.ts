/** The proxy takes the notices out of the session, for a page cannot, and hands them to the page in a header of its request. */
const HEADER = "x-notices";

/** The headers that a page's request goes on with. What a client sent by this name is nobody's notice. */
export function withNotices(headers: Headers, notices: readonly unknown[]): Headers {
  const all = new Headers(headers);
  all.set(HEADER, encodeURIComponent(JSON.stringify(notices)));
  return all;
}

export function noticesOf(headers: Headers): readonly string[] {
  return JSON.parse(decodeURIComponent(headers.get(HEADER) ?? "[]")) as string[];
}
