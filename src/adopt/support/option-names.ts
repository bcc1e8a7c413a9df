import { SessionError } from "../../index.ts";

/** @throws `ERR_SESSION_CONFIG` for a name of an option that is not known: it would be off in silence. */
export function checkNames(options: object, known: readonly string[], of: string): void {
  if (typeof options !== "object" || options === null)
    throw new SessionError("ERR_SESSION_CONFIG", `${of} takes its options as an object.`);
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      `${of} has no option "${name}". The options are ${known.join(", ")}.`,
    );
  }
}
