import { describe, expect, test } from "vitest";
import { Lane } from "../../../src/stores/redis/lane.ts";

function lane() {
  let ms = 0;
  return { lane: new Lane(() => ms), pass: (more: number) => void (ms += more) };
}

const forEver = { signal: new AbortController().signal };

describe("a connection", () => {
  test("is silent when a call waits for two seconds and nothing is answered", () => {
    const { lane: one, pass } = lane();
    one.enterAtOnce();
    pass(1500);
    one.enterAtOnce();
    pass(500);
    expect(one.isSilent).toBe(false);
    pass(1);
    expect(one.isSilent).toBe(true);
    one.leave();
    expect(one.isSilent).toBe(false);
  });

  test("on which nothing is under way is only idle", () => {
    const { lane: one, pass } = lane();
    one.enterAtOnce();
    one.leave();
    pass(5000);
    expect(one.isSilent).toBe(false);
  });

  test("that has been silent for long is tried again, lest an answer that never comes bars it for ever", () => {
    const { lane: one, pass } = lane();
    one.enterAtOnce();
    pass(11_999);
    expect(one.isSilent).toBe(true);
    pass(1);
    expect(one.isSilent).toBe(false);
    one.enterAtOnce();
    pass(2001);
    expect(one.isSilent).toBe(true);
  });

  test("is given so many calls and no more, and the others in their order", async () => {
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
});

test("who waits no longer has no turn", async () => {
  const { lane: one } = lane();
  for (let count = 0; count < 512; count += 1) one.enterAtOnce();
  const leaves = new AbortController();
  const left = one.enter(leaves);
  const stays = one.enter(forEver);
  leaves.abort();
  await expect(left).rejects.toThrow(/deadline/);
  one.leave();
  await stays;
});
