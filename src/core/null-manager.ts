import { systemClock } from "./clock.ts";
import { jsonCodec } from "./codec.ts";
import type { HttpExchange } from "./exchange.ts";
import type { LiveHooks } from "./hooks.ts";
import { resolveLifetime } from "./lifetime.ts";
import type { LiveSession } from "./live.ts";
import { Session } from "./session.ts";
import type { SessionHost } from "./session-host.ts";

const lifetime = resolveLifetime({});

/** A session that lasts as long as its request. */
const NOWHERE: SessionHost = {
  clock: systemClock,
  lifetime,
  rules: { codec: jsonCodec, schemas: {}, onInvalid: () => undefined },
  device: {},
  onLook: () => undefined,
  onUse: () => undefined,
  onLogin: () => undefined,
  beforeTaking: () => undefined,
  beforeStaging: () => undefined,
  beforeNewSecret: () => undefined,
  nextSequence: () => 0,
  commit: () => Promise.resolve(),
  claim: () => Promise.resolve(undefined),
};

/**
 * A manager that manages nothing: each request gets an empty session, no cookie is read or set, and nothing is stored.
 * For parts of an application, or tests, that need the shape of sessions without their substance.
 */
export class NullSessionManager implements LiveHooks<Session> {
  readonly #sessions: WeakMap<HttpExchange, Session> = new WeakMap();

  startRequest(exchange: HttpExchange): Session {
    const session = this.#sessions.get(exchange) ?? this.newSession();
    this.#sessions.set(exchange, session);
    return session;
  }

  newSession(): Session {
    return new Session({ host: NOWHERE, record: null });
  }

  commitEarly(_exchange: HttpExchange): void {}

  async commitByHand(_exchange: HttpExchange, _cookie: "if new" | "always"): Promise<void> {}

  finishSuccessfulRequest(_exchange: HttpExchange): void {}

  finishFailedRequest(_exchange: HttpExchange): void {}

  finishLate(_exchange: HttpExchange): void {}

  abandon(_exchange: HttpExchange): void {}

  within<T>(_session: Session, work: () => T): T {
    return work();
  }

  /** Gives a connection without a session, whose messages each get an empty one. It is over when it is closed, and never before. */
  live(_session: Session): LiveSession<Session> {
    const controller = new AbortController();
    return {
      id: null,
      user: null,
      end: null,
      signal: controller.signal,
      onEnd: () => () => undefined,
      run: async (work) => await work(this.newSession()),
      touch: () => undefined,
      close: () => controller.abort(),
    };
  }
}
