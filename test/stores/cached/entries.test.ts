import { expect, test } from "vitest";
import type { SessionId, SessionRecord } from "../../../src/core/record.ts";
import { Entries } from "../../../src/stores/cached/entries.ts";
import { steadyClock } from "../../../src/stores/cached/steady.ts";
import { idOf, recordOf } from "../records.ts";

function entries(limits: { records?: number; bytes?: number; ended?: number } = {}): Entries {
  return new Entries({ records: 3, bytes: 1_000_000, ended: 3, forMs: 1000, ...limits });
}

function kept(found: Entries, names: readonly string[], now = 0): string[] {
  return names.filter((name) => found.find(idOf(name), now) !== undefined);
}

function keep(into: Entries, name: string, given: Partial<SessionRecord> = {}, since = 0): void {
  into.keep(idOf(name), recordOf(name, given), since);
}

test("the least recently used record goes first when there are too many", () => {
  const some = entries();
  for (const name of ["a", "b", "c"]) keep(some, name);
  expect(some.find(idOf("a"), 0)).toMatchObject({ id: idOf("a") });
  keep(some, "d");
  expect(kept(some, ["a", "b", "c", "d"])).toEqual(["a", "c", "d"]);
});

test("so it does when they are too large, and one that is larger than all room is not kept", () => {
  const some = entries({ bytes: 60_000, records: 100 });
  const large = { fields: { text: "x".repeat(10_000) } };
  for (const name of ["a", "b", "c"]) keep(some, name, large);
  expect(kept(some, ["a", "b", "c"])).toEqual(["b", "c"]);
  keep(some, "d", { fields: { text: "x".repeat(40_000) } });
  expect(kept(some, ["b", "c", "d"])).toEqual(["b", "c"]);
  expect(some.bytes).toBeLessThanOrEqual(60_000);
  some.clear();
  expect(some.bytes).toBe(0);
});

test("ids of sessions that are not there have room of their own, and take none from records", () => {
  const some = entries();
  for (const name of ["a", "b", "c"]) keep(some, name);
  for (let index = 0; index < 10; index += 1) some.keep(`gone${index}`.padEnd(24, "_") as SessionId, null, 0);
  expect(some.ended).toBe(3);
  expect(kept(some, ["a", "b", "c"])).toEqual(["a", "b", "c"]);
  expect(entries({ ended: 0 }).find(idOf("a"), 0)).toBeUndefined();
});

test("nothing is found at its bound, counted from when the read was sent", () => {
  const some = entries();
  keep(some, "a", {}, 5);
  some.keep(idOf("b"), null, 5);
  expect(some.find(idOf("a"), 1004)).toMatchObject({ id: idOf("a") });
  expect(some.find(idOf("b"), 1004)).toBeNull();
  expect(some.find(idOf("a"), 1005)).toBeUndefined();
  expect(some.find(idOf("b"), 1005)).toBeUndefined();
  expect([some.records, some.ended, some.bytes]).toEqual([0, 0, 0]);
});

test("of two reads at a time the one sent later counts, and what cannot be told is not kept", () => {
  const some = entries();
  keep(some, "a", { version: 2 }, 10);
  keep(some, "a", { version: 1 }, 5);
  expect(some.find(idOf("a"), 10)).toMatchObject({ version: 2 });
  some.keep(idOf("a"), null, 5);
  expect(some.find(idOf("a"), 10)).toMatchObject({ version: 2 });
  keep(some, "a", { version: 1 }, 15);
  expect(some.find(idOf("a"), 15)).toBeUndefined();
});

test("the clock goes on while the machine sleeps, and never back, whatever becomes of the system's time", () => {
  let running = 100;
  let system = 1_000_000;
  const now = steadyClock(
    () => running,
    () => system,
  );
  const pass = (ran: number, went: number): number => {
    running += ran;
    system += went;
    return now();
  };
  expect(now()).toBe(0);
  expect(pass(10, 10)).toBe(10);
  // An hour asleep, of which the runtime knows nothing.
  expect(pass(0, 3_600_000)).toBe(3_600_010);
  // The system's time is put back: seconds go on as they run.
  expect(pass(5, -7_200_000)).toBe(3_600_015);
  expect(pass(5, 5)).toBe(3_600_020);
  // And asleep once more.
  expect(pass(0, 60_000)).toBe(3_660_020);
});
