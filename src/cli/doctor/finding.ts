import type { StoreAddress } from "../../open-store/address.ts";
import type { FindDriver } from "../../open-store/driver.ts";

/**
 * How bad it is: an `error` loses or shows sessions while everything runs, or keeps the store from working; a `warning` loses them
 * when something fails; a `note` is to be known.
 */
export type Severity = "error" | "warning" | "note" | "ok";

export interface Finding {
  readonly severity: Severity;
  /** What was looked at, in a word or two that do not change between versions. */
  readonly check: string;
  readonly finding: string;
  /** What to do about it; `null` where nothing is to be done. */
  readonly mend: string | null;
}

export function ok(check: string, finding: string): Finding {
  return { severity: "ok", check, finding, mend: null };
}

export function wrong(
  severity: Exclude<Severity, "ok">,
  check: string,
  finding: string,
  mend: string,
): Finding {
  return { severity, check, finding, mend };
}

/** What the checks of an engine are given. */
export interface Patient {
  readonly address: StoreAddress;
  readonly find: FindDriver;
  /** Aborts when it has taken too long. */
  readonly signal: AbortSignal;
  now(): number;
}

/** How far the clocks may be apart before limits feel it, in milliseconds. */
const SKEW_NOTED = 1000;
const SKEW_WRONG = 30_000;

/**
 * Compares the engine's clock with the one here. It was asked between two looks at the latter, so that the way to it does not
 * count as skew.
 */
export function skewFinding(engine: number, before: number, after: number): Finding {
  const skew = engine < before ? engine - before : engine > after ? engine - after : 0;
  const apart = `${Math.abs(skew)} ms ${skew > 0 ? "ahead of" : "behind"} the clock here`;
  if (Math.abs(skew) <= SKEW_NOTED)
    return ok("clock", `within ${Math.max(1, Math.abs(skew))} ms of the clock here`);
  const mend = "Let both machines keep their time by NTP (chrony, systemd-timesyncd).";
  return wrong(
    Math.abs(skew) > SKEW_WRONG ? "error" : "warning",
    "clock",
    `the engine's clock is ${apart}`,
    mend,
  );
}

interface Host {
  readonly host: string;
}

/** A connection that leaves this machine has to be encrypted. */
export function encryptionFinding(hosts: readonly Host[], encrypted: boolean, mend: string): Finding {
  if (encrypted) return ok("encryption", "the connection is encrypted");
  if (hosts.every(({ host }) => isHere(host)))
    return ok("encryption", "the connection does not leave this machine");
  return wrong(
    "warning",
    "encryption",
    "the connection leaves this machine and is not encrypted: hashes of secrets and all data can be read on the way",
    mend,
  );
}

function isHere(host: string): boolean {
  return (
    host === "localhost" || host === "::1" || host === "" || host.startsWith("127.") || host.startsWith("/")
  );
}

/** What could not be asked is told, and keeps nothing else from being asked. */
export async function attempted(
  check: string,
  ask: () => Promise<readonly Finding[]>,
  mend: string,
): Promise<readonly Finding[]> {
  try {
    return await ask();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [wrong("note", check, `could not be looked at: ${why}`, mend)];
  }
}

/** Compares versions by their first two numbers. */
export function isAtLeast(version: string, major: number, minor: number): boolean {
  const [first = 0, second = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return first > major || (first === major && second >= minor);
}
