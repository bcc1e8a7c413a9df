import {
  applyDecorators,
  createParamDecorator,
  SetMetadata,
  UnauthorizedException,
  UseGuards,
} from "@nestjs/common";
import type { Duration } from "../../index.ts";
import { DEFAULT_NAME, type ExecutionContextLike, sessionIn } from "./context.ts";
import { asException } from "./errors.ts";

const PUBLIC = Symbol("holdfast.nestjs.public");
const FRESH = Symbol("holdfast.nestjs.fresh");

/** How recent an authentication has to be, in the sessions of which manager. */
interface Freshness {
  readonly name: string;
  readonly maxAge: Duration;
}

/**
 * Gives a handler its session: `devices(@CurrentSession() session: Session<Shop>)`. With a second manager, by its name:
 * `@CurrentSession("admin")`. In resolvers of GraphQL it is the session of the request that brought the operation.
 *
 * @throws `ERR_SESSION_USE` for a request that has no session here, and where there is no request: messages of sockets and
 * of microservices.
 */
export const CurrentSession: (name?: string) => ParameterDecorator = createParamDecorator(
  (name: string | undefined, context) => sessionIn(context, name ?? DEFAULT_NAME),
);

/**
 * A guard that lets in who is logged in: `@UseGuards(LoggedIn)`, or `{ provide: APP_GUARD, useClass: LoggedIn }` for the
 * whole application with {@link Public} for what anybody may have. Anybody else gets an `UnauthorizedException`. For a
 * second manager: `@UseGuards(new LoggedIn("admin"))`.
 *
 * @throws `ERR_SESSION_USE` for a request without a session here, and for messages that have no request: it never lets
 * pass what it cannot judge.
 */
export class LoggedIn {
  readonly #name: string;

  constructor(name: string = DEFAULT_NAME) {
    this.#name = name;
  }

  canActivate(context: ExecutionContextLike): boolean {
    if (said(PUBLIC, context) === true) return true;
    const session = sessionIn(context, this.#name);
    if (session.user === null) throw new UnauthorizedException();
    const fresh = said(FRESH, context) as Freshness | undefined;
    if (fresh?.name !== this.#name) return true;
    try {
      session.requireFresh(fresh.maxAge);
    } catch (error) {
      throw asException(error);
    }
    return true;
  }
}

/** Lets anybody have a handler, or all of a controller, where {@link LoggedIn} guards what is around. */
export function Public(): ClassDecorator & MethodDecorator {
  return SetMetadata(PUBLIC, true);
}

/**
 * Demands that the user authenticated not longer ago than this: `@Fresh("5m")`. Brings {@link LoggedIn} along. Who did not
 * gets an `UnauthorizedException` whose `cause` has the code `ERR_SESSION_NOT_FRESH`.
 */
export function Fresh(maxAge: Duration, name: string = DEFAULT_NAME): ClassDecorator & MethodDecorator {
  const freshness: Freshness = { name, maxAge };
  return applyDecorators(SetMetadata(FRESH, freshness), UseGuards(new LoggedIn(name)));
}

/** What a decorator says of a handler, or else of its class. */
function said(key: symbol, context: ExecutionContextLike): unknown {
  const { getMetadata } = Reflect as unknown as { getMetadata(key: symbol, target: object): unknown };
  return getMetadata(key, context.getHandler()) ?? getMetadata(key, context.getClass());
}
