import assert from "node:assert/strict";
import { RESERVED, type SessionId, type SessionRecord } from "../../core/record.ts";
import type {
  AnyStore,
  Call,
  DeleteOutcome,
  IterableStore,
  LabelIndex,
  Page,
  SessionChange,
  Sweepable,
  UpdateOutcome,
} from "../../core/store.ts";

/**
 * The time at which rules take place. Far ahead, so that no engine's own clock finds a record expired: rules pass
 * time by the `now` that they give.
 */
export const NOW: number = Date.UTC(2100, 0, 1);
export const MINUTE = 60_000;
export const EPOCH = 1;

/** An id of the right shape out of a short name. */
export function idOf(name: string): SessionId {
  return name.padEnd(24, "_").slice(0, 24) as SessionId;
}

/** A secret hash of the right shape out of a short name. */
export function hashOf(name: string): string {
  return name.padEnd(43, "h").slice(0, 43);
}

/** A live record, complete but for what is given. */
export function recordOf(name: string, given: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: idOf(name),
    epoch: EPOCH,
    version: 1,
    secretHash: hashOf(name),
    labels: [],
    createdAt: NOW,
    accessedAt: NOW,
    expiresAt: NOW + 30 * MINUTE,
    endsAt: NOW + 720 * MINUTE,
    fields: {},
    ...given,
  };
}

/** A record that is no session: it opens for nobody and bears no label. */
export function markOf(name: string, given: Partial<SessionRecord> = {}): SessionRecord {
  return recordOf(name, { secretHash: "", fields: { [`${RESERVED}mark`]: JSON.stringify(name) }, ...given });
}

/** A change at `NOW` by a writer of the first epoch. */
export function changeOf(given: Partial<SessionChange>): SessionChange {
  return { now: NOW, epoch: EPOCH, ...given };
}

/** A call that nobody gives up on. */
export function call(): Call {
  return { signal: new AbortController().signal };
}

export async function create(store: AnyStore, record: SessionRecord): Promise<boolean> {
  return await store.create(record, call());
}

/** Creates a record that must be new. */
export async function put(store: AnyStore, record: SessionRecord): Promise<SessionRecord> {
  assert.equal(await store.create(record, call()), true, "create of a new id must resolve true");
  return record;
}

export async function read(store: AnyStore, name: string): Promise<SessionRecord | null> {
  return await store.read(idOf(name), call());
}

/** Reads a record that must be there. */
export async function readThere(store: AnyStore, name: string): Promise<SessionRecord> {
  const record = await read(store, name);
  assert.ok(record !== null, `the record ${name} must be there`);
  return record;
}

export async function update(
  store: AnyStore,
  name: string,
  given: Partial<SessionChange>,
): Promise<UpdateOutcome> {
  return await store.update(idOf(name), changeOf(given), call());
}

/** Applies a change that must be done, and gives the version that the store tells. */
export async function apply(store: AnyStore, name: string, given: Partial<SessionChange>): Promise<number> {
  const outcome = await update(store, name, given);
  assert.equal(outcome.kind, "done", `the update of ${name} must be done`);
  return outcome.kind === "done" ? outcome.version : Number.NaN;
}

export async function remove(
  store: AnyStore,
  name: string,
  when: Parameters<AnyStore["delete"]>[1] = {},
): Promise<DeleteOutcome> {
  return await store.delete(idOf(name), when, call());
}

/** Asserts that the store holds exactly this record: every column, every field, and nothing more. */
export async function assertStored(store: AnyStore, expected: SessionRecord): Promise<void> {
  assertSame(await store.read(expected.id, call()), expected);
}

export async function assertAbsent(store: AnyStore, name: string): Promise<void> {
  assert.equal(await read(store, name), null, `the record ${name} must not be there`);
}

/** Compares records by what they hold: fields may have any prototype and order, labels any order. */
export function assertSame(actual: SessionRecord | null, expected: SessionRecord | null): void {
  assert.deepEqual(actual && plain(actual), expected && plain(expected));
}

/** A record as plain sorted data, so that two can be compared. */
export function plain(record: SessionRecord): unknown {
  const fields = Object.keys(record.fields)
    .sort()
    .map((name) => [name, record.fields[name]]);
  return { ...record, labels: [...new Set(record.labels)].sort(), fields };
}

export function labelsOf(store: AnyStore): LabelIndex {
  assert.ok(store.listByLabel && store.deleteByLabel, "a store that claims labels has both methods");
  return store as AnyStore & LabelIndex;
}

export function iterableOf(store: AnyStore): IterableStore {
  assert.ok(store.all, "a store that claims to iterate has the method");
  return store as AnyStore & IterableStore;
}

export function sweepOf(store: AnyStore): Sweepable {
  assert.ok(store.sweep, "a store that claims to sweep has the method");
  return store as AnyStore & Sweepable;
}

/** Every record that bears the label, page by page. */
export function listed(store: AnyStore, label: string, limit = 100): Promise<SessionRecord[]> {
  return walk((page) => labelsOf(store).listByLabel(label, page, call()), limit);
}

/** Every record of the store, page by page. */
export function everything(store: AnyStore, limit = 100): Promise<SessionRecord[]> {
  return walk((page) => iterableOf(store).all(page, call()), limit);
}

type Turn = (page: { readonly limit: number; readonly after?: string }) => Promise<Page>;

/** Turns pages until the last, and asserts of each that it keeps to its limit. `between` runs after each but the last. */
export async function walk(
  turn: Turn,
  limit: number,
  between?: () => Promise<void>,
): Promise<SessionRecord[]> {
  const seen: SessionRecord[] = [];
  let page = await turn({ limit });
  for (let pages = 0; ; pages += 1) {
    assert.ok(page.records.length <= limit, `a page of ${page.records.length} for a limit of ${limit}`);
    assert.ok(pages < 10_000, "a walk must come to an end");
    seen.push(...page.records);
    if (page.next === undefined) return seen;
    assert.equal(typeof page.next, "string");
    await between?.();
    page = await turn({ limit, after: page.next });
  }
}

/** The ids of records, sorted; an id that is there twice is there twice. */
export function idsOf(records: readonly { readonly id: SessionId }[]): SessionId[] {
  return records.map((record) => record.id).sort();
}

/** Whole numbers from 0 up to, but not including, `count`. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Gives pending callbacks and timers of the store a turn; passes no time. */
export function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
