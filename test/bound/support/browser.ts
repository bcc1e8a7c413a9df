import { cookieJar, type CookieJar, type ManualClock } from "../../../src/testing/index.ts";
import { type Algorithm, type DeviceKey, newKey, refreshProof, registrationProof } from "./signing.ts";

/** What a response was, read to its end. */
export interface Seen {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface BrowserOptions {
  readonly clock: ManualClock;
  readonly origin: string;
  /** Which it can; the server's first that is among them is taken. Default both. */
  readonly algorithms?: readonly Algorithm[];
  /** Whether texts in its headers are quoted, as the standard has it, or bare, as some were seen. Default quoted. */
  readonly bare?: boolean;
  /** Sends the headers by the names of the first trial. */
  readonly legacy?: boolean;
  /** The keys of its sessions with providers, by their thumbprints. */
  readonly providerKeys?: ReadonlyMap<string, DeviceKey>;
  /** A browser that knows nothing of bound sessions. */
  readonly plain?: boolean;
  /** Where its requests go, and what comes back: a place to cut the line. */
  readonly send?: (request: Request) => Promise<Response>;
}

/** What a browser keeps of a session that it bound. */
interface BoundSession {
  readonly id: string;
  readonly refreshPath: string;
  readonly cookie: string;
  readonly excluded: readonly string[];
  readonly key: DeviceKey;
  /** The last challenge that a response gave. */
  challenge: string | null;
}

type Skipped = "unreachable" | "server_error" | "quota_exceeded";

const QUOTA = { signings: 6, withinMs: 9 * 60_000 };
const MAX_CHALLENGES = 5;

/**
 * A browser as the draft on device-bound sessions has it: registers when it is told to, beside whatever else it does; holds back
 * requests that would lack the bound cookie while it fetches one, once for all of them; remembers challenges; has a quota.
 */
export class TestBrowser {
  readonly jar: CookieJar;
  readonly options: BrowserOptions;
  /** What came of each registration and refresh, in order. */
  readonly story: string[] = [];
  session: BoundSession | null = null;
  /** Registrations that are under way. */
  #registering: Promise<void> = Promise.resolve();
  #refreshing: Promise<Skipped | null> | null = null;
  readonly #signedAt: number[] = [];

  constructor(options: BrowserOptions) {
    this.options = options;
    this.jar = cookieJar({ clock: options.clock });
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Seen> {
    return this.request("GET", path, headers);
  }

  post(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Seen> {
    return this.request("POST", path, headers);
  }

  /** Does what a page's request does, redirects and all. */
  async request(method: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Seen> {
    for (let hops = 0; hops < 5; hops += 1) {
      const skipped = await this.#ready(path);
      const seen = await this.raw(method, path, {
        ...headers,
        ...(skipped !== null && { [this.#name("secure-session-skipped")]: this.#skippedHeader(skipped) }),
      });
      this.#heed(seen);
      const location = seen.headers.get("location");
      if (seen.status !== 307 || location === null) return seen;
      path = location;
    }
    throw new Error("too many redirects");
  }

  /** One request and its response, cookies and nothing else. */
  async raw(method: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Seen> {
    const url = `${this.options.origin}${path}`;
    const cookie = this.jar.header(url);
    const sent = new Headers(headers);
    if (cookie !== undefined) sent.set("cookie", cookie);
    const response = await this.#send(new Request(url, { method, headers: sent, redirect: "manual" }));
    const text = await response.text();
    this.jar.take(response.headers.getSetCookie(), url);
    return { status: response.status, headers: response.headers, text };
  }

  /** Waits until what is under way in the background is done. */
  async settled(): Promise<void> {
    await this.#registering;
    await this.#refreshing;
  }

  /** The value of the bound cookie that it would send now. */
  get boundCookie(): string | undefined {
    return this.jar.cookies().find(({ name }) => name.endsWith("bound"))?.value;
  }

  async sign(payload: object): Promise<string> {
    if (this.session === null) throw new Error("it has no bound session");
    return this.text(await refreshProof(this.session.key, payload));
  }

  text(value: string): string {
    return this.options.bare === true ? value : `"${value}"`;
  }

  async #send(request: Request): Promise<Response> {
    return await (this.options.send ?? fetch)(request);
  }

  #name(name: string): string {
    if (this.options.legacy !== true) return name;
    return name.replace(/^(sec-)?secure-session-/, "sec-session-");
  }

  #skippedHeader(reason: Skipped): string {
    return `${reason};session_identifier="${this.session?.id ?? ""}"`;
  }

  /** Requests in the scope wait until there is a cookie, or it is known that there will be none. */
  async #ready(path: string): Promise<Skipped | null> {
    const { session } = this;
    if (session === null || path === session.refreshPath) return null;
    const isExcluded = session.excluded.some((one) => path === one || path.startsWith(`${one}/`));
    if (isExcluded || this.jar.value(session.cookie) !== undefined) return null;
    return await this.refresh();
  }

  /** Fetches a fresh cookie: one at a time, whoever waits. */
  async refresh(): Promise<Skipped | null> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    return await this.#refreshing;
  }

  async #refresh(): Promise<Skipped | null> {
    for (let challenges = 0; challenges <= MAX_CHALLENGES; challenges += 1) {
      const { session } = this;
      if (session === null) return null;
      const headers: Record<string, string> = {
        [this.#name("sec-secure-session-id")]: this.text(session.id),
      };
      if (session.challenge !== null) {
        if (!this.#maySign()) return this.#told("quota_exceeded");
        headers[this.#name("secure-session-response")] = await this.sign({ jti: session.challenge });
      }
      let seen: Seen;
      try {
        seen = await this.raw("POST", session.refreshPath, headers);
      } catch {
        return this.#told("unreachable");
      }
      const done = this.#refreshed(session, seen);
      if (done !== "again") return done;
    }
    this.session = null;
    this.story.push("too many challenges");
    return null;
  }

  #refreshed(session: BoundSession, seen: Seen): Skipped | null | "again" {
    session.challenge = challengeOf(seen, session.id) ?? (seen.status === 403 ? null : session.challenge);
    if (seen.status === 403 && session.challenge !== null) {
      this.story.push("challenged");
      return "again";
    }
    if (seen.status >= 500) return this.#told("server_error");
    const isOver = seen.status !== 200 || (seen.text !== "" && !this.#isContinued(seen.text, session.id));
    if (isOver) this.session = null;
    this.story.push(isOver ? `ended by ${seen.status}` : "refreshed");
    return null;
  }

  #isContinued(text: string, id: string): boolean {
    const told = JSON.parse(text) as { session_identifier: string; continue?: boolean };
    return told.session_identifier === id && told.continue !== false;
  }

  #told(reason: Skipped): Skipped {
    this.story.push(reason);
    return reason;
  }

  #maySign(): boolean {
    const now = this.options.clock.now();
    const recent = this.#signedAt.filter((at) => at > now - QUOTA.withinMs);
    if (recent.length >= QUOTA.signings) return false;
    this.#signedAt.push(now);
    return true;
  }

  #heed(seen: Seen): void {
    if (this.options.plain === true) return;
    if (seen.headers.has("clear-site-data")) this.session = null;
    if (this.session !== null)
      this.session.challenge = challengeOf(seen, this.session.id) ?? this.session.challenge;
    const header = seen.headers.get("secure-session-registration");
    if (header !== null) this.#registering = this.#register(header);
  }

  async #register(header: string): Promise<void> {
    const offer = offerOf(header);
    const can = this.options.algorithms ?? ["ES256", "RS256"];
    const algorithm = offer.algorithms.find((one): one is Algorithm => can.includes(one as Algorithm));
    if (algorithm === undefined) return void this.story.push("no algorithm");
    const key =
      offer.providerKey === null
        ? await newKey(algorithm)
        : this.options.providerKeys?.get(offer.providerKey);
    if (key === undefined) return void this.story.push("no such key");
    const payload = {
      jti: offer.challenge,
      ...(offer.authorization !== null && { authorization: offer.authorization }),
    };
    const seen = await this.raw("POST", offer.path, {
      [this.#name("secure-session-response")]: this.text(await registrationProof(key, payload)),
      ...(offer.authorization !== null && { authorization: offer.authorization }),
    });
    if (seen.status !== 200) return void this.story.push(`not registered: ${seen.status}`);
    this.#keep(JSON.parse(seen.text) as Instructions, key, seen);
  }

  /** Takes a session only if the response sets its cookie just as it is described. */
  #keep(told: Instructions, key: DeviceKey, seen: Seen): void {
    const [credential] = told.credentials;
    const line = seen.headers.getSetCookie().find((one) => one.startsWith(`${credential.name}=`)) ?? "";
    const attributes = line
      .split("; ")
      .slice(1)
      .filter((one) => !/^(Max-Age|Expires)=/.test(one));
    if (attributes.join("; ") !== credential.attributes || line.includes("Partitioned"))
      return void this.story.push("credentials do not match");
    this.session = {
      id: told.session_identifier,
      refreshPath: told.refresh_url,
      cookie: credential.name,
      excluded: told.scope.scope_specification.map(({ path }) => path),
      key,
      challenge: challengeOf(seen, told.session_identifier),
    };
    this.story.push(`registered ${key.algorithm}`);
  }
}

interface Instructions {
  readonly session_identifier: string;
  readonly refresh_url: string;
  readonly scope: { readonly scope_specification: readonly { readonly path: string }[] };
  readonly credentials: readonly [{ readonly name: string; readonly attributes: string }];
}

/** Reads the registration header by other means than the library has. */
export function offerOf(header: string): {
  readonly algorithms: readonly string[];
  readonly path: string;
  readonly challenge: string;
  readonly authorization: string | null;
  readonly providerKey: string | null;
} {
  const found = /^\(([A-Z0-9 ]+)\)((?:;[a-z_]+="[^"]*")*)$/.exec(header);
  if (found === null) throw new Error(`no registration: ${header}`);
  const parameters = new Map(
    [...(found[2] ?? "").matchAll(/;([a-z_]+)="([^"]*)"/g)].map((one) => [one[1], one[2]]),
  );
  const { path, challenge, authorization, provider_key, provider_session_id, provider_url } =
    Object.fromEntries(parameters) as Record<string, string>;
  if (path === undefined || challenge === undefined) throw new Error(`half a registration: ${header}`);
  const shared = [provider_key, provider_session_id, provider_url];
  // All three or none of them.
  if (new Set(shared.map((one) => one === undefined)).size > 1) throw new Error(`half a provider: ${header}`);
  return {
    algorithms: (found[1] ?? "").split(" "),
    path,
    challenge,
    authorization: authorization ?? null,
    providerKey: provider_key ?? null,
  };
}

/** The challenge for a session; one that names no session, or another, is ignored. */
export function challengeOf(seen: Seen, id: string): string | null {
  const header = seen.headers.get("secure-session-challenge");
  const found = header === null ? null : /^"([^"]+)";id="([^"]+)"$/.exec(header);
  return found?.[2] === id ? (found[1] ?? null) : null;
}
