import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/testing/index.ts";
import { corpusOf } from "./corpus.ts";
import { mutated } from "./mutate.ts";
import { TARGETS } from "./targets.ts";

describe("what meets bytes of clients and stores", () => {
  for (const [name, target] of Object.entries(TARGETS)) {
    const corpus = corpusOf(name);

    test(`${name} takes every input that is kept, and changed ones`, async () => {
      expect(corpus.length).toBeGreaterThan(0);
      for (const input of corpus) await target(input);
      const random = seededRandom(1);
      for (let run = 0; run < 200; run += 1) await target(mutated(corpus, random));
    });

    test(`${name} takes any bytes, and any text of its own kind`, async () => {
      const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array).toString("latin1"));
      const lines = fc.array(fc.oneof(bytes, fc.json(), fc.webUrl(), fc.constantFrom(...corpus)), {
        maxLength: 9,
      });
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(
            bytes,
            fc.json(),
            lines.map((all) => all.join("\n")),
          ),
          async (text) => {
            await target(latin1(text));
          },
        ),
        { numRuns: 300, seed: 4 },
      );
    });
  }
});

/** As targets take it: one byte a character. */
function latin1(text: string): string {
  return Buffer.from(text).toString("latin1");
}
