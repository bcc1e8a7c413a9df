import type { SessionEvents } from "../../core/events.ts";
import type { ForeignSessions } from "./foreign-sessions.ts";

/** What a bridge tells of. */
export type BridgeEvents = Pick<SessionEvents, "conflict" | "gone" | "corrupt" | "storeFailure">;

const NAMES = ["conflict", "gone", "corrupt", "storeFailure"] as const;

/** Has everything that is told told again by a bridge's own means. */
export function tellAs(
  sessions: ForeignSessions,
  tell: (name: keyof BridgeEvents, told: BridgeEvents[keyof BridgeEvents]) => void,
): void {
  for (const name of NAMES) sessions.on(name, (told) => tell(name, told));
}
