import { SessionError } from "../../index.ts";

/** The options of adapters whose handlers return a response. Each has its own types for what their functions are given. */
export const RESPONSE_OPTIONS = {
  only: "function",
  clientAddress: "function",
  waitUntil: "function",
  isFailure: "function",
  renderFailure: "function",
  mountPath: "string",
} as const;

/**
 * Checks what an adapter was made with: a manager, and options of the known names and kinds.
 *
 * @throws `ERR_SESSION_CONFIG`, naming the mend.
 */
export function checkAdapter(
  manager: unknown,
  options: unknown,
  kinds: Readonly<Record<string, "function" | "string">>,
): void {
  if (typeof (manager as { startRequest?: unknown } | null | undefined)?.startRequest !== "function") {
    refuse("The first argument must be a SessionManager or a NullSessionManager.");
  }
  if (typeof options !== "object" || options === null) {
    refuse("The options must be an object. Leave them out for the defaults.");
  }
  for (const [name, value] of Object.entries(options)) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined) {
      refuse(`"${name}" is not an option of this adapter. The options are ${Object.keys(kinds).join(", ")}.`);
    }
    if (value !== undefined && typeof value !== kind) refuse(`The option ${name} must be a ${kind}.`);
  }
}

function refuse(message: string): never {
  throw new SessionError("ERR_SESSION_CONFIG", message);
}
