/// <reference types="fastify" preserve="true" />
import type { AnySession, Session } from "../../index.ts";

/**
 * Importing `holdfast/adapters/fastify/types` gives `request.session` a type. Say which by declaring the manager's session:
 *
 * ```ts
 * declare module "holdfast/adapters/fastify/types" {
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

declare module "fastify" {
  interface FastifyRequest {
    readonly session: RegisteredSession;
  }
}
