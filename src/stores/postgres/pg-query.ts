import type { PgClient, PgQuery } from "./clients.ts";
import { inTransaction } from "./failure.ts";
import type { Row } from "./rows.ts";
import type { Statement } from "./statements.ts";
import type { Value } from "./values.ts";

/** Every column is a text; type parsers that the application has set are not asked. */
const TEXTS = { getTypeParser: () => (text: string) => text };

export function queryOf(statement: Statement, values: readonly Value[], named: boolean): PgQuery {
  const { name, text } = statement;
  const query: PgQuery = { text, values: [...values], rowMode: "array", types: TEXTS };
  return named ? { ...query, name } : query;
}

export async function rowsOf(answer: Promise<{ readonly rows: unknown[] }>): Promise<readonly Row[]> {
  return (await answer).rows as Row[];
}

/** Tells whether somebody's transaction is open on the client, as far as its version knows. */
export function isInTransaction(client: PgClient): boolean {
  return ["T", "E"].includes(client.getTransactionStatus?.() ?? "");
}

/**
 * Resolves as `answer` does, unless the statement became part of a transaction of the application's: one whose beginning was sent
 * before it and not answered yet. To be asked at once, while the client still tells of this statement.
 */
export async function standingAlone<T>(client: PgClient, answer: Promise<T>): Promise<T> {
  const result = await answer;
  if (isInTransaction(client)) throw inTransaction();
  return result;
}

/** Hands on what `pg` emits for a notification on the channel: a connection may hear others too. */
export function payloadFor(channel: string, message: unknown, heard: (payload: string) => void): void {
  const { channel: told, payload } = message as { readonly channel: string; readonly payload?: string };
  if (told === channel) heard(payload ?? "");
}

/**
 * A client that loses its connection while nobody asks it anything emits `error`, and without a listener that ends the
 * process. Where the application has none this one stands in; the loss is met by the next call, or by the pool.
 */
export function survive(emitter: Pick<PgClient, "on" | "listenerCount">): void {
  if (emitter.listenerCount("error") === 0) emitter.on("error", ignore);
}

export function ignore(): void {
  // Whoever waits for an answer learns of it by the answer.
}
