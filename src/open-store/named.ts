import type { StoreAddress } from "./address.ts";

/** The options of a store that a URL's parameters give, as far as they are there. The store judges their values. */
export function named(address: StoreAddress, names: readonly string[]): Readonly<Record<string, never>> {
  const given = names.flatMap((name) => {
    const value = address.parameters.get(name);
    return value === null ? [] : [[name, value]];
  });
  return Object.fromEntries(given) as Readonly<Record<string, never>>;
}
