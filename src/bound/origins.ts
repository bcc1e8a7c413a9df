/** Tells whether browsers bind sessions at an address: over TLS, or on this very machine. */
export function isSecure({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || (protocol === "http:" && hostname === "localhost");
}

/** Tells whether a text is such an origin, written as browsers write it: they compare texts. */
export function isOrigin(text: unknown): text is string {
  if (typeof text !== "string" || text.includes("*") || !URL.canParse(text)) return false;
  const url = new URL(text);
  return url.origin === text && isSecure(url);
}
