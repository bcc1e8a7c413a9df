import { isUnexpected } from "../support/thrown.ts";

/** Tells what fails a request from what Next throws as an answer: `redirect()`, `notFound()`, `forbidden()`, `unauthorized()`. */
export function isFailed(thrown: unknown): boolean {
  return answerOf(thrown) === null && isUnexpected(thrown);
}

/** The answer that Next gives for what its own functions throw, or `null` for what anything else throws. */
export function answerOf(
  thrown: unknown,
): { readonly status: number; readonly location: string | null } | null {
  const [kind, ...parts] = digestOf(thrown).split(";");
  if (kind === "NEXT_HTTP_ERROR_FALLBACK") return { status: Number(parts[0]), location: null };
  if (kind !== "NEXT_REDIRECT") return null;
  // NEXT_REDIRECT;replace;<location>;307; – and the location may have semicolons of its own.
  return { status: Number(parts.at(-2)), location: parts.slice(1, -2).join(";") };
}

function digestOf(thrown: unknown): string {
  const digest = (thrown as { readonly digest?: unknown } | null | undefined)?.digest;
  return typeof digest === "string" ? digest : "";
}
