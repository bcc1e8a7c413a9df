import type { NamedKey } from "../../src/index.ts";

/** A key that looks random and is the same every time. */
export function keyOf(
  id: string,
  seed: number = id.length + [...id].reduce((sum, c) => sum + c.charCodeAt(0), 0),
): NamedKey {
  let state = seed * 2_654_435_761;
  const bytes = Uint8Array.from({ length: 32 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
  return { id, key: bytes };
}

/** Seals and a pepper with keys of these ids, the first in use. */
export function atRest(...ids: readonly string[]) {
  return {
    seal: { keys: ids.map((id) => keyOf(id)) },
    pepper: { keys: ids.map((id) => keyOf(id, 1000 + id.length + id.charCodeAt(id.length - 1))) },
  };
}
