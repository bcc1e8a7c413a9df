import { ended, unavailable } from "./bound/answers.ts";
import { askedFor, checkedProvider, type ProviderKey } from "./bound/federated.ts";
import { boundValues, isExcluded, judge, pathOf, type Verdict } from "./bound/gate.ts";
import { HEADERS, registrationHeader, type RegistrationOffer, skippedReasons } from "./bound/headers.ts";
import { boundCookie } from "./bound/instructions.ts";
import { thumbprintOf } from "./bound/keys.ts";
import { Keeper } from "./bound/keeper.ts";
import { type BoundOptions, type ResolvedBound, resolveBound } from "./bound/options.ts";
import { Refreshing } from "./bound/refreshing.ts";
import { answerRegistration } from "./bound/registering.ts";
import { hashOf, newSecret } from "./bound/secrets.ts";
import type { Answer, Ask, Endpoint } from "./endpoint.ts";
import {
  type AnySession,
  type ExtensionHost,
  type HttpExchange,
  serializeCookie,
  SessionError,
  type SessionExtension,
} from "./index.ts";

export type { ProviderKey, ProviderOf } from "./bound/federated.ts";
export type { BoundAlgorithm } from "./bound/keys.ts";
export type { BoundOptions, ScopeExclusion } from "./bound/options.ts";
export { WELL_KNOWN_PATH, wellKnown, type WellKnownOptions } from "./bound/well-known.ts";

export interface OfferOptions {
  /** The key that an identity provider vouched for: no other can be registered then. `null` for any. Default: what the option `provider` gives. */
  readonly provider?: ProviderKey | null;
}

/** Sessions that are bound to devices: an extension of a manager, and the endpoints that go with it. */
export interface BoundSessions extends SessionExtension {
  /** Answers at both paths, `<path>/register` and `<path>/refresh`; 404 elsewhere. Never redirects. */
  readonly endpoint: Endpoint;
  /** Answers a browser that registers its key. */
  readonly register: Endpoint;
  /** Answers a browser that fetches a fresh cookie. No middleware that asks for a login may stand before it. */
  readonly refresh: Endpoint;
  /**
   * Offers a registration with this response, to a user who logged in before there was any. Every `login()` does so by itself. Does nothing
   * for a session that is bound. Warning: it binds the session to whoever is there, a thief of an unbound cookie among them; call it after
   * the user proved themselves. After a `login()` of the same request it takes the place of the offer that login made.
   *
   * @param options `provider` has the browser take the key of its session with an identity provider, if it has that very key.
   * @throws `ERR_SESSION_USE` when nobody is logged in, and for a provider's key that is none, or that the option `provider` could not give.
   */
  offer(session: AnySession, options?: OfferOptions): void;
  /**
   * What an identity provider tells those who rely on it of a session of its own, in what it signs for them: the thumbprint of its key and its
   * name, for their `offer`. `null` for a session that is not bound.
   */
  keyOf(session: AnySession): Promise<Omit<ProviderKey, "url"> | null>;
  /** When the browser last proved that it has the session's key, in milliseconds since the epoch; `null` for a session that is not bound. */
  provenAt(session: AnySession): number | null;
  /**
   * The answer that has a browser prove itself now: 307 to the same address, and the bound cookie goes. Give it only to a session whose
   * `provenAt` is too long ago, and never at the endpoint's own paths. Browsers have a quota, so for what matters alone.
   *
   * @param url path and query of the request.
   * @throws `ERR_SESSION_USE` for what is no path of this site.
   */
  proveAgain(url: string): Answer;
  /** Tells whether a request is for one of the endpoints, for walls that ask for a login. */
  owns(request: { readonly method: string; readonly url: string }): boolean;
}

/** A registration must follow its login: the browser begins it at once, but a security chip may take its time. */
const OFFER_MS = 600_000;

/**
 * Binds sessions to the devices they were opened on (W3C Device Bound Session Credentials): a browser that can makes a key that cannot
 * leave the device, and keeps proving that it has it by a cookie of a few minutes. A session cookie that is stolen is worth nothing
 * elsewhere, once that cookie has run out. Browsers that cannot, and users who have not registered yet, have sessions as ever.
 *
 * ```ts
 * const device = bound({ enforce: "report" });
 * const manager = new SessionManager({ store, extensions: [device] });
 * ```
 *
 * @throws `ERR_SESSION_CONFIG` for options that are unknown or impossible.
 */
export function bound(options: BoundOptions = {}): BoundSessions {
  return new Bound(resolveBound(options));
}

class Bound implements BoundSessions {
  readonly name = "bound";
  readonly endpoint: Endpoint;
  readonly register: Endpoint;
  readonly refresh: Endpoint;
  readonly #options: ResolvedBound;
  readonly #keeper: Keeper = new Keeper();
  /** What was offered by a request that is under way: a session keeps hashes alone. */
  readonly #offers: WeakMap<AnySession, Pick<RegistrationOffer, "challenge" | "authorization" | "provider">> =
    new WeakMap();
  /** Requests whose session was bound when they came. */
  readonly #bound: WeakSet<HttpExchange> = new WeakSet();

  constructor(options: ResolvedBound) {
    this.#options = options;
    const refreshing = new Refreshing(this.#keeper, options);
    this.register = guarded((ask, session) => answerRegistration(this.#keeper, options, ask, session));
    this.refresh = guarded((ask, session) => refreshing.answer(ask, session));
    this.endpoint = async (ask, session) => {
      const path = pathOf(ask.url);
      if (path === this.#path("register")) return await this.register(ask, session);
      if (path === this.#path("refresh")) return await this.refresh(ask, session);
      return { status: 404, headers: [["Cache-Control", "no-store"]], body: "" };
    };
  }

  attach(host: ExtensionHost): void {
    this.#keeper.attach(host);
  }

  async loaded(session: AnySession, exchange: HttpExchange): Promise<void> {
    const kept = this.#keeper.of(session);
    if (kept.kind !== "binding" && kept.kind !== "corrupt") return;
    this.#bound.add(exchange);
    this.#tellSkipped(session, exchange);
    const { enforce, graceMs } = this.#options;
    if (enforce === "off" || this.owns(exchange) || isExcluded(exchange, this.#options)) return;
    const verdict = judge(kept, boundValues(exchange, this.#options), this.#keeper.now(), graceMs);
    if (verdict !== "good" && verdict !== "early") await this.#stopped(session, exchange, verdict);
  }

  login(session: AnySession): void {
    const asked = askedFor(this.#options.provider, session);
    if (asked.fault === null) return this.#stageOffer(session, asked.provider);
    // An offer without the key would be one to whoever is there, and a binding from before ends with the login all the same.
    this.#offers.delete(session);
    this.#keeper.stage(session, () => undefined);
    this.#keeper.tell(session, {
      what: "no offer",
      alarming: true,
      address: null,
      details: { reason: asked.fault },
    });
  }

  leaving(session: AnySession, exchange: HttpExchange, userLeft: boolean): void {
    this.#sendOffer(session, exchange);
    // The other cookie goes with that of the session, unless the answer has one of its name already: browsers heed but one.
    const isThere = (exchange.responseHeader("set-cookie") ?? "").includes(`${this.#options.cookie.name}=`);
    if (userLeft && this.#bound.has(exchange) && !isThere)
      exchange.setCookie(boundCookie(this.#options, null));
  }

  offer(session: AnySession, options: OfferOptions = {}): void {
    if (session.user === null)
      throw new SessionError(
        "ERR_SESSION_USE",
        "bound: nobody is logged in. Call login(user), which offers by itself.",
      );
    const provider = this.#providerOf(session, options);
    const { kind } = this.#keeper.of(session);
    if (kind === "nothing" || kind === "offer") this.#stageOffer(session, provider);
  }

  async keyOf(session: AnySession): Promise<Omit<ProviderKey, "url"> | null> {
    const kept = this.#keeper.of(session);
    if (kept.kind !== "binding") return null;
    return { key: await thumbprintOf(kept.binding.key), sessionId: kept.binding.id };
  }

  provenAt(session: AnySession): number | null {
    const kept = this.#keeper.of(session);
    return kept.kind === "binding" ? kept.binding.provenAt : null;
  }

  proveAgain(url: string): Answer {
    if (!/^\/(?![/\\])[\x21-\x7e]*$/.test(url) || url.includes("\\") || this.#isOwn(url))
      throw new SessionError(
        "ERR_SESSION_USE",
        'bound: proveAgain takes path and query of the request, such as "/pay?order=1".',
      );
    return {
      status: 307,
      headers: [
        ["Location", url],
        ["Cache-Control", "no-store"],
        ["Set-Cookie", serializeCookie(boundCookie(this.#options, null))],
      ],
      body: "",
    };
  }

  owns({ method, url }: { readonly method: string; readonly url: string }): boolean {
    return method === "POST" && this.#isOwn(url);
  }

  #isOwn(url: string): boolean {
    return [this.#path("register"), this.#path("refresh")].includes(pathOf(url));
  }

  #path(name: "register" | "refresh"): string {
    return `${this.#options.path}/${name}`;
  }

  #providerOf(session: AnySession, options: OfferOptions): ProviderKey | null {
    const isSound =
      typeof options === "object" &&
      options !== null &&
      Object.keys(options).every((name) => name === "provider");
    if (!isSound)
      throw new SessionError(
        "ERR_SESSION_USE",
        "bound: offer takes an object of provider alone, or nothing.",
      );
    const given = options.provider;
    if (given !== undefined) return given === null ? null : checkedProvider(given);
    const asked = askedFor(this.#options.provider, session);
    if (asked.fault === null) return asked.provider;
    throw new SessionError(
      "ERR_SESSION_USE",
      "bound: the option provider gave no key of a provider, and not null.",
    );
  }

  /** A binding from before ends with it: whoever logs in may do so on another device, and the browser registers anew. */
  #stageOffer(session: AnySession, provider: ProviderKey | null): void {
    const challenge = newSecret();
    const authorization = this.#options.authorization ? newSecret() : null;
    const offer = {
      challenge: challenge.hash,
      authorization: authorization?.hash ?? null,
      ...(provider !== null && { provider: provider.key }),
      until: this.#keeper.now() + OFFER_MS,
    };
    this.#keeper.stage(session, () => ({ offer }));
    this.#offers.set(session, {
      challenge: challenge.text,
      authorization: authorization?.text ?? null,
      provider,
    });
  }

  /** Only what is stored is offered: a login that failed is none. */
  #sendOffer(session: AnySession, exchange: HttpExchange): void {
    const offered = this.#offers.get(session);
    const kept = offered === undefined ? null : this.#keeper.of(session);
    if (offered === undefined || kept?.kind !== "offer" || kept.offer.challenge !== hashOf(offered.challenge))
      return;
    this.#offers.delete(session);
    const { algorithms } = this.#options;
    const header = registrationHeader({ algorithms, path: this.#path("register"), ...offered });
    const others = exchange.responseHeader(HEADERS.registration);
    exchange.setResponseHeader(HEADERS.registration, others === undefined ? header : `${others}, ${header}`);
  }

  /** The cookie of this session is here, and its device is not. */
  async #stopped(session: AnySession, exchange: HttpExchange, verdict: Verdict): Promise<void> {
    const enforced = this.#options.enforce === "require";
    const { id } = session;
    // Of several requests at once, one tells of it.
    const isFirst = enforced && id !== null ? await this.#keeper.host.revoke(id) : true;
    if (isFirst) {
      this.#keeper.tell(session, {
        what: verdict === "corrupt" ? "binding corrupt" : "session stolen",
        alarming: true,
        address: exchange.remoteAddress ?? null,
        details: { cookie: verdict, enforced },
      });
    }
    if (!enforced) return;
    throw new SessionError(
      "ERR_SESSION_REVOKED",
      "The session's cookie came without that of its device, so the session was ended. Log in again.",
    );
  }

  #tellSkipped(session: AnySession, exchange: HttpExchange): void {
    const reasons = skippedReasons((name) => exchange.header(name));
    if (reasons.length === 0) return;
    this.#keeper.tell(session, {
      what: "refresh skipped",
      alarming: false,
      address: exchange.remoteAddress ?? null,
      details: { reasons: reasons.join(" ") },
    });
  }
}

/** Keeps out what no browser sends here by itself, and answers what the store could not say so that the browser tries later. */
function guarded(answer: (ask: Ask, session: AnySession | null) => Promise<Answer>): Endpoint {
  return async (ask, session) => {
    if (ask.method !== "POST") return ended(405, "post_only");
    if (ask.header("sec-fetch-site") === "cross-site") return ended(400, "cross_site");
    try {
      return await answer(ask, session);
    } catch (error) {
      // A status below 500 would have the browser forget its session.
      if (SessionError.is(error) && error.code.startsWith("ERR_SESSION_STORE")) return unavailable();
      throw error;
    }
  };
}
