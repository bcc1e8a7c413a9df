import type { AuditEntry } from "./entries.ts";

const WINDOW_MS = 60_000;
/** So many addresses are told apart at a time; what comes from further ones counts in the whole alone. */
const MAX_ADDRESSES = 10_000;

export interface GuessingLimits {
  readonly perAddress: number;
  readonly overall: number;
}

/** Counts what is presented in vain, minute by minute, and tells once a minute of whoever does so too often. */
export class GuessingWatch {
  readonly #limits: GuessingLimits;
  readonly #byAddress: Map<string, number> = new Map();
  #overall = 0;
  #since = Number.NEGATIVE_INFINITY;

  constructor(limits: GuessingLimits) {
    this.#limits = limits;
  }

  /** Counts one, and gives the alarms that it is the cause of. */
  note(address: string | null, at: number): AuditEntry[] {
    if (at - this.#since >= WINDOW_MS || at < this.#since) this.#begin(at);
    this.#overall += 1;
    const own = address === null ? 0 : this.#count(address);
    return [
      ...(own === this.#limits.perAddress ? [alarm(at, address, own)] : []),
      ...(this.#overall === this.#limits.overall ? [alarm(at, null, this.#overall)] : []),
    ];
  }

  #begin(at: number): void {
    this.#since = at;
    this.#overall = 0;
    this.#byAddress.clear();
  }

  #count(address: string): number {
    const known = this.#byAddress.get(address);
    if (known === undefined && this.#byAddress.size >= MAX_ADDRESSES) return 0;
    const count = (known ?? 0) + 1;
    this.#byAddress.set(address, count);
    return count;
  }
}

function alarm(at: number, address: string | null, count: number): AuditEntry {
  return {
    at: new Date(at).toISOString(),
    event: "guessing",
    severity: "alert",
    session: null,
    user: null,
    address,
    reason: address === null ? "many cookies open nothing" : "many cookies from one address open nothing",
    details: { count, withinSeconds: WINDOW_MS / 1000 },
  };
}
