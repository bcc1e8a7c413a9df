import { type CookieAttributes, writeCookie } from "./cookie-header.ts";
import { deprecated } from "./deprecation.ts";

/** The settings of a session's cookie. */
export interface CookieOptions {
  /** How long the cookie lives, in milliseconds from each time that it is sent. Default `null`: until the browser is closed. */
  maxAge?: number | null | undefined;
  /** When the cookie expires. Better set `maxAge`; of the two the later one in the object counts. */
  expires?: Date | null | undefined;
  signed?: boolean | undefined;
  /** Keeps scripts from reading it. Default `true`. */
  httpOnly?: boolean | undefined;
  /** Default `"/"`. Requests outside of it have no session. */
  path?: string | undefined;
  /** Default: the host that set it, alone. */
  domain?: string | undefined;
  /** Sent over HTTPS alone; over HTTP no cookie is set then. `"auto"`: as the connection is. Default: not. */
  secure?: boolean | "auto" | undefined;
  encode?: ((value: string) => string) | undefined;
  /** `true` is `"strict"`; `"auto"` is `"none"` over HTTPS and `"lax"` else. Default: none is named. */
  sameSite?: boolean | "lax" | "strict" | "none" | "auto" | undefined;
  priority?: "low" | "medium" | "high" | undefined;
  partitioned?: boolean | undefined;
}

/** What a cookie is stored as. */
export type CookieSettings = CookieAttributes & { readonly originalMaxAge: number | null };

/** The cookie of one session: its settings, and the time when it expires. Stored with the session. */
export class Cookie implements CookieOptions {
  /** What `maxAge` was when it was set last: what a touch sets it to again. */
  declare originalMaxAge: number | null;
  declare signed?: boolean | undefined;
  declare httpOnly?: boolean | undefined;
  declare path?: string | undefined;
  declare domain?: string | undefined;
  declare secure?: boolean | "auto" | undefined;
  declare sameSite?: boolean | "lax" | "strict" | "none" | "auto" | undefined;
  declare priority?: "low" | "medium" | "high" | undefined;
  declare partitioned?: boolean | undefined;
  /** @internal */
  declare _expires: Date | null | undefined;

  /** @throws TypeError for options that are no object, and a `maxAge` that is neither a number nor a date. */
  constructor(options?: CookieOptions) {
    beginCookie(this, options);
  }

  get expires(): Date | null | undefined {
    return this._expires;
  }

  /** Also makes what is left until then the age that touches set again. `false` or `null`: until the browser is closed. */
  set expires(date: Date | null | false | undefined) {
    this._expires = date as Date;
    this.originalMaxAge = this.maxAge as number | null;
  }

  /** The milliseconds that are left. */
  get maxAge(): number | undefined {
    const { _expires } = this;
    return _expires instanceof Date ? _expires.valueOf() - Date.now() : (_expires as undefined);
  }

  set maxAge(ms: number | Date | null | undefined) {
    if (ms && typeof ms !== "number" && !(ms instanceof Date))
      throw new TypeError("maxAge must be a number or Date");
    if (ms instanceof Date) deprecated("maxAge as Date; pass number of milliseconds instead");
    this.expires = typeof ms === "number" ? new Date(Date.now() + ms) : ms;
    // And no millisecond less, should the clock have moved meanwhile: each touch would take one.
    if (typeof ms === "number") this.originalMaxAge = ms;
  }

  /** What is stored of it. */
  get data(): CookieSettings {
    return {
      originalMaxAge: this.originalMaxAge,
      partitioned: this.partitioned,
      priority: this.priority,
      expires: this._expires,
      secure: this.secure,
      httpOnly: this.httpOnly,
      domain: this.domain,
      path: this.path,
      sameSite: this.sameSite,
    };
  }

  /** The `Set-Cookie` line. @throws TypeError for settings that no cookie can have. */
  serialize(name: string, value: string): string {
    return writeCookie(name, value, this.data);
  }

  toJSON(): object {
    return this.data;
  }
}

/** What the constructor does. */
export function beginCookie(cookie: Cookie, options?: CookieOptions): void {
  cookie.path = "/";
  cookie.maxAge = null;
  cookie.httpOnly = true;
  if (options) {
    if (typeof options !== "object") throw new TypeError("argument options must be a object");
    for (const name in options) {
      if (name === "data") continue;
      (cookie as unknown as Record<string, unknown>)[name] = (options as Record<string, unknown>)[name];
    }
  }
  cookie.originalMaxAge ??= cookie.maxAge as number | null;
}
