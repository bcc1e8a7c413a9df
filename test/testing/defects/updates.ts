import type { SessionId, SessionRecord } from "../../../src/core/record.ts";
import type { SessionChange } from "../../../src/core/store.ts";
import { CALL, replace, type Defect } from "./defect.ts";

function isTouch(change: SessionChange): boolean {
  return change.set === undefined && change.remove === undefined && change.renew === undefined;
}

function born(id: SessionId, change: SessionChange): SessionRecord {
  const { now, epoch, expiresAt = now + 60_000, set = {} } = change;
  const times = { createdAt: now, accessedAt: now, expiresAt, endsAt: expiresAt };
  return { id, epoch, version: 1, secretHash: "x", labels: [], fields: set, ...times };
}

export const updateDefects: readonly Defect[] = [
  {
    name: "update creates what is not there",
    caughtBy: "update never creates: of a record that is not there it resolves gone",
    plant: (store) => ({
      async update(id, change, call) {
        if ((await store.read(id, call)) === null && !isTouch(change))
          await store.create(born(id, change), call);
        return store.update(id, change, call);
      },
    }),
  },
  {
    name: "touch creates what is not there",
    caughtBy: "a touch never creates and never revives",
    plant: (store) => ({
      async update(id, change, call) {
        if (isTouch(change)) await store.create(born(id, change), call);
        return store.update(id, change, call);
      },
    }),
  },
  {
    name: "update of a record that is gone says that it was done",
    caughtBy: "update of a deleted record resolves gone and does not bring it back",
    plant: (store) => ({
      async update(id, change, call) {
        const outcome = await store.update(id, change, call);
        return outcome.kind === "gone" ? { kind: "done", version: 1 } : outcome;
      },
    }),
  },
  {
    name: "update reads the record, waits, and writes all of it back",
    caughtBy: "overlapping changes of different fields all survive, and each has a version of its own",
    plant: (store) => ({
      async update(id, change, call) {
        const before = await store.read(id, call);
        const outcome = await store.update(id, { ...change, set: {} }, call);
        if (before === null || outcome.kind !== "done") return outcome;
        await Promise.resolve();
        await replace(store, {
          ...before,
          version: outcome.version,
          fields: { ...before.fields, ...change.set },
        });
        return outcome;
      },
    }),
  },
  {
    name: "update checks, waits, and writes by an upsert, so that a delete in between is undone",
    caughtBy: "a session deleted while others write to it or touch it stays deleted",
    plant: (store) => ({
      async update(id, change, call) {
        const outcome = await store.update(id, change, call);
        if (outcome.kind !== "done") return outcome;
        const after = await store.read(id, call);
        await Promise.resolve();
        if (after !== null) await store.create(after, call);
        return outcome;
      },
    }),
  },
  {
    name: "touch writes the times as given, so that a late one shortens",
    caughtBy: "a late touch shortens nothing",
    plant: (store) => ({
      async update(id, change, call) {
        const outcome = await store.update(id, change, call);
        const record = await store.read(id, call);
        if (outcome.kind !== "done" || record === null || !isTouch(change)) return outcome;
        const { accessedAt = record.accessedAt, expiresAt = record.expiresAt } = change;
        await replace(store, { ...record, accessedAt, expiresAt });
        return outcome;
      },
    }),
  },
  {
    name: "touch writes back the whole record as it was when it began",
    caughtBy: "whatever overlaps looks as if it had been done one after another, in some order",
    plant: (store) => ({
      async update(id, change, call) {
        const before = await store.read(id, call);
        const outcome = await store.update(id, change, call);
        if (before === null || outcome.kind !== "done" || !isTouch(change)) return outcome;
        const { accessedAt = 0, expiresAt = 0 } = change;
        const times = {
          accessedAt: Math.max(before.accessedAt, accessedAt),
          expiresAt: Math.max(before.expiresAt, expiresAt),
        };
        await replace(store, { ...before, ...times });
        return outcome;
      },
    }),
  },
  {
    name: "touch adds to the version",
    caughtBy: "a touch moves the access time and the expiry, and nothing else",
    plant: (store) => ({
      update: (id, change, call) => store.update(id, isTouch(change) ? { ...change, set: {} } : change, call),
    }),
  },
  {
    name: "a change leaves the version as it was",
    caughtBy: "update writes the fields it sets, leaves the others, and adds 1 to the version",
    plant: (store) => ({
      async update(id, change, call) {
        const before = await store.read(id, call);
        const outcome = await store.update(id, change, call);
        const after = await store.read(id, call);
        if (outcome.kind !== "done" || before === null || after === null) return outcome;
        await replace(store, { ...after, version: before.version });
        return { kind: "done", version: before.version };
      },
    }),
  },
  {
    name: "update ignores the version",
    caughtBy: "increments by compare-and-swap add up, each counted once",
    plant: (store) => ({
      update: (id, { ifVersion: _ignored, ...change }, call) => store.update(id, change, call),
    }),
  },
  {
    name: "update ignores the epoch",
    caughtBy: "after a privilege change the old epoch cannot write any more",
    plant: (store) => ({
      async update(id, change, call) {
        const epoch = (await store.read(id, call))?.epoch ?? change.epoch;
        return store.update(id, { ...change, epoch }, call);
      },
    }),
  },
  {
    name: "conflict is judged before stale",
    caughtBy: "gone is judged before stale, and stale before conflict",
    plant: (store) => ({
      async update(id, change, call) {
        const outcome = await store.update(id, change, call);
        const record = await store.read(id, call);
        const isOther = change.ifVersion !== undefined && record?.version !== change.ifVersion;
        return outcome.kind === "stale" && isOther ? { kind: "conflict" } : outcome;
      },
    }),
  },
  {
    name: "the current record of a conflict is not the stored one",
    caughtBy: "a writer of another version gets a conflict and writes nothing",
    plant: (store) => ({
      async update(id, change, call) {
        const outcome = await store.update(id, change, call);
        if (outcome.kind !== "conflict" || outcome.current === undefined) return outcome;
        const fields = { ...outcome.current.fields, ...change.set };
        return { kind: "conflict", current: { ...outcome.current, fields } };
      },
    }),
  },
  {
    name: "a refused change writes its fields all the same",
    caughtBy: "a writer of another version gets a conflict and writes nothing",
    plant: (store) => ({
      async update(id, change, call) {
        const outcome = await store.update(id, change, call);
        const record = await store.read(id, call);
        if (outcome.kind !== "conflict" || record === null) return outcome;
        await replace(store, { ...record, fields: { ...record.fields, ...change.set } });
        return { kind: "conflict" };
      },
    }),
  },
  {
    name: "remove wins over set",
    caughtBy: "set wins over remove for a name that is in both",
    plant: (store) => ({
      update(id, change, call) {
        if (change.set === undefined) return store.update(id, change, call);
        const kept = Object.entries(change.set).filter(([name]) => !change.remove?.includes(name));
        return store.update(id, { ...change, set: Object.fromEntries(kept) }, call);
      },
    }),
  },
  {
    name: "update replaces all fields by those it sets",
    caughtBy: "update writes the fields it sets, leaves the others, and adds 1 to the version",
    plant: (store) => ({
      async update(id, change, call) {
        const remove = Object.keys((await store.read(id, call))?.fields ?? {});
        return store.update(id, change.set === undefined ? change : { ...change, remove }, call);
      },
    }),
  },
  {
    name: "update reads its change only after a wait",
    caughtBy: "changing what was given to update changes nothing stored",
    plant: (store) => ({
      async update(id, change, call) {
        await Promise.resolve();
        return store.update(id, change, call);
      },
    }),
  },
  {
    name: "a record is gone a millisecond too early",
    caughtBy: "one millisecond before its expiry a record is live",
    plant: (store) => ({
      update: (id, change, call) => store.update(id, { ...change, now: change.now + 1 }, call),
    }),
  },
  {
    name: "a record is live at exactly its expiry",
    caughtBy: "at exactly its expiry a record is gone for every writer, and stays as it is",
    plant: (store) => ({
      update: (id, change, call) => store.update(id, { ...change, now: change.now - 1 }, call),
    }),
  },
  {
    name: "the engine's clock judges expiry in update",
    caughtBy: "at exactly its expiry a record is gone for every writer, and stays as it is",
    plant: (store) => ({
      update: (id, change, call) => store.update(id, { ...change, now: Date.now() }, call),
    }),
  },
  {
    name: "a rotation keeps the old secret",
    caughtBy: "a new secret replaces the old one under the same id, and adds 1 to the version",
    plant: (store) => ({
      async update(id, change, call) {
        const secretHash = (await store.read(id, call))?.secretHash ?? "";
        return store.update(
          id,
          change.renew ? { ...change, renew: { ...change.renew, secretHash } } : change,
          call,
        );
      },
    }),
  },
  {
    name: "a rotation keeps the old epoch",
    caughtBy: "after a privilege change the old epoch cannot write any more",
    plant: (store) => ({
      update(id, change, call) {
        const renew = change.renew && { ...change.renew, nextEpoch: change.epoch };
        return store.update(id, renew ? { ...change, renew } : change, call);
      },
    }),
  },
  {
    name: "a rotation adds its labels to the old ones",
    caughtBy: "labels that come with a new secret replace all labels; without them all stay",
    plant: (store) => ({
      async update(id, change, call) {
        const before = (await store.read(id, call))?.labels ?? [];
        const labels = change.renew?.labels;
        if (change.renew === undefined || labels === undefined) return store.update(id, change, call);
        return store.update(
          id,
          { ...change, renew: { ...change.renew, labels: [...before, ...labels] } },
          call,
        );
      },
    }),
  },
  {
    name: "a rotation is a delete and, later, a create",
    caughtBy: "a session deleted while others write to it or touch it stays deleted",
    plant: (store) => ({
      async update(id, change, call) {
        const outcome = await store.update(id, change, call);
        const after = await store.read(id, call);
        if (outcome.kind !== "done" || after === null) return outcome;
        await store.delete(id, {}, call);
        await Promise.resolve();
        await store.create(after, call);
        return outcome;
      },
    }),
  },
  {
    name: "the signal is never looked at",
    caughtBy: "a write whose signal has aborted rejects and writes nothing",
    plant: (store) => ({
      create: (record) => store.create(record, CALL),
      update: (id, change) => store.update(id, change, CALL),
      delete: (id, when) => store.delete(id, when, CALL),
    }),
  },
  {
    name: "an aborted call rejects, and is written all the same when its turn comes",
    caughtBy: "a call that rejected because its signal aborted writes nothing afterwards",
    plant: (store) => ({
      async update(id, change, call) {
        call.signal.throwIfAborted();
        const aborted = new Promise<never>((_, reject) =>
          call.signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true }),
        );
        const turn = new Promise((resolve) => setImmediate(resolve));
        return Promise.race([turn.then(() => store.update(id, change, CALL)), aborted]);
      },
    }),
  },
];
