import type { Clock } from "./clock.ts";
import type { DraftRules } from "./draft.ts";
import type { Lifetime } from "./lifetime.ts";
import type { SessionRecord } from "./record.ts";
import type { Device } from "./reserved.ts";
import type { AnySession } from "./session.ts";

/** What the manager lends to a session for the time of one request. */
export interface SessionHost {
  readonly clock: Clock;
  readonly lifetime: Lifetime;
  readonly rules: DraftRules;
  readonly device: Device;
  /** The handler looked at the session: the response depends on the cookie. */
  onLook(): void;
  /** The library itself changed something: there may be something to store, although nobody looked. */
  onUse(): void;
  /** A login was staged. */
  onLogin(session: AnySession): void;
  /**
   * Before a verb that changes something only where there is something to change: it must not work until there is.
   *
   * @throws `ERR_SESSION_READ_ONLY` where the session can only be read.
   */
  beforeTaking(): void;
  /** @throws when nothing can be staged any more, or the session can only be read. */
  beforeStaging(): void;
  /** @throws `ERR_SESSION_SENT` when the response can no longer carry a new cookie. */
  beforeNewSecret(verb: string): void;
  /** A number above all that this manager gave before: it orders logins and revocations of one process. */
  nextSequence(): number;
  commit(): Promise<void>;
  claim(name: string): Promise<unknown>;
}

/** What the constructor of a session is given. Opaque: a subclass passes it on. */
export interface SessionInit {
  readonly host: SessionHost;
  readonly record: SessionRecord | null;
}
