// What somebody makes of what they read.
import { createHash } from "node:crypto";
import { Token } from "../../../src/index.ts";

/** Longer runs are sealed texts. Of those not every part is tried, nor what could be made of it. */
const LONGEST_SHORT_RUN = 80;
const STRIDE = 8;

/** Everything in a text that can be an id or a part of a token by the grammar: runs of its characters. */
export function runsIn(dump: string): string[] {
  return [...new Set(dump.match(/[A-Za-z0-9_-]{20,}/g) ?? [])];
}

/** Every part of this length of every run; of long ones, one that begins at every eighth character. */
export function partsOf(runs: readonly string[], length: number): Set<string> {
  const parts = new Set<string>();
  for (const run of runs) {
    const step = run.length > LONGEST_SHORT_RUN ? STRIDE : 1;
    for (let at = 0; at + length <= run.length; at += step) parts.add(run.slice(at, at + length));
  }
  return parts;
}

/**
 * Texts of the grammar of a secret: every part of what was read; what comes of hashing it; and what comes of taking either end of
 * a run for a secret and unmasking the ends of all with it, as the holder of an old secret finds its successor.
 */
export function secretsFrom(runs: readonly string[]): Set<string> {
  const secrets = partsOf(runs, 32);
  const short = runs.filter((run) => run.length <= LONGEST_SHORT_RUN);
  for (const run of short) {
    for (const text of [run, ...partsOf([run], 22), ...partsOf([run], 32), ...partsOf([run], 43)]) {
      const hash = createHash("sha256").update(text).digest("base64url");
      secrets.add(hash.slice(0, 32)).add(hash.slice(-32));
    }
  }
  const ends = new Set(
    short.flatMap((run) => [run.slice(0, 32), run.slice(-32)]).filter((part) => part.length === 32),
  );
  for (const holder of ends) {
    const token = Token.parse("A".repeat(24) + holder);
    for (const mask of ends) {
      const successor = token?.unmaskSuccessor(mask).reveal().slice(24);
      if (successor !== undefined) secrets.add(successor);
    }
  }
  return secrets;
}
