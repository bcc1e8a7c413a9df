import { describe, expect, test } from "vitest";
import type { Staged } from "../../src/core/draft.ts";
import { resolveLifetime } from "../../src/core/lifetime.ts";
import { type CommitInput, planCommit } from "../../src/core/plan.ts";
import type { SessionId, SessionRecord } from "../../src/index.ts";

const HOUR = 3_600_000;
const NOW = 1_000 * HOUR;
const LIFETIME = resolveLifetime({ idle: "1h", absolute: "10h", accessTimeResolution: "1m" });
const NOTHING: Staged = { set: {}, remove: [], dependent: false, insistent: false, minor: true };
const CHANGE: Staged = { ...NOTHING, set: { a: "1" }, minor: false };

function record(over: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: "A".repeat(24) as SessionId,
    epoch: 1,
    version: 1,
    secretHash: "h",
    labels: [],
    createdAt: NOW,
    accessedAt: NOW,
    expiresAt: NOW + HOUR,
    endsAt: NOW + 10 * HOUR,
    fields: { a: "0" },
    ...over,
  };
}

function plan(input: Partial<CommitInput>, now = NOW) {
  const whole: CommitInput = {
    record: null,
    ended: null,
    staged: NOTHING,
    hasInfo: false,
    renewal: null,
    rotationDue: false,
    stale: false,
    idleMs: HOUR,
    locked: false,
    ...input,
  };
  return planCommit(whole, LIFETIME, now);
}

describe("without a record", () => {
  test("nothing is done until there is information", () => {
    expect(plan({ staged: CHANGE })).toEqual({ kind: "nothing" });
    expect(plan({ renewal: { verb: "rotate" } })).toEqual({ kind: "nothing" });
    expect(plan({ rotationDue: true })).toEqual({ kind: "nothing" });
  });

  test("information makes one, whose idle limit never exceeds its absolute one", () => {
    expect(plan({ staged: CHANGE, hasInfo: true })).toEqual({
      kind: "create",
      staged: CHANGE,
      labels: [],
      expiresAt: NOW + HOUR,
      endsAt: NOW + 10 * HOUR,
    });
    expect(plan({ hasInfo: true, idleMs: 30 * HOUR })).toMatchObject({ expiresAt: NOW + 10 * HOUR });
    expect(
      plan({ hasInfo: true, renewal: { verb: "login", endsAt: NOW + 5, labels: ["user:a"] } }),
    ).toMatchObject({
      labels: ["user:a"],
      expiresAt: NOW + 5,
      endsAt: NOW + 5,
    });
  });
});

describe("with a record that is locked", () => {
  const locked = { record: record(), hasInfo: false, locked: true, idleMs: Number.POSITIVE_INFINITY };

  test("nothing is activity of its user, and hidden information is information", () => {
    expect(plan(locked, NOW + 2 * HOUR)).toEqual({ kind: "nothing" });
    expect(plan({ ...locked, staged: CHANGE }, NOW + 2 * HOUR)).toMatchObject({
      kind: "update",
      accessedAt: NOW,
      expiresAt: NOW + HOUR,
    });
  });
});

describe("with a record", () => {
  test("nothing is done within the access time resolution, a touch after it", () => {
    const unchanged = { record: record(), hasInfo: true };
    expect(plan(unchanged, NOW + 60_000)).toEqual({ kind: "nothing" });
    expect(plan(unchanged, NOW + 60_001)).toEqual({
      kind: "touch",
      accessedAt: NOW + 60_001,
      expiresAt: NOW + 60_001 + HOUR,
    });
  });

  test("a touch never passes the absolute limit", () => {
    expect(plan({ record: record(), hasInfo: true }, NOW + 9.5 * HOUR)).toMatchObject({
      expiresAt: NOW + 10 * HOUR,
    });
  });

  test("a clock that went back touches nothing", () => {
    expect(plan({ record: record(), hasInfo: true }, NOW - HOUR)).toEqual({ kind: "nothing" });
  });

  test("no information is the end of it, whatever else is staged", () => {
    expect(
      plan({ record: record(), staged: CHANGE, renewal: { verb: "rotate" }, rotationDue: true }).kind,
    ).toBe("empty");
  });

  test("a blind change has no condition; a dependent one, and a rotation, has", () => {
    const changed = { record: record(), hasInfo: true };
    expect(plan({ ...changed, staged: CHANGE })).toMatchObject({ kind: "update", conditional: false });
    expect(plan({ ...changed, staged: { ...CHANGE, dependent: true } })).toMatchObject({ conditional: true });
    expect(plan({ ...changed, rotationDue: true })).toMatchObject({ conditional: true, rotates: true });
  });

  test("a privilege change takes the place of a rotation that is due, and moves the absolute limit", () => {
    expect(
      plan({
        record: record(),
        hasInfo: true,
        rotationDue: true,
        renewal: { verb: "reauthenticate", endsAt: NOW + 20 },
      }),
    ).toMatchObject({ kind: "update", rotates: false, minor: false, expiresAt: NOW + 20 });
  });

  test("book-keeping alone is minor; with anything else it is not", () => {
    const minor = { ...CHANGE, minor: true };
    expect(plan({ record: record(), hasInfo: true, staged: minor })).toMatchObject({ minor: true });
    expect(
      plan({ record: record(), hasInfo: true, staged: minor, renewal: { verb: "rotate" } }),
    ).toMatchObject({
      minor: false,
    });
  });

  test("an end goes before everything, and what came after it goes into a new record", () => {
    const ended = record();
    expect(plan({ ended })).toEqual({ kind: "end", record: ended, create: null });
    expect(plan({ ended, hasInfo: true, staged: CHANGE })).toMatchObject({
      kind: "end",
      create: { kind: "create" },
    });
  });
});
