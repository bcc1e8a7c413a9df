import type { SessionId } from "../../core/record.ts";
import type { Call } from "../../core/store.ts";
import { type Carrier, placesOn } from "./gather.ts";
import { Load, Occupied } from "./occupied.ts";
import type { Sender } from "./sender.ts";
import type { Statements } from "./statements.ts";
import { createsValue, type Value } from "./values.ts";
import type { Journey } from "./waiting.ts";

/** A new record on its way. */
export interface Create {
  readonly id: SessionId;
  /** The parameters of the statement for one. */
  readonly values: readonly Value[];
}

/** Carries new records. An answer is whether the id was free. */
export class Creates implements Carrier<Create, boolean> {
  readonly atOnce: number;
  readonly #sender: Sender;
  readonly #statements: Statements;
  readonly #occupied = new Occupied();

  constructor(sender: Sender, statements: Statements) {
    this.atOnce = placesOn(sender.connections);
    this.#sender = sender;
    this.#statements = statements;
  }

  mayWait(): boolean {
    return false;
  }

  boarding(): (create: Create) => boolean {
    const load = new Load();
    return ({ id, values }) => {
      if (this.#occupied.has(id) || !load.takes(values)) return false;
      this.#occupied.enter(id);
      return true;
    };
  }

  landed({ id }: Create): void {
    this.#occupied.leave(id);
  }

  async together(creates: readonly Create[], journey: Journey): Promise<readonly boolean[]> {
    const value = createsValue(creates.map(({ values }) => values));
    const rows = await this.#sender.sendTogether(this.#statements.creates, [value], journey);
    const created = new Set(rows.map(([id]) => id));
    return creates.map(({ id }) => created.has(id));
  }

  async alone({ values }: Create, call: Call): Promise<boolean> {
    const rows = await this.#sender.send(this.#statements.create, values, call);
    return rows.length > 0;
  }
}
