import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** The URL of the store that was asked for, or else of a file beside the shop; and how to show it. */
export function storeOf(wanted: string | undefined): { readonly url: string; readonly shown: string } {
  // A URL may hold a password, and what is printed may be kept.
  if (wanted !== undefined) return { url: wanted, shown: wanted.replace(/\/\/[^@/]*@/, "//") };
  const folder = join(import.meta.dirname, "data");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "shop.db");
  return { url: `file:${file}`, shown: file };
}
