import { isPreset, type Preset } from "./lifetime.ts";
import { isReserved } from "./record.ts";

/**
 * What the library keeps with a session beside its data: each a reserved field, so that no store or schema ever
 * changes for it. Values are written by this library alone, yet read with care: a store may hold anything.
 */
export const AUTH = "~auth";
export const DEVICE = "~device";
export const SEEN = "~seen";
export const LIFE = "~life";
export const ROTATION = "~rotation";
export const COMMITS = "~commits";
export const FLASH = "~flash";
export const FORM_TOKENS = "~form";
export const CSRF = "~csrf";
export const MARK = "~mark";

const INFORMATIVE: ReadonlySet<string> = new Set([AUTH, FLASH, FORM_TOKENS, CSRF]);

/** Tells whether a field makes a session worth keeping: the application's, and of the library's own those that somebody would miss. */
export function isInformative(name: string): boolean {
  return !isReserved(name) || INFORMATIVE.has(name);
}

/** Who authenticated, when, how, and what that is worth. */
export interface Authentication {
  readonly user: string;
  readonly at: number;
  readonly methods: readonly string[];
  readonly level?: Preset;
}

/** What was known of the client when the session was created or the user logged in; under `SEEN`, when it last presented the session from elsewhere. */
export interface Device {
  readonly address?: string;
  readonly userAgent?: string;
}

/** Limits of this one session that differ from the manager's. */
export interface Life {
  readonly rememberMs: number;
}

/** The last periodic rotation. */
export interface Rotation {
  readonly at: number;
  /** Hash of the secret before. */
  readonly previous?: string;
  /** The successor, masked by the secret before; only until the successor is first presented. */
  readonly mask?: string;
  /** When the successor was first presented. */
  readonly confirmedAt?: number;
}

export function asAuthentication(value: unknown): Authentication | null {
  if (!isRecord(value) || typeof value["user"] !== "string" || typeof value["at"] !== "number") return null;
  const methods = Array.isArray(value["methods"])
    ? value["methods"].filter((method) => typeof method === "string")
    : [];
  const { user, at, level } = value as { user: string; at: number; level?: unknown };
  return { user, at, methods, ...(isPreset(level) && { level }) };
}

/** The user that a record is of, or `null`. */
export function userOf(record: { readonly fields: Readonly<Record<string, string>> }): string | null {
  return asAuthentication(reservedValue(record.fields, AUTH))?.user ?? null;
}

export function asDevice(value: unknown): Device {
  if (!isRecord(value)) return {};
  const { address, userAgent } = value;
  return {
    ...(typeof address === "string" && { address }),
    ...(typeof userAgent === "string" && { userAgent }),
  };
}

export function asLife(value: unknown): Life | null {
  return isRecord(value) && typeof value["rememberMs"] === "number"
    ? { rememberMs: value["rememberMs"] }
    : null;
}

export function asRotation(value: unknown): Rotation | null {
  if (!isRecord(value) || typeof value["at"] !== "number") return null;
  const { at, previous, mask, confirmedAt } = value;
  return {
    at,
    ...(typeof previous === "string" && { previous }),
    ...(typeof mask === "string" && { mask }),
    ...(typeof confirmedAt === "number" && { confirmedAt }),
  };
}

export function asTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** Decodes a reserved field outside a draft; `undefined` for whatever cannot be read. Reserved fields are always JSON. */
export function reservedValue(fields: Readonly<Record<string, string>>, name: string): unknown {
  const text = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
