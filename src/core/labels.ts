import { SessionError } from "./errors.ts";
import { isWellFormed } from "./platform.ts";

const MAX_LABEL_LENGTH = 256;

/** The label by which the sessions of a user are found. */
export function userLabel(user: string): string {
  return `user:${user}`;
}

/** @throws `ERR_SESSION_USE` unless it is a text that can be a label. */
export function checkUser(user: string): void {
  const problem = typeof user !== "string" || user.length === 0 || user.length > 200 || !isLabel(user);
  if (!problem) return;
  throw new SessionError(
    "ERR_SESSION_USE",
    "A user id must be a string of 1 to 200 characters, such as String(user.id).",
  );
}

/** @throws `ERR_SESSION_USE` unless it is a list of texts. */
export function checkMethods(methods: readonly string[]): readonly string[] {
  if (Array.isArray(methods) && methods.every((method) => typeof method === "string" && isLabel(method)))
    return [...methods];
  throw wrong('methods must be a list of texts, such as ["pwd"].');
}

/** @throws `ERR_SESSION_USE` unless each is a text that can be a label and is no user's. */
export function checkLabels(labels: readonly string[]): readonly string[] {
  if (!Array.isArray(labels)) throw wrong('labels must be a list of texts, such as ["tenant:7"].');
  for (const label of labels) {
    if (
      typeof label === "string" &&
      label.length > 0 &&
      label.length <= MAX_LABEL_LENGTH &&
      isLabel(label) &&
      !label.startsWith("user:")
    )
      continue;
    throw new SessionError(
      "ERR_SESSION_USE",
      `A label must be a string of 1 to ${MAX_LABEL_LENGTH} characters that does not begin with "user:".`,
    );
  }
  return [...new Set(labels)];
}

function isLabel(text: string): boolean {
  return !text.includes("\0") && isWellFormed(text);
}

function wrong(message: string): SessionError {
  return new SessionError("ERR_SESSION_USE", message);
}
