import { expect, test } from "vitest";
import { CommitQueue } from "../../src/core/queue.ts";
import type { SessionId, SessionRecord } from "../../src/index.ts";
import { gate, manualClock } from "../../src/testing/index.ts";
import { noUnhandledRejections, settled } from "../races/rig.ts";

noUnhandledRejections();

const ONE = "A".repeat(24) as SessionId;
const OTHER = "B".repeat(24) as SessionId;

function queue() {
  const clock = manualClock();
  return { clock, line: new CommitQueue(clock, 2000, async () => undefined) };
}

test("the commits of one session go one after the other, in the order they came", async () => {
  const { line } = queue();
  const first = gate();
  const order: number[] = [];
  const works = [0, 1, 2].map((number) =>
    line.run(ONE, async () => {
      if (number === 0) await first.passage();
      order.push(number);
    }),
  );
  await settled();
  expect(order).toEqual([]);
  first.open();
  await Promise.all(works);
  expect(order).toEqual([0, 1, 2]);
});

test("those of another session do not wait", async () => {
  const { line } = queue();
  const first = gate();
  const held = line.run(ONE, () => first.passage());
  await line.run(OTHER, async () => undefined);
  first.open();
  await held;
});

test("one that fails fails alone", async () => {
  const { line } = queue();
  const failing = line.run(ONE, () => Promise.reject(new Error("mine")));
  const next = line.run(ONE, async () => undefined);
  await expect(failing).rejects.toThrow("mine");
  await next;
});

test("nothing is kept of a session once its line is empty", async () => {
  const { line, clock } = queue();
  await line.run(ONE, async () => line.note({ id: ONE } as SessionRecord));
  expect(line.latest(ONE)).toBeNull();
  await line.run(ONE, () => Promise.reject(new Error("mine"))).catch(() => undefined);
  expect(line.size).toBe(0);
  expect(clock.pending).toBe(0);
});

test("nothing is noted of a session that nobody stands in line for", () => {
  const { line } = queue();
  line.note({ id: ONE } as SessionRecord);
  expect(line.size).toBe(0);
});

test("each is told the record that the one before it wrote", async () => {
  const { line } = queue();
  const record = { id: ONE } as SessionRecord;
  const seen: unknown[] = [];
  await Promise.all([
    line.run(ONE, async () => line.note(record)),
    line.run(ONE, async () => void seen.push(line.latest(ONE))),
  ]);
  expect(seen).toEqual([record]);
});

test("none waits in line for longer than the patience, however many are before it", async () => {
  const { line, clock } = queue();
  const never = gate();
  const works = Array.from({ length: 3 }, () => line.run(ONE, () => never.passage()));
  let ran = false;
  const last = line.run(ONE, async () => void (ran = true));
  await settled();
  clock.advance(1999);
  await settled();
  expect(ran).toBe(false);
  clock.advance(1);
  await last;
  expect(ran).toBe(true);
  never.open();
  await Promise.all(works);
  expect(line.size).toBe(0);
  expect(clock.pending).toBe(0);
});
