import type { SessionId } from "../../src/core/record.ts";

export const NOW: number = Date.UTC(2100, 0, 1);
/** The sessions over which all processes of the storm contend. */
export const SHARED: readonly string[] = ["shared-a", "shared-b", "shared-c"];

export function idOf(name: string): SessionId {
  return name.padEnd(24, "_") as SessionId;
}
