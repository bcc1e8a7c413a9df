/** Whether a host is the domain itself or below it (RFC 6265bis, section 5.1.3). An address is below nothing. */
export function matchesDomain(host: string, domain: string): boolean {
  if (host === domain) return true;
  return host.endsWith(`.${domain}`) && !isAddress(host);
}

/** Whether a request path is the cookie's path or below it (section 5.1.4). */
export function matchesPath(path: string, cookiePath: string): boolean {
  if (path === cookiePath) return true;
  if (!path.startsWith(cookiePath)) return false;
  return cookiePath.endsWith("/") || path[cookiePath.length] === "/";
}

/** The path of a cookie that names none: the request's, up to its last slash (section 5.1.4). */
export function defaultPath(path: string): string {
  const end = path.lastIndexOf("/");
  return end <= 0 ? "/" : path.slice(0, end);
}

/** Whether Secure cookies travel there: https, or http on this very machine, which Chromium and Firefox count as safe. */
export function isTrustworthy(url: URL): boolean {
  if (url.protocol === "https:" || url.protocol === "wss:") return true;
  const host = url.hostname;
  return (
    host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(\.\d+){3}$/.test(host)
  );
}

function isAddress(host: string): boolean {
  return host.startsWith("[") || /^\d+(\.\d+){3}$/.test(host);
}
