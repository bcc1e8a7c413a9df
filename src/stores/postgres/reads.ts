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

/** Carries reads: those of one id share a row. */
export class Reads implements Carrier<SessionId, Row | null> {
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

  async together(ids: readonly SessionId[], journey: Journey): Promise<readonly (Row | null)[]> {
    const { read, reads } = this.#statements;
    const different = [...new Set(ids)];
    const [id] = different;
    const sent =
      different.length === 1 && id !== undefined
        ? this.#sender.sendTogether(read, [id], journey)
        : this.#sender.sendTogether(reads, [arrayOf(different)], journey);
    const rows = new Map((await sent).map((row) => [row[0], row]));
    return ids.map((each) => rows.get(each) ?? null);
  }

  async alone(id: SessionId, call: Call): Promise<Row | null> {
    const [row] = await this.#sender.send(this.#statements.read, [id], call);
    return row ?? null;
  }
}
