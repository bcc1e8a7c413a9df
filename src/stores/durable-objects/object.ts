import { IndexObject } from "./index-object.ts";
import type { Message, Reply } from "./messages.ts";
import { NewerRecord, NoRecord, RECORD_KEY, RecordObject } from "./record-object.ts";
import type { SessionObjectState } from "./storage.ts";

/**
 * The Durable Object that holds one session, or the index of one label. Export it from the worker, and declare it there as a class
 * with SQLite storage:
 *
 * ```ts
 * export { SessionObject } from "holdfast/stores/durable-objects";
 * ```
 *
 * It answers to `durableObjectStore` alone. What it is asked and answers may differ from version to version.
 */
export class SessionObject {
  /** What the platform's types know a Durable Object by. There is no such property. */
  declare readonly __DURABLE_OBJECT_BRAND: never;
  readonly #state: SessionObjectState;
  readonly #record: RecordObject;
  readonly #index: IndexObject;

  constructor(state: SessionObjectState, _env?: unknown) {
    if (typeof state.storage.kv !== "object") {
      throw new TypeError(
        "SessionObject needs SQLite storage: name it under new_sqlite_classes in the migrations of the worker.",
      );
    }
    this.#state = state;
    this.#record = new RecordObject(state);
    this.#index = new IndexObject(state);
  }

  async fetch(request: Request): Promise<Response> {
    return Response.json(await this.#reply((await request.json()) as Message));
  }

  /** Removes what is over. */
  async alarm(): Promise<void> {
    const part = this.#state.storage.kv.get(RECORD_KEY) === undefined ? this.#index : this.#record;
    await part.alarm();
  }

  async #reply(message: Message): Promise<Reply> {
    try {
      return { kind: "answer", answer: await this.#answer(message) };
    } catch (error) {
      if (error instanceof NewerRecord) return { kind: "newer" };
      if (error instanceof NoRecord) return { kind: "corrupt" };
      throw error;
    }
  }

  async #answer(message: Message): Promise<unknown> {
    switch (message.op) {
      case "create":
      case "read":
      case "update":
      case "delete":
        return await this.#record.answer(message);
      case "add":
      case "remove":
      case "page":
        return await this.#index.answer(message);
      default:
        throw new TypeError("A worker of another version asks what this object does not know.");
    }
  }
}
