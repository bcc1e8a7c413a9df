import { forbidStoring, keepPrivate } from "./caching.ts";
import type { Clock } from "./clock.ts";
import { type CookiePolicy, sessionCookie } from "./cookie.ts";
import { SessionError } from "./errors.ts";
import type { HttpExchange } from "./exchange.ts";
import type { RequestState } from "./request-state.ts";
import { Session } from "./session.ts";
import type { Token } from "./token.ts";

/** Cookies live no longer in any browser (RFC 6265bis, section 5.5). */
const MAX_AGE_CAP_S = 34_560_000;

/** What the headers go by. */
export interface HeaderRules {
  readonly cookie: CookiePolicy;
  readonly clearSiteData: readonly string[];
  readonly clock: Clock;
}

/**
 * Puts on the response what the session asks for: its cookie, and what keeps caches from giving one client's answer to
 * another. A response that sets a cookie is not stored at all; one that depends on the session varies by the cookie and
 * is private, and that of a user who is logged in is not stored unless the application says otherwise (RFC 9111; OWASP S11;
 * ASVS 14.3.2). A shared cache that kept it would show it for a cookie that a logout has ended. The answer to a logout has the browser forget the site (ASVS 14.3.1).
 */
export function writeHeaders(state: RequestState, rules: HeaderRules): void {
  const { exchange, cookie } = state;
  const { cookie: policy, clock } = rules;
  if (!exchange.canSetCookie) return;
  if (cookie !== null) {
    state.cookie = null;
    refuseTwin(exchange, policy.name);
    exchange.setCookie(sessionCookie(policy, exchange.mountPath, ...valueAndAge(state, cookie, clock.now())));
    forbidStoring(exchange);
    if (cookie === "revoke" && state.userLeft) clearClient(exchange, rules.clearSiteData);
  }
  if (!state.looked) return;
  varyByCookie(exchange);
  if (cookie !== null) return;
  if (exchange.responseHeader("cache-control") !== undefined) return keepPrivate(exchange);
  // The pages of a user are theirs alone, and nobody's once they have left: not the next one's at this browser either.
  if (Session.access.isOfUser(state.session) || state.failed) return forbidStoring(exchange);
  keepPrivate(exchange);
  // Caches keep what says nothing for as long as they like, and would show it for a cookie that has ended.
  if (Session.access.base(state.session) !== null) exchange.setResponseHeader("cache-control", "private");
}

/** What an application says itself is left as it is. */
function clearClient(exchange: HttpExchange, directives: readonly string[]): void {
  if (directives.length === 0 || exchange.responseHeader("clear-site-data") !== undefined) return;
  exchange.setResponseHeader("clear-site-data", directives.map((one) => `"${one}"`).join(", "));
}

function valueAndAge(state: RequestState, cookie: Token | "revoke", now: number): [string, number | null] {
  if (cookie === "revoke") return ["", 0];
  const { access } = Session;
  const endsAt = access.base(state.session)?.endsAt ?? now;
  const remembered = access.rememberMs(state.session) !== null;
  const seconds = Math.min(MAX_AGE_CAP_S, Math.max(1, Math.floor((endsAt - now) / 1000)));
  return [cookie.reveal(), remembered ? seconds : null];
}

function varyByCookie(exchange: HttpExchange): void {
  const vary = exchange.responseHeader("vary");
  if (vary === undefined || vary.trim() === "") return exchange.setResponseHeader("vary", "Cookie");
  const names = vary
    .toLowerCase()
    .split(",")
    .map((name) => name.trim());
  if (!names.includes("cookie") && !names.includes("*"))
    exchange.setResponseHeader("vary", `${vary}, Cookie`);
}

/** One response cannot carry two cookies of one name: the browser keeps the last, and the other session is lost. */
function refuseTwin(exchange: HttpExchange, name: string): void {
  const present = exchange.responseHeader("set-cookie") ?? "";
  if (!present.startsWith(`${name}=`) && !present.includes(`, ${name}=`)) return;
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    `Something else has set the cookie "${name}" on this response. Give each manager a cookie.name of its own.`,
  );
}
