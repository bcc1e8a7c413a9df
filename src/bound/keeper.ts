import { type AnySession, type ExtensionEvent, type ExtensionHost, SessionError } from "../index.ts";
import { refuse } from "./options.ts";
import { type Kept, keptOf } from "./state.ts";

/** What became of a change: stored, or there was no session any more, or the store could not say. */
export type Outcome = "stored" | "gone" | "failed";

/** What happened, as events tell it. */
type Happening = Pick<ExtensionEvent, "what" | "alarming"> & {
  readonly address: string | null;
  readonly details?: NonNullable<ExtensionEvent["details"]>;
};

/** The extension's way to what is kept with sessions, and to the manager's events. */
export class Keeper {
  #host: ExtensionHost | null = null;

  attach(host: ExtensionHost): void {
    if (this.#host !== null) refuse("this one belongs to another manager. Make one for each.");
    this.#host = host;
  }

  get host(): ExtensionHost {
    return (
      this.#host ??
      refuse("it belongs to no manager. Give it to one: new SessionManager({ extensions: [bound] }).")
    );
  }

  now(): number {
    return this.host.clock.now();
  }

  /** What is kept with a session. What is stored and cannot be read is corrupt, and not nothing. */
  of(session: AnySession): Kept {
    const value = this.host.read(session);
    return value === undefined && this.host.isStored(session) ? { kind: "corrupt" } : keptOf(value);
  }

  /** Stages a change, which is made anew where another request was first. */
  stage(session: AnySession, change: (kept: Kept, value: unknown) => unknown): void {
    this.host.update(session, (value) => change(keptOf(value), value));
  }

  /** Makes a change and stores it, now. */
  async change(session: AnySession, change: (kept: Kept, value: unknown) => unknown): Promise<Outcome> {
    try {
      this.stage(session, change);
      await session.commit();
      return session.id === null ? "gone" : "stored";
    } catch (error) {
      if (!SessionError.is(error)) throw error;
      if (error.code === "ERR_SESSION_GONE") return "gone";
      // Others were first every time, or the store did not answer: to be tried again. The rest is somebody's mistake.
      if (error.status === 409 || error.status === 503) return "failed";
      throw error;
    }
  }

  tell(session: AnySession, happening: Happening): void {
    const { id } = session;
    const user = session.user ?? session.lockedUser;
    this.host.emit({ extension: "bound", id, user, ...happening });
  }
}
