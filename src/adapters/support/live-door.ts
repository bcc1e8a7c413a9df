import type { IncomingMessage } from "node:http";
import type { AnySession, LiveHooks, LiveSession } from "../../index.ts";
import { isSameHost, SessionError } from "../../index.ts";
import { checkAdapter } from "./options.ts";
import { HandshakeExchange } from "./handshake-exchange.ts";

export interface LiveDoorOptions {
  /**
   * Which pages may connect, by their origin, such as `["https://shop.example"]`, or a function that says so. Default: those of the
   * host that the handshake goes to. A handshake without an Origin is no browser's, and is let in.
   */
  readonly origins?: readonly string[] | ((origin: string, request: IncomingMessage) => boolean);
  /** What a handshake must come with, else it is refused with status 401: a `"session"`, or a `"user"` who is logged in. Default: nothing. */
  readonly require?: "session" | "user";
  /** The client's address. Default: the other end of the connection, which may be a proxy. */
  readonly clientAddress?: (request: IncomingMessage) => string | undefined;
  /** Is told why a handshake failed that should not have. Default: what is not the store's trouble, which an event tells, is printed. */
  readonly onError?: (error: unknown, request: IncomingMessage) => void;
}

/** Why a handshake is refused. */
export interface Refusal {
  readonly status: 401 | 403 | 500 | 503;
  readonly text: string;
}

/** What came of a handshake: the session to connect with, or a refusal. */
export type Admission<S extends AnySession> =
  | { readonly kind: "admitted"; open(): LiveSession<S> }
  | { readonly kind: "refused"; readonly refusal: Refusal };

const TEXTS = {
  401: "Unauthorized",
  403: "Forbidden",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;

/** What every adapter of sockets asks before a connection is opened: whence, and with which session. */
export class LiveDoor<S extends AnySession> {
  readonly #manager: LiveHooks<S>;
  readonly #options: LiveDoorOptions;
  readonly #allows: (origin: string, request: IncomingMessage) => boolean;

  /** @throws `ERR_SESSION_CONFIG` when the first argument is no manager, or an option is unknown or of the wrong kind. */
  constructor(manager: LiveHooks<S>, options: LiveDoorOptions) {
    const { origins, ...others } = options;
    checkAdapter(manager, others, { require: "string", clientAddress: "function", onError: "function" });
    const { require } = options;
    if (require !== undefined && require !== "session" && require !== "user")
      throw new SessionError("ERR_SESSION_CONFIG", 'The option require must be "session" or "user".');
    this.#manager = manager;
    this.#options = options;
    this.#allows = originRule(origins);
  }

  /** Loads the session of a handshake. Never rejects. */
  async admit(request: IncomingMessage, address?: string): Promise<Admission<S>> {
    try {
      const { origin } = request.headers;
      if (origin !== undefined && !this.#allows(origin, request)) return refused(403);
      return await this.#load(request, address);
    } catch (error) {
      this.#tell(error, request);
      return refused(expectedStatus(error) ?? 500);
    }
  }

  async #load(request: IncomingMessage, address: string | undefined): Promise<Admission<S>> {
    const { clientAddress, require } = this.#options;
    const from =
      clientAddress === undefined ? (address ?? request.socket.remoteAddress) : clientAddress(request);
    const exchange = new HandshakeExchange(request, from);
    const session = await this.#manager.startRequest(exchange);
    const missing = (require === "session" && session.isNew) || (require === "user" && session.user === null);
    if (missing) {
      await this.#manager.finishFailedRequest(exchange);
      return refused(401);
    }
    await this.#manager.finishSuccessfulRequest(exchange);
    return { kind: "admitted", open: () => this.#manager.live(session) };
  }

  #tell(error: unknown, request: IncomingMessage): void {
    const { onError } = this.#options;
    if (onError === undefined) {
      if (expectedStatus(error) === null) console.error(error);
      return;
    }
    try {
      onError(error, request);
    } catch (mistake) {
      // It harms its own handshake, and never the process.
      console.error(mistake);
    }
  }
}

/** An outage is told of by an event, and so is what an extension refuses: neither is anybody's mistake. */
function expectedStatus(error: unknown): 401 | 503 | null {
  if (!SessionError.is(error)) return null;
  return error.status === 401 || error.status === 503 ? error.status : null;
}

function refused(status: Refusal["status"]): { readonly kind: "refused"; readonly refusal: Refusal } {
  return { kind: "refused", refusal: { status, text: TEXTS[status] } };
}

function originRule(
  origins: LiveDoorOptions["origins"],
): (origin: string, request: IncomingMessage) => boolean {
  if (origins === undefined) return (origin, { headers }) => isSameHost(origin, headers.host);
  if (typeof origins === "function") return origins;
  const problem =
    "The option origins must be a list of origins, such as https://shop.example, or a function.";
  if (!Array.isArray(origins)) throw new SessionError("ERR_SESSION_CONFIG", problem);
  const allowed = new Set(origins.map((one: unknown) => originOf(one)));
  if (allowed.has(null)) throw new SessionError("ERR_SESSION_CONFIG", problem);
  return (origin) => allowed.has(origin);
}

/** An origin as browsers send it, that of an app (`capacitor://localhost`) too; `null` for what is none, or has a path besides. */
function originOf(text: unknown): string | null {
  if (typeof text !== "string" || !URL.canParse(text)) return null;
  const { protocol, host, href } = new URL(text);
  const origin = `${protocol}//${host}`;
  return host !== "" && (href === `${origin}/` || href === origin) ? origin : null;
}
