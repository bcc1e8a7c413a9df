import type { SessionId } from "../../core/record.ts";
import type { Call } from "../../core/store.ts";
import { type Carrier, placesOn } from "./gather.ts";
import type { Row } from "./rows.ts";
import type { Sender } from "./sender.ts";
import type { Statements } from "./statements.ts";
import { arrayOf } from "./values.ts";
import type { Journey } from "./waiting.ts";

/** Ids in a batch at most. */
const LARGEST = 128;

/** Carries reads, and answers the rows that make the record; none where there is none. Those of one id share them. */
export class Reads implements Carrier<SessionId, readonly Row[]> {
  readonly atOnce: number;
  readonly #sender: Sender;
  readonly #statements: Statements;

  constructor(sender: Sender, statements: Statements) {
    this.atOnce = placesOn(sender.connections);
    this.#sender = sender;
    this.#statements = statements;
  }

  mayWait(): boolean {
    return false;
  }

  boarding(): (id: SessionId) => boolean {
    const ids = new Set<SessionId>();
    return (id) => {
      if (ids.size < LARGEST) ids.add(id);
      return ids.has(id);
    };
  }

  landed(): void {
    // Reads are in nobody's way.
  }

  async together(ids: readonly SessionId[], journey: Journey): Promise<readonly (readonly Row[])[]> {
    const { read, reads } = this.#statements;
    const different = [...new Set(ids)];
    const [id] = different;
    const sent =
      different.length === 1 && id !== undefined
        ? this.#sender.sendTogether(read, [id], journey)
        : this.#sender.sendTogether(reads, [arrayOf(different)], journey);
    const found = await sent;
    if (different.length === 1) return ids.map(() => found);
    const rows = new Map<unknown, Row[]>();
    for (const row of found) {
      const known = rows.get(row[0]);
      if (known === undefined) rows.set(row[0], [row]);
      else known.push(row);
    }
    return ids.map((each) => rows.get(each) ?? []);
  }

  alone(id: SessionId, call: Call): Promise<readonly Row[]> {
    return this.#sender.send(this.#statements.read, [id], call);
  }
}
