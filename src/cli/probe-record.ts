import { randomBytes } from "node:crypto";
import type { SessionId, SessionRecord } from "../index.ts";

const LIFE_MS = 60_000;

/** A record to try a store with. It has no secret, so that it opens for nobody and counts as no session, and is over in a minute. */
export function probeRecord(now: number): SessionRecord {
  return {
    id: randomBytes(18).toString("base64url") as SessionId,
    epoch: 1,
    version: 1,
    secretHash: "",
    labels: [],
    createdAt: now,
    accessedAt: now,
    expiresAt: now + LIFE_MS,
    endsAt: now + LIFE_MS,
    fields: { "~probe": '"tried"' },
  };
}
