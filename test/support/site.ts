import {
  type FieldSchemas,
  type Session,
  SessionError,
  SessionManager,
  type SessionManagerOptions,
} from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { manualClock } from "../../src/testing/clock.ts";
import { cookieAfter, testExchange, type TestExchange } from "./exchange.ts";

type Options = Partial<SessionManagerOptions<FieldSchemas, Session>>;

/** A manager with a store in memory and a clock that the test moves, and requests to it. */
export function site(options: Options = {}) {
  const clock = manualClock();
  const store = memoryStore();
  const manager = new SessionManager({ store, clock, ...options });
  const open = async (cookie?: string): Promise<{ exchange: TestExchange; session: Session }> => {
    const exchange = testExchange(cookie === undefined ? {} : { cookie });
    return { exchange, session: await manager.startRequest(exchange) };
  };
  const visit = async (cookie: string | undefined, work: (session: Session) => unknown) => {
    const { exchange, session } = await open(cookie);
    const result = await work(session);
    await manager.finishSuccessfulRequest(exchange);
    return {
      exchange,
      session,
      result,
      cookie: exchange.cookies.length > 0 ? cookieAfter(exchange) : cookie,
    };
  };
  const read = async <T>(cookie: string | undefined, work: (session: Session) => T): Promise<T> => {
    const { session } = await open(cookie);
    return work(session);
  };
  return { clock, store, manager, open, visit, read };
}

/** The error that a call is refused with. */
export function refusal(work: () => unknown): SessionError {
  try {
    work();
  } catch (error) {
    if (SessionError.is(error)) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

/** The error that work is refused with. */
export async function rejection(work: Promise<unknown> | void): Promise<SessionError> {
  try {
    await work;
  } catch (error) {
    if (SessionError.is(error)) return error;
    throw error;
  }
  throw new Error("it was not refused");
}
