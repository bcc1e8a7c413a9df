import { isUtf8 } from "node:buffer";
import { judgeRecord } from "../../core/record.ts";
import type { SessionRecord } from "../../core/record.ts";
import { idOfHex } from "./names.ts";
import type { IdHex, Pointer } from "./names.ts";

/** The layout that this version writes, in the file `format` and in every data file. */
export const FORMAT = 1;

/** What a data file holds. */
export interface Content {
  readonly record: SessionRecord;
  /** Labels that the record once bore: their entries stay until the record goes. */
  readonly formerLabels: readonly string[];
  /** Where the entries under `expiry` were written, as `<bucket>/<name>`. The sweep may have moved them since. */
  readonly expiryEntries: readonly string[];
}

export type Decoded =
  | { readonly kind: "record"; readonly content: Content }
  | { readonly kind: "corrupt" | "newer" };

export function encodeContent(content: Content): string {
  return JSON.stringify({ format: FORMAT, ...content });
}

/** Judges the bytes of a data file. Never throws. The pointer has the last word on both moving times. */
export function decodeContent(bytes: Buffer, hex: IdHex, pointer: Pointer): Decoded {
  const value = parse(bytes);
  if (typeof value !== "object" || value === null) return { kind: "corrupt" };
  const { format, record, formerLabels, expiryEntries } = value as Readonly<Record<string, unknown>>;
  if (Number.isSafeInteger(format) && Number(format) > FORMAT) return { kind: "newer" };
  if (format !== FORMAT) return { kind: "corrupt" };

  const verdict = judgeRecord(record);
  if (verdict !== "record") return { kind: verdict };
  const stored = record as SessionRecord;
  if (stored.id !== idOfHex(hex)) return { kind: "corrupt" };
  const content = {
    record: { ...stored, accessedAt: pointer.accessedAt, expiresAt: pointer.expiresAt },
    formerLabels: stringsOf(formerLabels),
    expiryEntries: stringsOf(expiryEntries),
  };
  return { kind: "record", content };
}

/** JSON parsed from bytes that are strictly UTF-8: a replaced character would be a silently changed value. */
function parse(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) return undefined;
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

function stringsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
