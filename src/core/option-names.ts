import { SessionError } from "./errors.ts";

/**
 * Checks that options are an object and hold no name but the known ones: a misspelt option would be off in silence.
 *
 * @param of what the options belong to, such as `"sqliteStore"`: it begins the message.
 * @throws the code given, by default `ERR_SESSION_CONFIG`.
 */
export function checkOptionNames(
  options: unknown,
  known: readonly string[],
  of: string,
  code: "ERR_SESSION_CONFIG" | "ERR_SESSION_USE" = "ERR_SESSION_CONFIG",
): void {
  if (typeof options !== "object" || options === null) {
    throw new SessionError(code, `${of} takes its options as an object. Leave them out for the defaults.`);
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new SessionError(code, `${of} has no option "${name}". The options are ${known.join(", ")}.`);
  }
}
