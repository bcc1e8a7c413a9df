import { type Cookie, type HttpExchange, serializeCookie } from "../../index.ts";

/** Where Next takes cookies from a server action. */
export interface CookieJar {
  set(cookie: NextCookie): unknown;
}

/** A cookie as Next takes it. */
interface NextCookie {
  name: string;
  value: string;
  path: string;
  domain?: string;
  secure: boolean;
  httpOnly: boolean;
  sameSite: "strict" | "lax" | "none";
  partitioned?: boolean;
  maxAge?: number;
}

/** What a server action or a page knows of its request. */
export interface View {
  readonly headers: Headers;
  /** The line of the Cookie header as it stands for this part of the request. */
  readonly cookieLine: string | null;
  readonly mountPath: string;
  readonly remoteAddress: string | undefined;
  readonly waitUntil: (work: Promise<unknown>) => void;
  /** `null` where no cookie can be set. */
  readonly jar: CookieJar | null;
  readonly readOnly?: string;
}

/** The request of a server action or of a page, of which Next shows the headers alone. */
export class HeadersExchange implements HttpExchange {
  readonly commitsLate = false;
  /** Next does not tell the address. */
  readonly url = "";
  readonly method: string;
  readonly mountPath: string;
  readonly remoteAddress: string | undefined;
  readonly readOnly: string | undefined;
  readonly waitUntil: (work: Promise<unknown>) => void;
  readonly #view: View;
  readonly #cookiesSet: string[] = [];

  constructor(view: View) {
    this.#view = view;
    this.method = view.jar === null ? "GET" : "POST";
    this.mountPath = view.mountPath;
    this.remoteAddress = view.remoteAddress;
    this.readOnly = view.readOnly;
    this.waitUntil = view.waitUntil;
  }

  get secure(): boolean {
    return this.header("x-forwarded-proto") === "https";
  }

  get cookieLines(): readonly string[] {
    const { cookieLine } = this.#view;
    return cookieLine === null ? [] : [cookieLine];
  }

  get canSetCookie(): boolean {
    return this.#view.jar !== null;
  }

  /** The lines of the cookies that were set. */
  get cookiesSet(): readonly string[] {
    return this.#cookiesSet;
  }

  header(name: string): string | undefined {
    return this.#view.headers.get(name) ?? undefined;
  }

  setCookie(cookie: Cookie): void {
    this.#cookiesSet.push(serializeCookie(cookie));
    this.#view.jar?.set(nextCookie(cookie));
  }

  /** Next shows and takes no header of a response here. Its own make answers to actions, and pages that ask for headers, private. */
  responseHeader(_name: string): undefined {}

  setResponseHeader(_name: string, _value: string): void {}
}

function nextCookie({
  name,
  value,
  path,
  domain,
  secure,
  httpOnly,
  sameSite,
  partitioned,
  maxAge,
}: Cookie): NextCookie {
  return {
    name,
    value,
    path,
    ...(domain !== undefined && { domain }),
    secure,
    httpOnly,
    sameSite: sameSite.toLowerCase() as Lowercase<typeof sameSite>,
    ...(partitioned && { partitioned }),
    ...(maxAge !== undefined && { maxAge }),
  };
}
