import { SessionError } from "./errors.ts";
import type { Gate } from "./gate.ts";
import { backOff } from "./platform.ts";
import type { SessionId, SessionRecord } from "./record.ts";
import { MARK, reservedValue } from "./reserved.ts";

const MAX_ATTEMPTS = 32;

/** Tells whether a record is a mark and not a session. */
export function isMark(record: SessionRecord): boolean {
  return record.secretHash === "";
}

/**
 * Changes what a mark holds, one writer after the other, and makes it when there is none. `change` is given what is stored,
 * `undefined` where nothing is, and called again when another writer was first; when it gives `undefined`, nothing is written.
 *
 * @throws `ERR_SESSION_CONFLICT` when others were first every time; what `change` throws.
 */
export async function changeMark(
  gate: Gate,
  id: SessionId,
  now: number,
  lifeMs: number,
  change: (stored: unknown) => unknown,
): Promise<void> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const current = await gate.read(id);
    const live = current !== null && isMark(current) && current.expiresAt > now ? current : null;
    const value = await change(live === null ? undefined : reservedValue(live.fields, MARK));
    if (value === undefined || (await written(gate, id, now, lifeMs, value, live))) return;
    // Expired, or what holds the place is no mark, or cannot be read: deleted only where nobody can have just put it there.
    if (current !== null && live === null) await gate.delete(id, { ifVersion: current.version });
    else if (attempt > 2 && current === null) await dropUnreadable(gate, id);
    await backOff(attempt);
  }
  throw new SessionError("ERR_SESSION_CONFLICT", "Others changed the mark first, every time. Try again.");
}

async function written(
  gate: Gate,
  id: SessionId,
  now: number,
  lifeMs: number,
  value: unknown,
  current: SessionRecord | null,
): Promise<boolean> {
  if (current === null) return await gate.create(markRecord(id, value, now, lifeMs));
  const outcome = await gate.update(id, {
    now,
    epoch: current.epoch,
    ifVersion: current.version,
    set: { [MARK]: JSON.stringify(value) },
    // A mark is never loaded, so its end moves with its last entry by a new, still unusable, secret.
    renew: { secretHash: "", nextEpoch: current.epoch, endsAt: now + lifeMs },
    accessedAt: now,
    expiresAt: now + lifeMs,
  });
  return outcome.kind === "done";
}

async function dropUnreadable(gate: Gate, id: SessionId): Promise<void> {
  if ((await gate.read(id)) === null) await gate.delete(id, {});
}

function markRecord(id: SessionId, value: unknown, now: number, lifeMs: number): SessionRecord {
  const endsAt = now + lifeMs;
  return {
    id,
    epoch: 1,
    version: 1,
    secretHash: "",
    labels: [],
    createdAt: now,
    accessedAt: now,
    expiresAt: endsAt,
    endsAt,
    fields: { [MARK]: JSON.stringify(value) },
  };
}
