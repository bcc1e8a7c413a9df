import { type Cookie, serializeCookie } from "../index.ts";
import type { ResolvedBound } from "./options.ts";

/** The bound cookie: to set with a value, to revoke with none. */
export function boundCookie({ cookie, lifetimes }: ResolvedBound, value: string | null): Cookie {
  const { name, path, domain, secure, sameSite } = cookie;
  return {
    name,
    value: value ?? "",
    path,
    ...(domain !== null && { domain }),
    secure,
    httpOnly: true,
    sameSite,
    // The draft has no partitioned credentials.
    partitioned: false,
    maxAge: value === null ? 0 : lifetimes.cookieMs / 1000,
  };
}

/** What the browser is told of the session that it bound: where it refreshes, what for, and which cookie stands for it. */
export function instructions(options: ResolvedBound, id: string): object {
  return {
    session_identifier: id,
    refresh_url: `${options.path}/refresh`,
    continue: true,
    scope: {
      ...(options.origin !== null && { origin: options.origin }),
      include_site: options.includeSite,
      // The last rule that fits decides.
      scope_specification: options.exclude.map(({ domain, path }) => ({ type: "exclude", domain, path })),
    },
    credentials: [{ type: "cookie", name: options.cookie.name, attributes: attributesOf(options) }],
    allowed_refresh_initiators: options.refreshInitiators,
  };
}

/** Made of the very header, so that both always say the same; how long the cookie lives is not compared. */
function attributesOf(options: ResolvedBound): string {
  const [, ...attributes] = serializeCookie(boundCookie(options, "x")).split("; ");
  return attributes.filter((attribute) => !attribute.startsWith("Max-Age=")).join("; ");
}
