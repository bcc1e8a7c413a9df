import { refuseConfig } from "../../core/errors.ts";
import type { StoreTraits } from "../../core/store.ts";

/** What an application says of an engine which cannot be asked. */
export interface DeclaredTraits {
  /** What acknowledged writes survive: `"none"` (default), `"process"` (a killed process), or `"power"`. */
  readonly durability?: StoreTraits["durability"];
  /** Whether other processes see the same sessions; default `false`. */
  readonly shared?: boolean;
}

/** @throws `ERR_SESSION_CONFIG` for what are no such traits. */
export function declaredTraits(of: string, given: DeclaredTraits, expires: boolean): StoreTraits {
  const { durability = "none", shared = false } = given;
  if (!["none", "process", "power"].includes(durability))
    refuseConfig(`${of}: durability is "none", "process" or "power", not ${JSON.stringify(durability)}.`);
  if (typeof shared !== "boolean") refuseConfig(`${of}: shared is true or false.`);
  return Object.freeze({ durability, shared, expires, resends: true, conditions: "process" });
}
