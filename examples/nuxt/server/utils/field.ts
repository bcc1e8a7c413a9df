import type { H3Event } from "h3";

/** A field of the form that was posted. */
export async function readField(event: H3Event, name: string): Promise<string> {
  const form: unknown = await readBody(event);
  const value: unknown = (form as Record<string, unknown> | undefined)?.[name];
  return typeof value === "string" ? value : "";
}
