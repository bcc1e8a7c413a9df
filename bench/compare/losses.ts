import type { Loss } from "./result.ts";
import { Visitor } from "./visitor.ts";

const AT_ONCE = 64;

/**
 * Sends waves of 64 requests that each add one to a counter of the same session, as a page does that loads many things at once, and
 * compares what was acknowledged with what is there afterwards.
 */
export async function countLosses(url: string, waves: number): Promise<Loss> {
  const visitor = new Visitor(url, AT_ONCE);
  try {
    await visitor.ask("POST", "/prepare?bytes=200&fields=1");
    let acknowledged = 0;
    for (let wave = 0; wave < waves; wave += 1) {
      const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => visitor.ask("POST", "/count")));
      acknowledged += answers.filter(({ status }) => status === 200).length;
    }
    const { text } = await visitor.ask("GET", "/total");
    return { acknowledged, refused: waves * AT_ONCE - acknowledged, lost: acknowledged - Number(text) };
  } finally {
    visitor.close();
  }
}
