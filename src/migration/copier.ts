import type { SessionRecord } from "../core/record.ts";
import type { AnyStore, Call } from "../core/store.ts";
import type { Carrier } from "./carrier.ts";

const MAX_ATTEMPTS = 8;

/** Copies records. An older copy is replaced, a newer record never. */
export class Copier implements Carrier {
  readonly empties = false;
  readonly #to: AnyStore;

  constructor(to: AnyStore) {
    this.#to = to;
  }

  meant(found: SessionRecord): SessionRecord {
    return found;
  }

  async bring(found: SessionRecord, call: Call): Promise<"brought" | "present"> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      if (await this.#to.create(found, call)) return "brought";
      const there = await this.#to.read(found.id, call);
      if (there !== null && !isOlder(there, found)) return "present";
      // Under its condition: nobody's newer record goes.
      if (there !== null) await this.#to.delete(found.id, { ifVersion: there.version }, call);
    }
    throw new Error("Others changed the copy every time.");
  }
}

function isOlder(there: SessionRecord, found: SessionRecord): boolean {
  if (there.epoch !== found.epoch) return there.epoch < found.epoch;
  if (there.version !== found.version) return there.version < found.version;
  return there.accessedAt < found.accessedAt || there.expiresAt < found.expiresAt;
}
