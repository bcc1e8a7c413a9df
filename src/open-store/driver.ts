import { createRequire } from "node:module";
import { join } from "node:path";
import { SessionError } from "../core/errors.ts";
import type { AnyStore, DisposableStore } from "../core/store.ts";

/** A package that was found, and its exports. */
export interface Driver {
  readonly name: string;
  readonly exports: Readonly<Record<string, unknown>>;
}

/** Loads the first of several packages that is installed. */
export type FindDriver = (names: readonly [string, ...string[]]) => Promise<Driver>;

/**
 * Finds drivers as {@link findDriver}, those that are installed for the project in a folder before those that are installed beside
 * Holdfast: a program that runs from elsewhere is to use what the project uses.
 */
export function driversOf(folder: string): FindDriver {
  const require = createRequire(join(folder, "package.json"));
  return async (names) => {
    for (const name of names) {
      try {
        return { name, exports: require(name) as Readonly<Record<string, unknown>> };
      } catch (cause) {
        if (isMissing(cause, name)) continue;
        throw new SessionError("ERR_SESSION_CONFIG", `The package ${name} could not be loaded.`, { cause });
      }
    }
    return await findDriver(names);
  };
}

/**
 * Loads the first of the packages that is installed. Throws `ERR_SESSION_CONFIG`, naming the install command, when none
 * is, and with the `cause` when one is there and cannot be loaded.
 */
export async function findDriver(names: readonly [string, ...string[]]): Promise<Driver> {
  for (const name of names) {
    try {
      return { name, exports: (await import(name)) as Readonly<Record<string, unknown>> };
    } catch (cause) {
      if (isMissing(cause, name)) continue;
      throw new SessionError("ERR_SESSION_CONFIG", `The package ${name} could not be loaded.`, { cause });
    }
  }
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    `This store needs a driver that is not installed. Run \`npm install ${names[0]}\`.`,
  );
}

/** One that is there and lacks a part of its own is broken, not missing. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  return (
    (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") && String(message).includes(`'${name}'`)
  );
}

/** Makes the store's `close` let go of the client too, which nobody else has. */
export function withClient<Store extends AnyStore & DisposableStore>(
  store: Store,
  release: () => Promise<unknown>,
): Store {
  const close = store.close.bind(store);
  async function closeBoth(): Promise<void> {
    try {
      await close();
    } finally {
      await release();
    }
  }
  let closing: Promise<void> | undefined;
  store.close = () => (closing ??= closeBoth());
  return store;
}
