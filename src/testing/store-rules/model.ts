import { isReserved, type SessionId, type SessionRecord } from "../../core/record.ts";
import type { AnyStore, DeleteCondition, SessionChange } from "../../core/store.ts";
import type { Random } from "../random.ts";
import * as s from "./support.ts";

/** The whole of a store, as plain data that is never changed in place. */
export type World = ReadonlyMap<SessionId, SessionRecord>;

/** One call of a store, as data. */
export type Operation =
  | { readonly kind: "create"; readonly record: SessionRecord }
  | { readonly kind: "read"; readonly id: SessionId }
  | { readonly kind: "update"; readonly id: SessionId; readonly change: SessionChange }
  | { readonly kind: "delete"; readonly id: SessionId; readonly when: DeleteCondition }
  | { readonly kind: "list"; readonly label: string }
  | { readonly kind: "revoke"; readonly label: string; readonly except: readonly SessionId[] }
  | { readonly kind: "sweep"; readonly now: number };

/** What a call answers and what the world is after it, by the letter of the contract. */
export interface Step {
  readonly world: World;
  /** As plain data that can be compared by its JSON. */
  readonly answer: unknown;
}

/** The contract as a pure function: the plainest code that does what the docstrings of the store's types say. */
export function step(world: World, operation: Operation): Step {
  switch (operation.kind) {
    case "create":
      if (world.has(operation.record.id)) return { world, answer: false };
      return { world: withRecord(world, operation.record), answer: true };
    case "read":
      return { world, answer: plainOrNull(world.get(operation.id)) };
    case "update":
      return updated(world, operation.id, operation.change);
    case "delete":
      return deleted(world, operation.id, operation.when);
    case "list": {
      const bearers = [...world.values()].filter((record) => record.labels.includes(operation.label));
      return { world, answer: listing(bearers.map(reservedOnly)) };
    }
    case "revoke":
      return without(
        world,
        (record) => record.labels.includes(operation.label) && !operation.except.includes(record.id),
      );
    case "sweep":
      return without(world, (record) => record.expiresAt <= operation.now);
  }
}

function updated(world: World, id: SessionId, change: SessionChange): Step {
  const before = world.get(id);
  if (before === undefined || before.expiresAt <= change.now) return { world, answer: { kind: "gone" } };
  if (before.epoch !== change.epoch) return { world, answer: { kind: "stale" } };
  if (change.ifVersion !== undefined && change.ifVersion !== before.version)
    return { world, answer: { kind: "conflict" } };

  const fields = new Map(Object.entries(before.fields));
  for (const name of change.remove ?? []) fields.delete(name);
  for (const [name, text] of Object.entries(change.set ?? {})) fields.set(name, text);
  const { renew } = change;
  const counts = change.set !== undefined || change.remove !== undefined || renew !== undefined;
  const after: SessionRecord = {
    ...before,
    version: counts ? before.version + 1 : before.version,
    fields: Object.fromEntries(fields),
    accessedAt: later(before.accessedAt, change.accessedAt, renew !== undefined),
    expiresAt: later(before.expiresAt, change.expiresAt, renew !== undefined),
    ...(renew && { secretHash: renew.secretHash, epoch: renew.nextEpoch }),
    ...(renew?.labels && { labels: renew.labels }),
    ...(renew?.endsAt !== undefined && { endsAt: renew.endsAt }),
  };
  return { world: withRecord(world, after), answer: { kind: "done", version: after.version } };
}

function later(before: number, given: number | undefined, asGiven: boolean): number {
  if (given === undefined) return before;
  return asGiven ? given : Math.max(before, given);
}

function deleted(world: World, id: SessionId, when: DeleteCondition): Step {
  const record = world.get(id);
  if (record === undefined) return { world, answer: "gone" };
  const otherVersion = when.ifVersion !== undefined && when.ifVersion !== record.version;
  const otherLabel = when.label !== undefined && !record.labels.includes(when.label);
  if (otherVersion || otherLabel) return { world, answer: "conflict" };
  return { world: without(world, (one) => one.id === id).world, answer: "done" };
}

function withRecord(world: World, record: SessionRecord): World {
  return new Map(world).set(record.id, record);
}

function without(world: World, doomed: (record: SessionRecord) => boolean): Step {
  const kept = [...world].filter(([, record]) => !doomed(record));
  return { world: new Map(kept), answer: world.size - kept.length };
}

function reservedOnly(record: SessionRecord): SessionRecord {
  return {
    ...record,
    fields: Object.fromEntries(Object.entries(record.fields).filter(([name]) => isReserved(name))),
  };
}

function plainOrNull(record: SessionRecord | null | undefined): unknown {
  return record ? s.plain(record) : null;
}

function listing(records: readonly SessionRecord[]): unknown {
  return [...records].sort((a, b) => (a.id < b.id ? -1 : 1)).map(s.plain);
}

/** Calls the store, and gives its answer in the shape of {@link Step.answer}. */
export async function perform(store: AnyStore, operation: Operation, limit: number): Promise<unknown> {
  switch (operation.kind) {
    case "create":
      return s.create(store, operation.record);
    case "read":
      return plainOrNull(await store.read(operation.id, s.call()));
    case "update": {
      const outcome = await store.update(operation.id, operation.change, s.call());
      return outcome.kind === "conflict" ? { kind: "conflict" } : outcome;
    }
    case "delete":
      return store.delete(operation.id, operation.when, s.call());
    case "list":
      return listing(await s.listed(store, operation.label, limit));
    case "revoke":
      return s.labelsOf(store).deleteByLabel(operation.label, operation.except, s.call());
    case "sweep":
      return (await s.sweepOf(store).sweep(operation.now, 1_000_000, s.call())).deleted;
  }
}

/** What a random history is made of. */
export interface Cast {
  readonly ids: readonly SessionId[];
  readonly labels: readonly string[];
  readonly kinds: readonly Operation["kind"][];
}

/** One operation at random. Conditions are guessed close to what the world holds, so that about half of them hold. */
export function operationOf(random: Random, cast: Cast, world: World, serial: number): Operation {
  const id = random.pick(cast.ids);
  const known = world.get(id);
  switch (random.pick(cast.kinds)) {
    case "create":
      return { kind: "create", record: randomRecord(random, cast, id, serial) };
    case "read":
      return { kind: "read", id };
    case "update":
      return { kind: "update", id, change: randomChange(random, cast, known, serial) };
    case "delete":
      return { kind: "delete", id, when: randomCondition(random, cast, known) };
    case "list":
      return { kind: "list", label: random.pick(cast.labels) };
    case "revoke":
      return {
        kind: "revoke",
        label: random.pick(cast.labels),
        except: cast.ids.filter(() => random.oneIn(3)),
      };
    case "sweep":
      return { kind: "sweep", now: s.NOW + random.below(12) };
  }
}

const FIELDS: readonly string[] = ["a", "b", "~own", "constructor"];

function randomRecord(random: Random, cast: Cast, id: SessionId, serial: number): SessionRecord {
  return {
    id,
    epoch: random.below(3),
    version: random.below(3),
    secretHash: random.oneIn(8) ? "" : s.hashOf(`s${serial}`),
    labels: cast.labels.filter(() => random.oneIn(2)),
    createdAt: s.NOW,
    accessedAt: s.NOW + random.below(8),
    expiresAt: s.NOW + random.below(16),
    endsAt: s.NOW + 100,
    fields: randomFields(random, serial),
  };
}

function randomFields(random: Random, serial: number): Record<string, string> {
  const names = FIELDS.filter(() => random.oneIn(2));
  return Object.fromEntries(names.map((name) => [name, random.oneIn(6) ? "" : `${name} ${serial}`]));
}

function randomChange(
  random: Random,
  cast: Cast,
  known: SessionRecord | undefined,
  serial: number,
): SessionChange {
  return {
    now: s.NOW + random.below(10),
    epoch: random.oneIn(5) ? random.below(4) : (known?.epoch ?? 0),
    ...(random.oneIn(2) && { ifVersion: near(random, known?.version ?? 1) }),
    ...(random.oneIn(2) && { set: randomFields(random, serial) }),
    ...(random.oneIn(4) && { remove: FIELDS.filter(() => random.oneIn(3)) }),
    ...(random.oneIn(2) && { accessedAt: s.NOW + random.below(12) }),
    ...(random.oneIn(2) && { expiresAt: s.NOW + random.below(24) }),
    ...(random.oneIn(4) && { renew: randomRenewal(random, cast, known, serial) }),
  };
}

function randomRenewal(
  random: Random,
  cast: Cast,
  known: SessionRecord | undefined,
  serial: number,
): NonNullable<SessionChange["renew"]> {
  return {
    secretHash: s.hashOf(`s${serial}`),
    nextEpoch: (known?.epoch ?? 0) + random.below(2),
    ...(random.oneIn(2) && { labels: cast.labels.filter(() => random.oneIn(2)) }),
    ...(random.oneIn(3) && { endsAt: s.NOW + 100 + random.below(100) }),
  };
}

function randomCondition(random: Random, cast: Cast, known: SessionRecord | undefined): DeleteCondition {
  return {
    ...(random.oneIn(2) && { ifVersion: near(random, known?.version ?? 1) }),
    ...(random.oneIn(3) && { label: random.pick(cast.labels) }),
  };
}

function near(random: Random, version: number): number {
  return random.oneIn(3) ? Math.max(0, version + random.below(3) - 1) : version;
}
