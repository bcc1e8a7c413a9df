import { describe, expect, test } from "vitest";
import { type LifetimeOptions, resolveLifetime } from "../../src/core/lifetime.ts";
import { SessionError } from "../../src/index.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

test("without options the limits are those of AAL1, with the cookie's longest life for who is remembered", () => {
  expect(resolveLifetime({})).toEqual({
    preset: null,
    onIdle: "end",
    idleMs: DAY,
    absoluteMs: 30 * DAY,
    rememberMaxMs: 400 * DAY,
    accessTimeResolutionMs: MINUTE,
    rotateEveryMs: null,
    rotationGraceMs: 30_000,
  });
});

test.each([
  ["aal1", DAY, 30 * DAY, 400 * DAY],
  ["aal2", 60 * MINUTE, DAY, DAY],
  ["aal3", 15 * MINUTE, DAY / 2, DAY / 2],
] as const)(
  "preset %s sets its limits and remembers nobody for longer",
  (preset, idleMs, absoluteMs, rememberMaxMs) => {
    expect(resolveLifetime({ preset })).toMatchObject({ preset, idleMs, absoluteMs, rememberMaxMs });
  },
);

test("a preset takes tighter limits", () => {
  expect(resolveLifetime({ preset: "aal2", idle: "5m", absolute: "1h" })).toMatchObject({
    idleMs: 5 * MINUTE,
    absoluteMs: 60 * MINUTE,
    rememberMaxMs: 60 * MINUTE,
  });
});

test("a short absolute limit shortens the idle limit that was not given", () => {
  expect(resolveLifetime({ absolute: "1h" })).toMatchObject({ idleMs: 60 * MINUTE });
});

test("the access time is at most a twentieth of the idle limit behind, and at most a minute", () => {
  expect(resolveLifetime({ idle: "10m" }).accessTimeResolutionMs).toBe(MINUTE / 2);
  expect(resolveLifetime({ idle: "2h" }).accessTimeResolutionMs).toBe(MINUTE);
  expect(resolveLifetime({ idle: 1 }).accessTimeResolutionMs).toBe(1);
});

describe("limits that contradict each other are refused, by an error that names the mend", () => {
  const wrong: Record<string, readonly [LifetimeOptions, RegExp]> = {
    "an unknown preset": [{ preset: "aal4" as never }, /Use "aal1", "aal2" or "aal3"/],
    "a preset named as a method": [{ preset: "toString" as never }, /Use "aal1"/],
    "an idle limit looser than the preset's": [
      { preset: "aal3", idle: "16m" },
      /tighter limits or drop the preset/,
    ],
    "an absolute limit looser than the preset's": [{ preset: "aal2", absolute: "25h" }, /tighter limits/],
    "an idle limit looser than AAL1's": [{ preset: "aal1", idle: "2d" }, /tighter limits/],
    "remembering longer than the preset allows": [
      { preset: "aal2", rememberMax: "30d" },
      /Lower rememberMax/,
    ],
    "idle over absolute": [{ idle: "2h", absolute: "1h" }, /Lower idle or raise absolute/],
    "an access time that lags behind by the idle limit": [
      { idle: "1m", accessTimeResolution: "1m" },
      /Lower it/,
    ],
    "a memory over 400 days": [{ rememberMax: "401d" }, /400 days.*Lower it/],
    "a grace without rotation": [{ rotationGrace: "1m" }, /both or neither/],
    "a rotation within its grace": [{ rotateEvery: "30s" }, /Raise rotateEvery/],
    "a rotation that no session lives to see": [
      { rotateEvery: "2d", idle: "1h", absolute: "1d", rememberMax: "1d" },
      /rotateEvery.*Lower rotateEvery/,
    ],
    "no time at all": [{ idle: 0 }, /idle is 0/],
    "a limit that no clock can add": [{ absolute: Number.MAX_SAFE_INTEGER }, /absolute is/],
    "a text that is no duration": [{ rotateEvery: "often" as never }, /rotateEvery is "often"/],
  };
  for (const [name, [options, mend]] of Object.entries(wrong)) {
    test(name, () => {
      expect(() => resolveLifetime(options)).toThrow(SessionError);
      expect(() => resolveLifetime(options)).toThrow(mend);
    });
  }

  test("a preset of null is none", () => {
    expect(resolveLifetime({ preset: null as never })).toMatchObject({ preset: null, idleMs: DAY });
  });
});
