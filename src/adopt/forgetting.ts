import { cookieValues, forbidStoring, type HttpExchange } from "../index.ts";
import type { AdoptSource, CookieScope } from "./source.ts";

/** Has the browser forget the cookies of old sessions that it showed, be they genuine or not. Each name once: sources may share one. */
export function forget(exchange: HttpExchange, sources: readonly AdoptSource[]): void {
  const scopes = new Map(
    sources.flatMap(({ cookies, scope }) => cookies.map((name) => [name, scope] as const)),
  );
  for (const [name, scope] of scopes) {
    if (cookieValues(exchange.cookieLines, name).length === 0) continue;
    expire(exchange, name, scope);
    forbidStoring(exchange);
  }
}

function expire(exchange: HttpExchange, name: string, { path = "/", domain }: CookieScope): void {
  exchange.setCookie({
    name,
    value: "",
    path,
    ...(domain !== undefined && { domain }),
    // Without it a page that came by http can revoke what was set by http; over https it revokes either.
    secure: exchange.secure || /^__(host|secure)-/i.test(name),
    httpOnly: true,
    sameSite: "Lax",
    partitioned: false,
    maxAge: 0,
  });
}
