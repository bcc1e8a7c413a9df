import { describe, expect, test } from "vitest";
import { RandomStock, randomTexts } from "../../src/core/platform.ts";

const ID = 18;
const SECRET = 24;

/** A stock of numbers that count upwards, by a clock that stands still until it is told otherwise. */
function stocked(): { stock: RandomStock; draws: number[]; wait: (ms: number) => void; seen: () => Buffer } {
  const draws: number[] = [];
  let now = 1000;
  let drawn = 0;
  let held: Buffer = Buffer.alloc(0);
  const fill = (bytes: Buffer, count: number): void => {
    draws.push(count);
    held = bytes;
    for (let index = 0; index < count; index += 1) bytes[index] = (drawn += 1) % 255 || 255;
  };
  const wait = (ms: number): void => void (now += ms);
  return { stock: new RandomStock(fill, () => now), draws, wait, seen: () => held };
}

describe("random bytes in stock", () => {
  test("are drawn for one token where nobody asks again at once", () => {
    const { stock, draws, wait } = stocked();
    for (let count = 0; count < 3; count += 1) {
      stock.texts(ID, SECRET);
      wait(1);
    }
    expect(draws).toEqual([42, 42, 42]);
  });

  test("are drawn for sixteen where many ask in quick succession, and each is given once", () => {
    const { stock, draws } = stocked();
    const texts = Array.from({ length: 33 }, () => stock.texts(ID, SECRET)).flat();
    expect(draws).toEqual([42, 672, 672]);
    expect(new Set(texts).size).toBe(66);
    expect(texts.map((text) => text.length)).toEqual(Array.from({ length: 33 }, () => [24, 32]).flat());
  });

  test("are not used a millisecond later, whatever is left of them", () => {
    const { stock, draws, wait } = stocked();
    const before = [stock.texts(ID, SECRET), stock.texts(ID, SECRET)].flat();
    wait(1);
    const after = stock.texts(ID, SECRET);
    expect(draws).toEqual([42, 672, 42]);
    for (const text of after) expect(before).not.toContain(text);
  });

  test("are wiped once they are given", () => {
    const { stock, seen } = stocked();
    stock.texts(ID, SECRET);
    expect([...seen().subarray(0, 42)].every((byte) => byte === 0)).toBe(true);
  });

  test("serve shorter texts too, and never across the end", () => {
    const { stock } = stocked();
    const texts = Array.from({ length: 500 }, (_, index) => stock.texts(1 + (index % 60), 0)[0]);
    for (const [index, text] of texts.entries())
      expect(Buffer.from(text, "base64url").length).toBe(1 + (index % 60));
  });
});

test("no two texts are the same", () => {
  const texts = new Set(Array.from({ length: 20_000 }, () => randomTexts(ID, SECRET)).flat());
  expect(texts.size).toBe(40_000);
});
