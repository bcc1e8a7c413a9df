import { directoryStore } from "../../../src/stores/directory.ts";
import type { OpenedStore, StoreSubject } from "../../../src/testing/index.ts";
import { damageOf } from "./damage.ts";
import { call, temporaryFolder } from "./support.ts";

/** The directory store as the published contract takes it. */
export function directorySubject(durability: "process" | "power", effort: number): StoreSubject {
  async function open(): Promise<OpenedStore> {
    const folder = await temporaryFolder();
    const store = directoryStore(folder.path, { durability });
    await store.setup(call());
    return {
      store,
      async close() {
        await store.close();
        await folder.remove();
      },
      async openAgain() {
        const again = directoryStore(folder.path, { durability });
        return { store: again, close: () => again.close() };
      },
      worker: {
        module: new URL("../../../src/stores/directory.ts", import.meta.url),
        export: "directoryStore",
        location: folder.path,
      },
      damage: damageOf(folder.path),
    };
  }
  return {
    name: `directory, ${durability}`,
    open,
    abilities: {
      labels: true,
      iterate: true,
      sweep: true,
      setup: true,
      subscribe: "files tell nobody that they went",
      dispose: true,
      "second handle": true,
      processes: true,
      damage: true,
    },
    effort,
  };
}
