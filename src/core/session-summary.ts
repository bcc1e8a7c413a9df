import type { Draft } from "./draft.ts";
import type { SessionId } from "./record.ts";
import type { AnySession } from "./session.ts";

/** What a session prints as: id, user, times and names of fields; never a value, a secret or a token. */
export interface Summary {
  readonly id: SessionId | null;
  readonly user: string | null;
  readonly isNew: boolean;
  readonly createdAt: number;
  readonly fields: readonly string[];
}

export function summaryOf({ id, user, isNew, createdAt }: AnySession, draft: Draft): Summary {
  return { id, user, isNew, createdAt, fields: draft.keys() };
}

/** A function that is there already, for what is asked of every session. */
export function hasInfo(session: AnySession): boolean {
  return session.hasInfo();
}
