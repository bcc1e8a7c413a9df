import { refuseConfig, SessionError } from "./errors.ts";
import type { Events } from "./events.ts";
import type { HttpExchange } from "./exchange.ts";
import { checkOptionNames } from "./option-names.ts";
import { isSameHost } from "./same-host.ts";

/** Who may send requests that change something, judged by what browsers say of where a request comes from. */
export interface CsrfOptions {
  /** `"enforce"` (default) refuses with status 403; `"report"` lets everything pass and tells of it by the event `forged`. */
  readonly mode?: "enforce" | "report";
  /** Other origins whose pages may send changes, such as `"https://app.example.com"`. Default: none, not even of the same site. */
  readonly trustedOrigins?: readonly string[];
  /** Requests that need no such guard, because no cookie decides what they may do: web hooks, and the like. */
  readonly exempt?: (request: Pick<HttpExchange, "method" | "url" | "header">) => boolean;
  /**
   * What becomes of a request that changes something, bears cookies, and does not say where it comes from. Every browser of today
   * says so. `"allow"` (default) is for programs, `"refuse"` is for sites that only browsers use.
   */
  readonly silent?: "allow" | "refuse";
}

export interface CsrfPolicy {
  readonly mode: "enforce" | "report";
  readonly trustedOrigins: readonly string[];
  readonly silent: "allow" | "refuse";
  readonly exempt: ((request: Pick<HttpExchange, "method" | "url" | "header">) => boolean) | null;
}

/** Why a request was not believed to come from the site's own pages. */
export type ForgedReason = "cross-site" | "same-site" | "origin" | "referer" | "silent";

/** Methods that change nothing (RFC 9110, section 9.2.1). */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** @throws `ERR_SESSION_CONFIG` for options that cannot work. */
export function resolveCsrf(options: CsrfOptions | false): CsrfPolicy | null {
  if (options === false) return null;
  checkOptionNames(options, ["mode", "trustedOrigins", "exempt", "silent"], "csrf");
  const { mode = "enforce", trustedOrigins = [], exempt, silent = "allow" } = options;
  if (mode !== "enforce" && mode !== "report") refuseConfig('csrf.mode must be "enforce" or "report".');
  if (silent !== "allow" && silent !== "refuse") refuseConfig('csrf.silent must be "allow" or "refuse".');
  if (exempt !== undefined && typeof exempt !== "function")
    refuseConfig("csrf.exempt must be a function of the request that tells whether it is exempt.");
  if (!Array.isArray(trustedOrigins) || !trustedOrigins.every(isOrigin))
    refuseConfig('csrf.trustedOrigins must be a list of origins, such as ["https://app.example.com"].');
  return { mode, silent, trustedOrigins: [...trustedOrigins], exempt: exempt ?? null };
}

/**
 * Refuses requests that a stranger's page has a browser send (OWASP CSRF Cheat Sheet: Fetch Metadata, falling back to Origin, then to
 * Referer). Looks at headers that scripts cannot set, before anything is loaded.
 */
export class CsrfGuard {
  readonly #policy: CsrfPolicy;
  readonly #events: Events;

  constructor(policy: CsrfPolicy, events: Events) {
    this.#policy = policy;
    this.#events = events;
  }

  /** @throws `ERR_SESSION_FORGED` for a request that is refused. */
  check(exchange: HttpExchange): void {
    const { method } = exchange;
    if (SAFE.has(method)) return;
    const reason = reasonToRefuse(exchange, this.#policy);
    if (reason === null || this.#policy.exempt?.(exchange) === true) return;
    const enforced = this.#policy.mode === "enforce";
    const origin = exchange.header("origin") ?? null;
    this.#events.emit("forged", {
      reason,
      origin,
      method,
      enforced,
      address: exchange.remoteAddress ?? null,
    });
    if (!enforced) return;
    throw new SessionError(
      "ERR_SESSION_FORGED",
      `A ${method} request was refused: ${TEXTS[reason]} Name what may send requests in csrf.trustedOrigins.`,
    );
  }
}

const TEXTS: Readonly<Record<ForgedReason, string>> = {
  "cross-site": "it comes from the page of another site.",
  "same-site": "it comes from another origin of the same site.",
  origin: "its Origin is not this host.",
  referer: "its Referer is not of this host.",
  silent: "it does not say where it comes from.",
};

function reasonToRefuse(exchange: HttpExchange, policy: CsrfPolicy): ForgedReason | null {
  const origin = exchange.header("origin");
  const isTrusted = origin !== undefined && policy.trustedOrigins.includes(origin);
  const site = exchange.header("sec-fetch-site");
  if (site === "same-origin" || site === "none") return null;
  if (site === "cross-site" || site === "same-site") return isTrusted ? null : site;
  // Absent, or a value that nobody knows yet.
  if (origin !== undefined) return isTrusted || isOwn(origin, exchange) ? null : "origin";
  const referer = exchange.header("referer");
  if (referer !== undefined) return isOwn(referer, exchange) ? null : "referer";
  return policy.silent === "refuse" && exchange.cookieLines.length > 0 ? "silent" : null;
}

/** A page that came without TLS speaks for no host that has it. */
function isOwn(address: string, exchange: HttpExchange): boolean {
  if (!isSameHost(address, exchange.header("host"))) return false;
  return !exchange.secure || new URL(address).protocol === "https:";
}

/** Whether a text is an origin as browsers send it; those of apps and extensions too, for which `URL` has none: `capacitor://localhost`. */
function isOrigin(text: unknown): boolean {
  if (typeof text !== "string" || !URL.canParse(text)) return false;
  const { protocol, host } = new URL(text);
  return host !== "" && text === `${protocol}//${host}`;
}
