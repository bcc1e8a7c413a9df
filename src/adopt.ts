import { checkSources, type ResolvedAdopt, resolveAdopt } from "./adopt/options.ts";
import type { AdoptOptions } from "./adopt/options.ts";
import { forget } from "./adopt/forgetting.ts";
import { begun, type Heritage, heritageOf } from "./adopt/beginning.ts";
import { readOld, removeOld } from "./adopt/old-store.ts";
import { lifeOfMark, nameOf, tokenOf } from "./adopt/naming.ts";
import { waited } from "./adopt/waiting.ts";
import type { AdoptSource, CookieReader, OldSession, Shown } from "./adopt/source.ts";
import {
  type AnySession,
  cookieValues,
  type ExtensionHost,
  type HttpExchange,
  SessionError,
  type SessionExtension,
} from "./index.ts";

export type { AdoptOptions, AdoptedLogin } from "./adopt/options.ts";
export type { AdoptSource, CookieReader, CookieScope, OldSession, Shown } from "./adopt/source.ts";

/** An old session that a request showed. */
interface Found {
  readonly source: AdoptSource;
  readonly shown: Shown;
}

/**
 * Adopts the sessions that another library left, each on first sight: a request that opens no session of its own, and shows the genuine cookie of
 * an old one, goes on with the data of that, and gets the new cookie with its answer. Nobody is logged out.
 *
 * ```ts
 * const manager = new SessionManager({
 *   store,
 *   extensions: [adopt({ sources: [fromExpressSession({ store: oldStore, secret })], login: ({ userId }) => userId })],
 * });
 * ```
 *
 * Each old session is adopted once, however many requests show it at the same time: all of them go on with one session. What ended
 * after it was adopted is not brought back by its old cookie, and an old session is not adopted when its user's sessions were revoked a day ago or less. A request
 * that comes with its new cookie, or with none, asks no store more than without this.
 *
 * @throws `ERR_SESSION_CONFIG` for options that are unknown or impossible.
 */
export function adopt(options: AdoptOptions): SessionExtension {
  const resolved = resolveAdopt(options);
  checkSources(resolved.sources);
  return new Adopting(resolved);
}

class Adopting implements SessionExtension {
  readonly name = "adopt";
  readonly #options: ResolvedAdopt;
  readonly #forgotten: WeakMap<HttpExchange, AdoptSource> = new WeakMap();
  #host: ExtensionHost | null = null;

  constructor(options: ResolvedAdopt) {
    this.#options = options;
  }

  attach(host: ExtensionHost): void {
    this.#host = host;
  }

  find(exchange: HttpExchange): Promise<AnySession | null> | undefined {
    const host = this.#host;
    if (host === null) return undefined;
    const cookies: CookieReader = (name) => cookieValues(exchange.cookieLines, name);
    const found: Found[] = [];
    for (const source of this.#options.sources) {
      const shown = source.look(cookies);
      if (shown !== null) found.push({ source, shown });
    }
    return found.length === 0 ? undefined : this.#findFirst(host, exchange, found);
  }

  /** The old cookie goes with the old record, and whoever logs out leaves the old session too. */
  leaving(_session: AnySession, exchange: HttpExchange, userLeft: boolean): void {
    const source = this.#forgotten.get(exchange);
    const { sources } = this.#options;
    forget(exchange, userLeft ? sources : sources.filter((one) => one === source));
  }

  async #findFirst(
    host: ExtensionHost,
    exchange: HttpExchange,
    found: readonly Found[],
  ): Promise<AnySession | null> {
    for (const one of found) {
      const session = await this.#find(host, exchange, one);
      if (session !== null) return session;
    }
    return null;
  }

  /** In this order: whoever finds the old record gone finds the new session, which is stored before. */
  async #find(host: ExtensionHost, exchange: HttpExchange, found: Found): Promise<AnySession | null> {
    const { source, shown } = found;
    const old = await readOld(host, this.#options, source, shown);
    const token = tokenOf(this.#options.round, source, shown);
    const opened = await host.open(exchange, token);
    if (opened !== null) {
      if (old !== null) await this.#leftBehind(host, exchange, found, old);
      return opened;
    }
    if (old === null || !exchange.canSetCookie || exchange.readOnly !== undefined) return null;
    const heritage = await heritageOf(this.#options, source, old);
    return heritage === null ? null : await this.#adopted(host, exchange, found, heritage);
  }

  async #adopted(
    host: ExtensionHost,
    exchange: HttpExchange,
    found: Found,
    heritage: Heritage,
  ): Promise<AnySession | null> {
    const { old } = heritage;
    const { round } = this.#options;
    const token = tokenOf(round, found.source, found.shown);
    for (let attempt = 0; ; attempt += 1) {
      let session: AnySession | null = null;
      try {
        const isFirst = await host.once(
          nameOf(round, found.source, found.shown),
          lifeOfMark(old, host.clock.now()),
          async () => void (session = await begun(host, exchange, token, heritage)),
        );
        if (isFirst) {
          await this.#leftBehind(host, exchange, found, old);
          return session;
        }
        // Between the two looks another request adopted it; or it was adopted before, and has ended.
        const opened = await host.open(exchange, token);
        if (opened === null) await this.#ended(host, exchange, found, old);
        return opened;
      } catch (error) {
        if (isRefusal(error)) return this.#refused(host, exchange, found, error);
        if (!isUnderWay(error)) throw error;
        if (!(await waited(attempt))) throw tooSlow(error);
        const opened = await host.open(exchange, token);
        if (opened !== null) return opened;
      }
    }
  }

  /** What cannot become a session of this manager, by its limits or its schemas, is left where it is: they may be mended. */
  #refused(host: ExtensionHost, exchange: HttpExchange, { source }: Found, error: SessionError): null {
    host.emit({
      extension: this.name,
      what: "refused",
      id: null,
      user: null,
      address: exchange.remoteAddress ?? null,
      alarming: true,
      details: { source: source.name, code: error.code, why: error.message },
    });
    return null;
  }

  async #leftBehind(
    host: ExtensionHost,
    exchange: HttpExchange,
    { source }: Found,
    old: OldSession,
  ): Promise<void> {
    if (this.#options.old === "keep") return;
    this.#forgotten.set(exchange, source);
    await removeOld(host, this.#options, source, old);
  }

  /** The session that it became is over, and so is it, wherever it is looked at. */
  async #ended(
    host: ExtensionHost,
    exchange: HttpExchange,
    { source }: Found,
    old: OldSession,
  ): Promise<void> {
    await removeOld(host, this.#options, source, old);
    if (exchange.canSetCookie) forget(exchange, [source]);
  }
}

/** Nothing that trying again would mend. */
function isRefusal(error: unknown): error is SessionError {
  const codes = ["ERR_SESSION_VALUE", "ERR_SESSION_LIMIT", "ERR_SESSION_USE", "ERR_SESSION_TOO_MANY"];
  return SessionError.is(error) && codes.includes(error.code);
}

/** Its process may have died: what it announced lapses within half a minute. */
function tooSlow(cause: unknown): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "Another request is adopting this session, and does not come to its end. Try again.",
    { cause },
  );
}

function isUnderWay(error: unknown): boolean {
  return SessionError.is(error) && error.code === "ERR_SESSION_CONFLICT";
}
