import assert from "node:assert/strict";
import { test } from "vitest";
import { manualClock } from "../../src/testing/index.ts";

test("a manual clock stands still until it is advanced", () => {
  const clock = manualClock(1000);
  assert.equal(clock.now(), 1000);
  clock.advance(250);
  assert.equal(clock.now(), 1250);
});

test("timers run in the order of their times, each at its own time, and equal ones as they were made", () => {
  const clock = manualClock(0);
  const ran: string[] = [];
  const note = (name: string) => () => void ran.push(`${name}@${clock.now()}`);
  clock.after(30, note("c"));
  clock.after(10, note("a"));
  clock.after(20, note("b1"));
  clock.after(20, note("b2"));
  clock.after(31, note("late"));
  clock.advance(30);
  assert.deepEqual(ran, ["a@10", "b1@20", "b2@20", "c@30"]);
  assert.equal(clock.now(), 30);
  assert.equal(clock.pending, 1);
});

test("a timer made by a timer runs in the same advance when it falls due", () => {
  const clock = manualClock(0);
  const ran: number[] = [];
  function tick(): void {
    ran.push(clock.now());
    clock.after(10, tick);
  }
  clock.after(10, tick);
  clock.advance(35);
  assert.deepEqual(ran, [10, 20, 30]);
  assert.equal(clock.now(), 35);
});

test("a cancelled timer never runs, and cancelling again or after it ran is no error", () => {
  const clock = manualClock(0);
  let ran = 0;
  const cancel = clock.after(10, () => (ran += 1));
  cancel();
  cancel();
  const done = clock.after(10, () => (ran += 10));
  clock.advance(10);
  done();
  assert.equal(ran, 10);
  assert.equal(clock.pending, 0);
});

test("a timer of no or negative delay waits for the next advance, were it of 0 ms", () => {
  const clock = manualClock(0);
  let ran = 0;
  clock.after(0, () => (ran += 1));
  clock.after(-5, () => (ran += 1));
  assert.equal(ran, 0);
  clock.advance(0);
  assert.equal(ran, 2);
  assert.equal(clock.now(), 0);
});

test("setting the clock passes no time: timers wait as long as before", () => {
  const clock = manualClock(1000);
  const ran: number[] = [];
  clock.after(10, () => void ran.push(clock.now()));
  clock.set(5_000_000);
  assert.equal(clock.now(), 5_000_000);
  assert.deepEqual(ran, []);
  clock.set(0);
  clock.advance(9);
  assert.deepEqual(ran, []);
  clock.advance(1);
  assert.deepEqual(ran, [10]);
});

test("time does not pass backwards", () => {
  assert.throws(() => manualClock().advance(-1), RangeError);
  assert.throws(() => manualClock().advance(Number.NaN), RangeError);
});

test("what a timer throws is thrown by advance, and the others still run by the next", () => {
  const clock = manualClock(0);
  let ran = 0;
  clock.after(1, () => {
    throw new Error("broken timer");
  });
  clock.after(2, () => (ran += 1));
  assert.throws(() => clock.advance(5), /broken timer/);
  assert.equal(clock.now(), 1);
  clock.advance(1);
  assert.equal(ran, 1);
});
