import type { AnySession, Session } from "../../index.ts";
import type { RequestSession } from "../support/request-session.ts";

/**
 * Importing `holdfast/adapters/express/types` gives `request.session` a type. Say which by declaring the manager's session:
 *
 * ```ts
 * declare module "holdfast/adapters/express/types" {
 *   interface Register { session: Session<{ cart: string[] }> }
 * }
 * ```
 *
 * It is an import of its own because a global type would collide with that of another session library.
 */
export interface Register {}

/** The registered session type, or any session. */
export type RegisteredSession = Register extends { readonly session: infer S extends AnySession }
  ? S
  : Session;

declare global {
  interface HoldfastRequestSessions {
    readonly manager: RegisteredSession;
  }
  // oxlint-disable-next-line typescript/no-namespace -- the name under which @types/express takes additions
  namespace Express {
    interface Request {
      session: RequestSession;
    }
  }
}
