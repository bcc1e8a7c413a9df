import type { SessionRecord } from "../core/record.ts";
import type { AnyStore, Call } from "../core/store.ts";
import { Mover } from "../stores/moving/mover.ts";
import { arrived, isUnderWay } from "../stores/moving/note.ts";
import type { Carrier } from "./carrier.ts";

/** Moves records, as `movingStore` does. */
export class Relocator implements Carrier {
  readonly empties = true;
  readonly #mover: Mover;

  constructor(from: AnyStore, to: AnyStore) {
    this.#mover = new Mover(from, to);
  }

  meant(found: SessionRecord): SessionRecord | null {
    return isUnderWay(found) ? arrived(found) : found;
  }

  async bring(found: SessionRecord, call: Call): Promise<"brought" | "vanished"> {
    return (await this.#mover.settle(found.id, call)) ? "brought" : "vanished";
  }
}
