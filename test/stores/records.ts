// The records that the stores' own tests work with.
import type { SessionId, SessionRecord } from "../../src/core/record.ts";
import type { Call } from "../../src/core/store.ts";

/** Far ahead, so that no engine's own clock finds a record expired. */
export const NOW: number = Date.UTC(2100, 0, 1);

export function call(): Call {
  return { signal: new AbortController().signal };
}

export function idOf(name: string): SessionId {
  return name.padEnd(24, "0") as SessionId;
}

export function recordOf(name: string, given: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: idOf(name),
    epoch: 1,
    version: 1,
    secretHash: "h".repeat(43),
    labels: ["user:1"],
    createdAt: NOW,
    accessedAt: NOW,
    expiresAt: NOW + 1000,
    endsAt: NOW + 2000,
    fields: { a: "1" },
    ...given,
  };
}
