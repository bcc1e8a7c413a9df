import type { SessionId, SessionRecord } from "../core/record.ts";
import type { MigrationSamples } from "./report.ts";

/** Records of a walk, each as likely as any other, to be compared afterwards with what the new store has. */
export class Samples {
  readonly #most: number;
  readonly #kept: SessionRecord[] = [];
  #offered = 0;

  constructor(most: number) {
    this.#most = most;
  }

  offer(record: SessionRecord): void {
    this.#offered += 1;
    if (this.#kept.length < this.#most) return void this.#kept.push(record);
    const place = Math.floor(Math.random() * this.#offered);
    if (place < this.#most) this.#kept[place] = record;
  }

  async compared(
    read: (id: SessionId) => Promise<SessionRecord | null>,
    now: number,
  ): Promise<MigrationSamples> {
    const wrong: SessionId[] = [];
    const counts = { checked: 0, equal: 0, changed: 0, missing: 0 };
    for (const meant of this.#kept) {
      // One that expires meanwhile may go of itself.
      if (meant.expiresAt <= now) continue;
      counts.checked += 1;
      const verdict = judged(await read(meant.id), meant);
      if (verdict === "wrong") wrong.push(meant.id);
      else counts[verdict] += 1;
    }
    return { ...counts, wrong };
  }
}

function judged(
  there: SessionRecord | null,
  meant: SessionRecord,
): "equal" | "changed" | "missing" | "wrong" {
  if (there === null) return "missing";
  if (there.epoch > meant.epoch || (there.epoch === meant.epoch && there.version > meant.version))
    return "changed";
  return isSame(there, meant) ? "equal" : "wrong";
}

/** A touch moves the times, and nothing else. */
function isSame(there: SessionRecord, meant: SessionRecord): boolean {
  return (
    (["epoch", "version", "secretHash", "createdAt", "endsAt"] as const).every(
      (name) => there[name] === meant[name],
    ) &&
    there.accessedAt >= meant.accessedAt &&
    there.expiresAt >= meant.expiresAt &&
    String([...there.labels].sort()) === String([...meant.labels].sort()) &&
    Object.keys(there.fields).length === Object.keys(meant.fields).length &&
    Object.entries(meant.fields).every(([name, text]) => there.fields[name] === text)
  );
}
