import { type Steps, waited } from "./answer.ts";
import { SessionError } from "./errors.ts";
import type { Marks } from "./marks.ts";
import type { LoginNote } from "./plan.ts";
import type { SessionId } from "./record.ts";
import type { Seats } from "./seats.ts";

/** What a login has to pass besides being stored: no revocation came meanwhile, and its user has a seat left. */
export class Admission {
  readonly #marks: Marks | null;
  readonly #seats: Seats | null;

  /** Without marks nothing is ever revoked but by id; without seats users have as many sessions as they like. */
  constructor(marks: Marks | null, seats: Seats | null) {
    this.#marks = marks;
    this.#seats = seats;
  }

  /** Refuses a login early that would find no seat, as {@link admit} does. `undefined` when there is nothing to ask. */
  ask(login: LoginNote | undefined, id: SessionId | null): Promise<void> | undefined {
    return login === undefined ? undefined : this.#seats?.demand(login.user, id);
  }

  /**
   * Admits a login whose record is stored.
   *
   * @throws `ERR_SESSION_REVOKED` or `ERR_SESSION_TOO_MANY` when it is refused, `ERR_SESSION_STORE_UNAVAILABLE` when the store cannot say.
   */
  *admit(login: LoginNote, id: SessionId, address: string | null): Steps<void> {
    if (this.#marks !== null && (yield* waited(this.#marks.voids(login, id)))) {
      throw new SessionError(
        "ERR_SESSION_REVOKED",
        "The user's sessions were revoked while this login was under way. Log in again.",
      );
    }
    if (this.#seats !== null) yield* waited(this.#seats.take(login.user, id, address));
  }

  /** Tells whether an error of these refuses a login, and is not a store's. */
  static refused(error: unknown): boolean {
    if (!SessionError.is(error)) return false;
    return error.code === "ERR_SESSION_REVOKED" || error.code === "ERR_SESSION_TOO_MANY";
  }
}
