import { SessionManager } from "../../src/index.ts";
import { FreeCall, IN_FLIGHT } from "./calls.ts";
import type { Effort } from "./effort.ts";
import type { MeasuredStore } from "./engines/engine.ts";
import { createNew, fill } from "./filling.ts";
import { forEach, range } from "./measure.ts";
import { dice, EXPIRED, EXTRA, idOf, type Population, SESSIONS_PER_USER } from "./population.ts";
import { Progress } from "./progress.ts";

/** One kind of work, timed over and over. Rejects when the store answers what it must not. */
export interface Operation {
  readonly name: string;
  /** How often it is timed, one by one. */
  readonly times: number;
  /** Whether it can be repeated at will, so that its throughput is taken too. */
  readonly lasting: boolean;
  prepare(): Promise<void>;
  run(round: number): Promise<void>;
  tidy(): Promise<void>;
}

/** How many records a page of a walk has, and how many a sweep deletes at most. */
const PAGE = 100;
const SWEEP = 1000;
const DAY = 86_400_000;

interface Scene {
  readonly store: MeasuredStore;
  readonly population: Population;
  /** How many sessions there are. */
  readonly size: number;
  readonly effort: Effort;
}

/** All that is measured at one size. Afterwards as many sessions are there as before. */
export function operationsOn(scene: Scene): Operation[] {
  return [
    ...onOneSession(scene),
    ...creation(scene),
    ...onOneUser(scene),
    walk(scene),
    ...(scene.store.sweep === undefined ? [] : sweeps(scene)),
  ];
}

function operation(
  name: string,
  times: number,
  run: (round: number) => Promise<void>,
  more: Partial<Operation> = {},
): Operation {
  return {
    name,
    times: Math.max(1, Math.floor(times)),
    lasting: false,
    prepare: async () => {},
    tidy: async () => {},
    run,
    ...more,
  };
}

function onOneSession({ store, size, effort }: Scene): Operation[] {
  const roll = dice(1);
  const { samples: times } = effort;
  const repeated = { lasting: true };
  const read = async (): Promise<void> => {
    const id = idOf(roll(size));
    if ((await store.read(id, new FreeCall())) === null) throw new Error(`The session ${id} is missing.`);
  };
  const update = async (round: number): Promise<void> => {
    const change = { now: Date.now(), epoch: 2, set: { views: String(round) } };
    expectDone(await store.update(idOf(roll(size)), change, new FreeCall()));
  };
  const touch = async (): Promise<void> => {
    const now = Date.now();
    const change = { now, epoch: 2, accessedAt: now, expiresAt: now + DAY };
    expectDone(await store.update(idOf(roll(size)), change, new FreeCall()));
  };
  return [
    operation("read", times, read, repeated),
    operation("update of one field", times, update, repeated),
    operation("touch", times, touch, repeated),
  ];
}

function expectDone(outcome: { readonly kind: string }): void {
  if (outcome.kind !== "done") throw new Error(`An update was not done but ${outcome.kind}.`);
}

function creation({ store, population, effort }: Scene): Operation[] {
  const created = async (round: number): Promise<void> =>
    createNew(store, population.recordOf(EXTRA + round));
  const deleted = async (round: number): Promise<void> => {
    const outcome = await store.delete(idOf(EXTRA + round), {}, new FreeCall());
    if (outcome !== "done") throw new Error(`A deletion was not done but ${outcome}.`);
  };
  return [operation("create", effort.samples / 2, created), operation("delete", effort.samples / 2, deleted)];
}

function onOneUser(scene: Scene): Operation[] {
  const { store, population, size, effort } = scene;
  const roll = dice(2);
  const list = async (): Promise<void> => {
    const label = `user:${population.userOf(roll(size))}`;
    const { records } = await store.listByLabel(label, { limit: PAGE }, new FreeCall());
    if (records.length !== SESSIONS_PER_USER)
      throw new Error(`${label} has ${records.length} sessions in its list.`);
  };
  const manager = new SessionManager({ store, sweepEvery: false, deadline: "60s" });
  return [
    operation("list by user", effort.samples / 4, list, { lasting: true }),
    revocation(scene, "deleteByLabel", 3, (user) => store.deleteByLabel(`user:${user}`, [], new FreeCall())),
    revocation(scene, "revokeUser", 4, (user) => manager.revokeUser(user)),
  ];
}

/** Revokes users, each once, and puts their sessions back afterwards. */
function revocation(
  { store, population, size, effort }: Scene,
  name: string,
  seed: number,
  revoke: (user: string) => Promise<number>,
): Operation {
  const roll = dice(seed);
  const users = size / SESSIONS_PER_USER;
  const times = Math.max(1, Math.min(Math.floor(effort.samples / 10), Math.floor(users / 4)));
  const chosen = new Map<string, readonly number[]>();
  while (chosen.size < times) {
    const index = roll(size);
    chosen.set(population.userOf(index), population.sessionsBeside(index));
  }
  const names = [...chosen.keys()];
  const run = async (round: number): Promise<void> => {
    const count = await revoke(names[round] as string);
    if (count !== SESSIONS_PER_USER) throw new Error(`${count} sessions of ${names[round]} were revoked.`);
  };
  const tidy = (): Promise<void> =>
    forEach(IN_FLIGHT, [...chosen.values()].flat(), (index) => createNew(store, population.recordOf(index)));
  return operation(name, times, run, { tidy });
}

/** Pages of a walk, each where the last ended, so that the later ones lie deep. */
function walk({ store, effort }: Scene): Operation {
  let after: string | undefined;
  return operation(`page of ${PAGE} of all`, effort.samples / 20, async () => {
    const page = await store.all({ limit: PAGE, ...(after !== undefined && { after }) }, new FreeCall());
    after = page.next;
  });
}

function sweeps({ store, population, effort }: Scene): Operation[] {
  const now = Date.now();
  const limit = Math.min(SWEEP, effort.sweepable / 3);
  const sweep = async (wanted: number): Promise<void> => {
    const swept = await store.sweep?.(now, limit, new FreeCall());
    if (swept?.deleted !== wanted) throw new Error(`A sweep deleted ${swept?.deleted}, not ${wanted}.`);
  };
  const prepare = async (): Promise<void> => {
    const given = { createdAt: now - DAY, accessedAt: now - DAY, expiresAt: now - 1, endsAt: now - 1 };
    const { sweepable } = effort;
    const progress = new Progress("expired sessions", sweepable);
    await fill(store, population, progress, range(EXPIRED, EXPIRED + sweepable), () => given);
  };
  return [
    operation("sweep that finds nothing", effort.samples / 20, () => sweep(0)),
    operation(`sweep of ${limit}`, effort.sweepable / limit, () => sweep(limit), { prepare }),
  ];
}
