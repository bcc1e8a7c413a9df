import { contextValue } from "./platform.ts";
import type { Session } from "./session.ts";

/**
 * The session of the current request, anywhere below its handler, when its manager has `context: true`; `null`
 * elsewhere. With two managers in one application, the one entered last: ask an adapter's `of(request)` to be sure.
 */
export function currentSession<S extends Session = Session>(): S | null {
  return (contextValue() as S | undefined) ?? null;
}
