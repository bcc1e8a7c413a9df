import type { Draft } from "./draft.ts";
import type { CommitInput, Renewal } from "./plan.ts";
import type { SessionRecord } from "./record.ts";
import type { AnySession } from "./session.ts";
import type { SessionHost } from "./session-host.ts";

/** What the manager may do with a session that a handler may not. */
export interface SessionAccess {
  host(session: AnySession): SessionHost;
  input(session: AnySession, rotationDue: boolean, stale: boolean): CommitInput;
  base(session: AnySession): SessionRecord | null;
  ended(session: AnySession): SessionRecord | null;
  rebase(session: AnySession, record: SessionRecord): readonly string[];
  draft(session: AnySession): Draft;
  renewal(session: AnySession): Renewal | null;
  rememberMs(session: AnySession): number | null;
  settle(session: AnySession, record: SessionRecord, renewal: Renewal | null): void;
  endSettled(session: AnySession): void;
  /** Tells whether the session that the draft was staged for was ended, or given up, since. */
  isOver(session: AnySession, draft: Draft): boolean;
  /** Whether it is, or may be, that of a user: what is stored of them is not looked into. */
  isOfUser(session: AnySession): boolean;
  /** Has a record ended that was created for a session that was over by then. */
  endToo(session: AnySession, record: SessionRecord): void;
  noteDevice(session: AnySession): boolean;
  vanish(session: AnySession): void;
  detach(session: AnySession): void;
  /** The fields of a record of this session, as far as the handler may know them. */
  shownFields(session: AnySession, record: SessionRecord): SessionRecord["fields"];
  rollBack(session: AnySession): void;
  quietly<T>(session: AnySession, work: () => T): T;
}
