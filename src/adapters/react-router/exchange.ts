import { type Cookie, forbidStoring, type HttpExchange } from "../../index.ts";
import { FetchExchange } from "../support/fetch-exchange.ts";

/** What code that commits by hand may say of a cookie. */
export interface CookieLife {
  /** Seconds that the browser is to keep the cookie, from now on. */
  cookieAge: number | null;
}

/** A request that the middleware holds. Its storage may have cookies made before there is a response. */
export class RouterExchange extends FetchExchange implements CookieLife {
  cookieAge: number | null = null;
  #isAnswered = false;
  /** The cookie of a commit by hand, until a later one takes its place. */
  #early: Cookie | null = null;
  #isHandedOver = false;

  /** The framework's build asks, to write the answer into a file for everybody. */
  get readOnly(): string | undefined {
    const isBuild = globalThis.process?.env?.["IS_RR_BUILD_REQUEST"] === "yes";
    return isBuild ? "a page that is rendered at build time has no visitor" : undefined;
  }

  override get canSetCookie(): boolean {
    return !this.#isHandedOver && this.readOnly === undefined && super.canSetCookie;
  }

  override setCookie(cookie: Cookie): void {
    const aged = agedBy(this, cookie);
    this.#early = this.#isAnswered ? null : aged;
    if (this.#isAnswered) super.setCookie(aged);
  }

  override setResponseHeader(name: string, value: string): void {
    // What a commit by hand wants of a response that is not there yet, the finishing hook wants again.
    if (this.#isAnswered) super.setResponseHeader(name, value);
  }

  override answer(response: Response): void {
    this.#isAnswered = true;
    super.answer(response);
  }

  override dressed(response: Response): Response {
    this.#complete();
    return super.dressed(response);
  }

  override redressed(response: Response): Response {
    this.#complete();
    return super.redressed(response);
  }

  /** The application sends a cookie of another session by itself: this request's own session gets none beside it. */
  handOver(): void {
    this.#isHandedOver = true;
  }

  #complete(): void {
    if (this.#early !== null && !this.#isHandedOver) super.setCookie(this.#early);
    if (this.#early !== null || this.#isHandedOver) {
      forbidStoring({
        responseHeader: (name) => super.responseHeader(name),
        setResponseHeader: (name, value) => super.setResponseHeader(name, value),
      });
    }
    this.#early = null;
  }
}

/** A session that is loaded of a Cookie header and nothing else, and whose cookie is handed out as text. */
export class StorageExchange implements HttpExchange, CookieLife {
  readonly method = "GET";
  readonly url = "/";
  readonly secure = true;
  readonly commitsLate = false;
  readonly mountPath: string;
  readonly cookieLines: readonly string[];
  canSetCookie = false;
  cookieAge: number | null = null;
  #cookie: Cookie | null = null;

  constructor(line: string | null, mountPath: string) {
    this.cookieLines = line === null ? [] : [line];
    this.mountPath = mountPath;
  }

  header(name: string): string | undefined {
    return name === "cookie" ? this.cookieLines[0] : undefined;
  }

  setCookie(cookie: Cookie): void {
    // One text is all that the storage's methods give: of several cookies the first, which is the session's.
    if (this.#cookie === null || this.#cookie.name === cookie.name) this.#cookie = agedBy(this, cookie);
  }

  responseHeader(): undefined {
    return undefined;
  }

  setResponseHeader(): void {}

  /** The cookie that is to be sent, once. */
  takeCookie(): Cookie | null {
    const cookie = this.#cookie;
    this.#cookie = null;
    return cookie;
  }
}

function agedBy({ cookieAge }: CookieLife, cookie: Cookie): Cookie {
  return cookieAge === null || cookie.maxAge === 0 ? cookie : { ...cookie, maxAge: cookieAge };
}
