import { judgeRecord, type SessionRecord } from "./record.ts";
import { SealError, type Vault } from "./seal.ts";
import type { AnyStore, Page, UpdateOutcome } from "./store.ts";

/**
 * A store whose fields are sealed on the way in and opened on the way out: whoever calls it sees plain text, and what it is made of
 * never does. Everything else is the store's own. Only what a change sets is sealed.
 */
export function sealedStore(store: AnyStore, vault: Vault): AnyStore {
  const { listByLabel, deleteByLabel, all, sweep, setup, subscribe, track, close } = store;
  return {
    get traits() {
      return store.traits;
    },
    create: async (record, call) =>
      await store.create({ ...record, fields: vault.seal(record.id, record.fields) }, call),
    read: async (id, call) => {
      const record = await store.read(id, call);
      // What is no record is the gate's to judge.
      return record !== null && judgeRecord(record) === "record" ? vault.open(record) : record;
    },
    update: async (id, change, call) => {
      const { set } = change;
      const sealed = set === undefined ? change : { ...change, set: vault.seal(id, set) };
      return openedOutcome(vault, await store.update(id, sealed, call));
    },
    delete: async (id, when, call) => await store.delete(id, when, call),
    ...(listByLabel && {
      listByLabel: async (label, page, call) =>
        openedPage(vault, await listByLabel.call(store, label, page, call)),
    }),
    ...(deleteByLabel && { deleteByLabel: deleteByLabel.bind(store) }),
    ...(all && { all: async (page, call) => openedPage(vault, await all.call(store, page, call)) }),
    ...(sweep && { sweep: sweep.bind(store) }),
    ...(setup && { setup: setup.bind(store) }),
    ...(subscribe && { subscribe: subscribe.bind(store) }),
    ...(track && { track: track.bind(store) }),
    ...(close && { close: close.bind(store) }),
  };
}

/** What cannot be opened is not at hand: whoever needs the record reads it, and is told why. */
function openedOutcome(vault: Vault, outcome: UpdateOutcome): UpdateOutcome {
  if (outcome?.kind !== "conflict" || outcome.current === undefined) return outcome;
  try {
    return { kind: "conflict", current: vault.open(outcome.current) };
  } catch {
    return { kind: "conflict" };
  }
}

/**
 * Records whose seal is broken are passed over, as are those that a store cannot read. A key that is missing fails the whole: a list without
 * sessions that are live elsewhere would look complete.
 */
function openedPage(vault: Vault, page: Page): Page {
  // What is no page, or holds what is no record, is the gate's to judge.
  if (!Array.isArray(page?.records)) return page;
  const records: SessionRecord[] = [];
  for (const record of page.records as SessionRecord[]) {
    const opened = judgeRecord(record) === "record" ? unlessBroken(() => vault.open(record)) : record;
    if (opened !== null) records.push(opened);
  }
  return { ...page, records };
}

function unlessBroken(open: () => SessionRecord): SessionRecord | null {
  try {
    return open();
  } catch (error) {
    if (error instanceof SealError) return null;
    throw error;
  }
}
