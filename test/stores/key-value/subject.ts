import type { SessionId } from "../../../src/core/record.ts";
import type { AnyStore } from "../../../src/core/store.ts";
import type { Ability, OpenedStore, StoreSubject } from "../../../src/testing/index.ts";

/** An engine without conditions, opened for one rule. */
export interface OpenedEngine {
  /** Opens a store on it; several stand on one engine. */
  store(): AnyStore;
  close(): Promise<void>;
  readonly damage?: Readonly<Record<string, (id: SessionId) => Promise<void>>>;
}

/** The abilities of a store upon such an engine, but for those given. */
const ABILITIES: StoreSubject["abilities"] = {
  labels: true,
  iterate: true,
  sweep: "the engine removes expired records",
  setup: "there is nothing to set up",
  subscribe: "the interface tells of no deletion",
  dispose: "the store opens nothing by itself",
  "second handle": true,
  processes: "the engine has no conditional writes, so that two processes may undo each other's",
  damage: true,
};

/** Describes a store upon an engine without conditions: every rule of one process is to be kept, none of several. */
export function unconditionalSubject(
  name: string,
  open: () => Promise<OpenedEngine>,
  given: Partial<Record<Ability, true | string>> = {},
  effort = 1,
): StoreSubject {
  return {
    name,
    effort,
    abilities: { ...ABILITIES, ...given },
    async open(): Promise<OpenedStore> {
      const engine = await open();
      return {
        store: engine.store(),
        close: () => engine.close(),
        openAgain: async () => ({ store: engine.store(), close: async () => {} }),
        ...(engine.damage && { damage: engine.damage }),
      };
    },
  };
}
