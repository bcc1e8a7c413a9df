import { describe, expect, test } from "vitest";
import { Lane } from "../../../src/stores/redis/lane.ts";

function lane() {
  let ms = 0;
  return { lane: new Lane(() => ms), pass: (more: number) => void (ms += more) };
}

const forEver = new AbortController().signal;

describe("a connection that is silent with calls under way", () => {
  test("is given no more, until it answers", async () => {
    const { lane: one, pass } = lane();
    expect(one.enterAtOnce()).toBe(true);
    pass(1000);
    expect(one.enterAtOnce()).toBe(true);
    pass(1);
    expect(one.enterAtOnce()).toBe(false);
    const waits = [one.enter(forEver), one.enter(forEver)];
    one.leave();
    await Promise.all(waits);
    expect(one.enterAtOnce()).toBe(true);
  });

  test("and with none is only idle", () => {
    const { lane: one, pass } = lane();
    one.enterAtOnce();
    one.leave();
    pass(100_000);
    expect(one.enterAtOnce()).toBe(true);
    expect(one.enterAtOnce()).toBe(true);
  });
});

test("a connection is given so many calls and no more, and the others in their order", async () => {
  const { lane: one } = lane();
  for (let count = 0; count < 512; count += 1) expect(one.enterAtOnce()).toBe(true);
  expect(one.enterAtOnce()).toBe(false);
  const came: number[] = [];
  const waits = [1, 2, 3].map((number) => one.enter(forEver).then(() => came.push(number)));
  one.leave();
  await waits[0];
  expect(came).toEqual([1]);
  one.leave();
  one.leave();
  await Promise.all(waits);
  expect(came).toEqual([1, 2, 3]);
});

test("who waits no longer has no turn", async () => {
  const { lane: one, pass } = lane();
  one.enterAtOnce();
  pass(2000);
  const leaves = new AbortController();
  const left = one.enter(leaves.signal);
  const stays = one.enter(forEver);
  leaves.abort();
  await expect(left).rejects.toThrow(/deadline/);
  one.leave();
  await stays;
  one.leave();
  expect(one.enterAtOnce()).toBe(true);
});
