import { setTimeout as wait } from "node:timers/promises";

/** How long the harbour master takes to answer, in milliseconds. */
const THINKING_MS = 400;

/** Asks for the waters of today, which takes its time. */
export async function askHarbourMaster(): Promise<readonly string[]> {
  await wait(THINKING_MS);
  return ["High water 04:10", "Low water 10:22", "High water 16:35", "Low water 22:47"];
}
