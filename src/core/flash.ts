import { jsonCodec } from "./codec.ts";
import type { Draft } from "./draft.ts";
import { FLASH, isRecord } from "./reserved.ts";

/** The messages of one kind, in order. Takes whatever is stored. */
export function flashes(value: unknown, kind: string): unknown[] {
  const found = isRecord(value) && Object.hasOwn(value, kind) ? value[kind] : undefined;
  return Array.isArray(found) ? found : [];
}

/** The messages that are not among those shown, each of which stands for one. */
export function unseen(messages: readonly unknown[], shown: readonly string[]): unknown[] {
  const left = new Map<string, number>();
  for (const text of shown) left.set(text, (left.get(text) ?? 0) + 1);
  return messages.filter((message) => {
    const text = jsonCodec.encode(message);
    const count = left.get(text) ?? 0;
    left.set(text, count - 1);
    return count <= 0;
  });
}

/** Adds a message of a kind. */
export function addFlash(draft: Draft, kind: string, message: unknown): void {
  draft.update(FLASH, (value) => withFlashes(value, kind, [...flashes(value, kind), message]), "plain");
}

/** Removes the messages of a kind that were shown. */
export function dropFlashes(draft: Draft, kind: string, found: readonly unknown[]): void {
  const shown = found.map((message) => jsonCodec.encode(message));
  // Messages that another request added meanwhile are still to be shown, also where another showed these first.
  draft.update(FLASH, (value) => withFlashes(value, kind, unseen(flashes(value, kind), shown)), "plain");
}

/** What is to be stored once one kind has these messages. */
export function withFlashes(value: unknown, kind: string, messages: unknown[]): unknown {
  const others = Object.entries(isRecord(value) ? value : {}).filter(([name]) => name !== kind);
  const all = messages.length > 0 ? [...others, [kind, messages] as const] : others;
  return all.length > 0 ? Object.fromEntries(all) : undefined;
}
