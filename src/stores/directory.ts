import { resolve } from "node:path";
import { SessionError } from "../core/errors.ts";
import { checkOptionNames } from "../core/option-names.ts";
import type {
  DisposableStore,
  IterableStore,
  LabelIndex,
  SessionStore,
  Setup,
  Sweepable,
} from "../core/store.ts";
import { powerFiles, processFiles } from "./directory/files.ts";
import { Layout } from "./directory/names.ts";
import { PlacedStore } from "./directory/store.ts";

export interface DirectoryStoreOptions {
  /**
   * What an acknowledged write survives: `"process"`, a process killed at any moment; `"power"`, a power cut too,
   * for which every write waits for the disk. Default `"process"`.
   */
  readonly durability?: "process" | "power";
}

/** What {@link directoryStore} returns: a store with every ability but telling of ends elsewhere. */
export interface DirectoryStore
  extends SessionStore, LabelIndex, IterableStore, Sweepable, Setup, DisposableStore {}

/**
 * Keeps sessions as files in a folder of a local file system. Safe between any number of processes without a lock:
 * a session's current state is one file name, and each write is one rename of that name, which fails when anybody
 * else was faster.
 *
 * The folder is made, with mode 0700, at `setup()` or at the first call. Both reject with `ERR_SESSION_CONFIG` when
 * it belongs to another user or holds other things, and with `ERR_SESSION_FORMAT` when a newer version wrote it.
 * Every call rejects with `ERR_SESSION_STORE_UNAVAILABLE` when the folder has vanished, and with the file system's
 * own error when that fails.
 *
 * @param path The folder, relative to the working directory of this moment. It should hold nothing else.
 * @throws `ERR_SESSION_CONFIG` when the path or the durability cannot be.
 */
export function directoryStore(path: string, options: DirectoryStoreOptions = {}): DirectoryStore {
  checkOptionNames(options, ["durability"], "directoryStore");
  const { durability = "process" } = options;
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      'directoryStore needs the path of a folder, such as "./sessions".',
    );
  }
  if (durability !== "process" && durability !== "power") {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      `durability must be "process" or "power", got ${JSON.stringify(durability)}.`,
    );
  }
  const files = durability === "power" ? powerFiles : processFiles;
  return new PlacedStore({ layout: new Layout(resolve(path)), files }, durability);
}
