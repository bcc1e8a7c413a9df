import { describe, expect, test } from "vitest";
import { migrate, type MigrationProgress } from "../src/migration.ts";
import { SessionError } from "../src/index.ts";
import { memoryStore } from "../src/stores/memory.ts";
import { movingStore } from "../src/stores/moving.ts";
import { failsBefore, faultyStore, hangs, manualClock } from "../src/testing/index.ts";
import type { SessionId, SessionRecord } from "../src/core/record.ts";
import type { AnyStore } from "../src/core/store.ts";

const CALL = { signal: new AbortController().signal };
const NOW = Date.UTC(2100, 0, 1);
const clock = (): ReturnType<typeof manualClock> => manualClock(NOW);

function recordOf(index: number, given: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: `session${index}`.padEnd(24, "_") as SessionId,
    epoch: 2,
    version: 3 + index,
    secretHash: `hash${index}`.padEnd(43, "h"),
    labels: [`user:${index}`],
    createdAt: NOW - 5,
    accessedAt: NOW - 3,
    expiresAt: NOW + 60_000,
    endsAt: NOW + 600_000,
    fields: { a: JSON.stringify(index), "~auth": "{}" },
    ...given,
  };
}

async function filled(count: number): Promise<{ from: AnyStore; records: SessionRecord[] }> {
  const from = memoryStore();
  const records = Array.from({ length: count }, (_, index) => recordOf(index));
  for (const record of records) await from.create(record, CALL);
  return { from, records };
}

async function held(store: AnyStore): Promise<SessionRecord[]> {
  const { records } = (await store.all?.({ limit: 1000 }, CALL)) ?? { records: [] };
  return records
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    .map((one) => ({ ...one, fields: { ...one.fields } }));
}

const byId = (records: readonly SessionRecord[]): SessionRecord[] =>
  records.toSorted((one, other) => (one.id < other.id ? -1 : 1));

describe("migrate", () => {
  test.each(["move", "copy"] as const)("brings every record as it is, marks included: %s", async (mode) => {
    const { from, records } = await filled(40);
    const mark = recordOf(99, { secretHash: "", labels: [], fields: { "~mark": "[]" } });
    await from.create(mark, CALL);
    const to = memoryStore();
    const seen: MigrationProgress[] = [];
    const report = await migrate(from, to, {
      mode,
      clock: clock(),
      pageSize: 7,
      count: true,
      onProgress: (progress) => void seen.push(progress),
    });
    expect(report).toMatchObject({
      complete: true,
      done: 41,
      total: 41,
      brought: 41,
      failed: 0,
      after: null,
    });
    expect(report.samples).toMatchObject({ checked: 41, equal: 41, changed: 0, missing: 0, wrong: [] });
    expect(report.left).toBe(mode === "move" ? 0 : null);
    expect(await held(to)).toEqual(byId([...records, mark]));
    expect(await held(from)).toEqual(mode === "move" ? [] : byId([...records, mark]));
    expect(seen.map(({ done }) => done)).toEqual([7, 14, 21, 28, 35, 41]);
    expect(seen.slice(0, -1).every(({ after }) => after !== null)).toBe(true);
  });

  test("leaves what has expired where it is", async () => {
    const { from } = await filled(3);
    await from.create(recordOf(7, { expiresAt: NOW }), CALL);
    const to = memoryStore();
    const report = await migrate(from, to, { clock: clock() });
    expect(report).toMatchObject({ complete: true, brought: 3, expired: 1, left: 0 });
    expect(await held(to)).toHaveLength(3);
  });

  test("is stopped and goes on from its mark; done again, it does no harm", async () => {
    const { from, records } = await filled(30);
    const to = memoryStore();
    const stop = new AbortController();
    const first = await migrate(from, to, {
      clock: clock(),
      mode: "copy",
      pageSize: 4,
      signal: stop.signal,
      onProgress: ({ done }) => void (done === 12 && stop.abort()),
    });
    expect(first).toMatchObject({ complete: false, done: 12, left: null });
    const second = await migrate(from, to, { clock: clock(), mode: "copy", after: first.after ?? "" });
    expect(second).toMatchObject({ complete: true, brought: 18, present: 0 });
    const again = await migrate(from, to, { clock: clock(), mode: "copy" });
    expect(again).toMatchObject({ complete: true, brought: 0, present: 30 });
    expect(await held(to)).toEqual(byId(records));
  });

  test("begins anew at a mark that the store does not know any more", async () => {
    const { from } = await filled(5);
    const report = await migrate(from, memoryStore(), { clock: clock(), after: "a mark of another process" });
    expect(report).toMatchObject({ complete: true, brought: 5 });
  });

  test("goes on with what a dead process left on its way, at every step", async () => {
    for (const operation of ["create", "update", "delete"] as const) {
      const { from, records } = await filled(1);
      const to = memoryStore();
      const [old, fresh] = [faultyStore(from), faultyStore(to)];
      (operation === "delete" ? old : fresh).always(operation, failsBefore());
      const failed = await migrate(old.store, fresh.store, { clock: clock() });
      expect(failed).toMatchObject({ complete: false, failed: 1 });
      expect(failed.failures[0]?.id).toBe(records[0]?.id);
      const moving = movingStore({ from, to });
      expect(await moving.read(records[0]?.id as SessionId, CALL)).toEqual(records[0]);
      const report = await migrate(from, to, { clock: clock() });
      expect(report).toMatchObject({ complete: true, left: 0, failed: 0 });
      expect(await held(to)).toEqual(records);
      expect(await held(from)).toEqual([]);
    }
  });

  test("an end is final in each of these states too", async () => {
    for (const operation of ["create", "update", "delete"] as const) {
      const { from, records } = await filled(1);
      const id = records[0]?.id as SessionId;
      const to = memoryStore();
      const [old, fresh] = [faultyStore(from), faultyStore(to)];
      (operation === "delete" ? old : fresh).always(operation, failsBefore());
      await migrate(old.store, fresh.store, { clock: clock() });
      expect(await movingStore({ from, to }).delete(id, {}, CALL)).toBe("done");
      await migrate(from, to, { clock: clock() });
      expect([await held(from), await held(to)]).toEqual([[], []]);
    }
  });

  test("a newer copy takes the place of an older one, and an older one that of none", async () => {
    const { from } = await filled(2);
    const to = memoryStore();
    await to.create(recordOf(0, { version: 2, fields: { a: "old" } }), CALL);
    await to.create(recordOf(1, { version: 9, fields: { a: "new" } }), CALL);
    const report = await migrate(from, to, { clock: clock(), mode: "copy" });
    expect(report).toMatchObject({ complete: true, brought: 1, present: 1 });
    expect((await held(to)).map(({ fields }) => fields["a"])).toEqual(["0", "new"]);
  });

  test("tells what the new store garbled", async () => {
    const { from } = await filled(3);
    const to = memoryStore();
    const garbling: AnyStore = {
      ...methodsOf(to),
      async read(id, call) {
        const found = await to.read(id, call);
        return found === null ? null : { ...found, fields: { ...found.fields, a: "garbled" } };
      },
    };
    const report = await migrate(from, garbling, { clock: clock(), mode: "copy" });
    expect(report.complete).toBe(false);
    expect(report.samples.wrong).toHaveLength(3);
  });

  test("a call that is never answered ends at its deadline", async () => {
    const time = clock();
    const faulty = faultyStore((await filled(1)).from);
    faulty.always("all", hangs());
    const running = migrate(faulty.store, memoryStore(), { clock: time, deadline: "1s" });
    const outcome = expect(running).rejects.toThrow("No answer within 1000 ms");
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    time.advance(1000);
    await outcome;
  });

  test("a note of a record under way that is garbage makes it no record, and stops no walk", async () => {
    const { from } = await filled(2);
    for (const [index, note] of ["", "{}", "[1]", '["h",1]', '["h",1,2,3,4,"x"]'].entries())
      await from.create(recordOf(50 + index, { fields: { "~moving": note } }), CALL);
    const to = memoryStore();
    expect(await migrate(from, to, { clock: clock() })).toMatchObject({ complete: true, brought: 2 });
    const moving = movingStore({ from, to });
    const outcome = moving
      .read(recordOf(50).id, CALL)
      .catch((error: unknown) => (error as SessionError).code);
    expect(await outcome).toBe("ERR_SESSION_CORRUPT");
    expect(await moving.delete(recordOf(50).id, {}, CALL)).toBe("done");
  });

  test("options that cannot work are refused", async () => {
    const one = memoryStore();
    const wrong: (() => Promise<unknown>)[] = [
      () => migrate(one, one),
      () => migrate({ ...methodsOf(one), all: undefined } as never, memoryStore()),
      () => migrate(one, memoryStore(), { mode: "sync" as never }),
      () => migrate(one, memoryStore(), { pageSize: 0 }),
      () => migrate(one, memoryStore(), { pages: 1 } as never),
    ];
    for (const run of wrong)
      await expect(run()).rejects.toSatisfy(
        (error) => SessionError.is(error) && error.code === "ERR_SESSION_CONFIG",
      );
    for (const make of [
      () => movingStore({ from: one, to: one }),
      () => movingStore({ from: one } as never),
      () => movingStore({ from: one, to: memoryStore(), stage: "moved" as never }),
      () =>
        movingStore({
          from: one,
          to: { ...methodsOf(memoryStore()), traits: { ...one.traits, keptForMs: 1 } },
        }),
    ])
      expect(make).toThrow(SessionError);
  });
});

/** A store as plain properties. */
function methodsOf(store: AnyStore): AnyStore {
  return {
    traits: store.traits,
    create: (record, call) => store.create(record, call),
    read: (id, call) => store.read(id, call),
    update: (id, change, call) => store.update(id, change, call),
    delete: (id, when, call) => store.delete(id, when, call),
  };
}

test("a connection whose session moves is not told that it ended; one whose session ends is", async () => {
  const [from, to] = [memoryStore(), memoryStore()];
  await from.create(recordOf(1), CALL);
  await from.create(recordOf(2), CALL);
  const heard: string[] = [];
  const moving = movingStore({ from, to });
  moving.subscribe?.((id) => heard.push(id));
  await migrate(from, to, { clock: clock() });
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toEqual([]);
  await moving.delete(recordOf(1).id, {}, CALL);
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toEqual([recordOf(1).id]);
});
