import { cookieValues, forbidStoring, type HttpExchange } from "../index.ts";
import type { AdoptSource } from "./source.ts";

/** Has the browser forget the cookies of an old session that it showed. */
export function forget(exchange: HttpExchange, source: AdoptSource): void {
  const { path = "/", domain } = source.scope;
  for (const name of source.cookies) {
    if (!isShown(exchange, name)) continue;
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
  forbidStoring(exchange);
}

/** Tells whether a request shows any cookie of a source, be it genuine or not. */
export function isShownAny(exchange: HttpExchange, { cookies }: AdoptSource): boolean {
  return cookies.some((name) => isShown(exchange, name));
}

function isShown(exchange: HttpExchange, name: string): boolean {
  return cookieValues(exchange.cookieLines, name).length > 0;
}
