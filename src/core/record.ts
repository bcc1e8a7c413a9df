/** Public handle of a session: 24 base64url characters. Safe to log, list and revoke by; opens nothing. */
export type SessionId = string & { readonly __brand: "SessionId" };

/** What a store holds of one session. */
export interface SessionRecord {
  readonly id: SessionId;
  /** One more at every privilege change; a writer of an older epoch is refused. */
  readonly epoch: number;
  /** One more at every change but a touch. */
  readonly version: number;
  /** SHA-256 of the secret, base64url. Empty for a mark, which opens for nobody. */
  readonly secretHash: string;
  /** Indexed names, such as `user:42`. They change only at create and together with a new secret. */
  readonly labels: readonly string[];
  /** Milliseconds since the epoch, as are all the times below. */
  readonly createdAt: number;
  readonly accessedAt: number;
  /** Idle limit or absolute limit, whichever comes first. At this very millisecond the session is over. */
  readonly expiresAt: number;
  /** Absolute limit. No touch moves it; index entries live as long. */
  readonly endsAt: number;
  /** Field name to encoded text. A store never looks inside a text. */
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * First character of the names that the library keeps for itself (flash messages, authentication, previous secret …).
 * Such a field is invisible in `session.data`.
 */
export const RESERVED = "~";

/** Tells whether a field name is one of the library's own. */
export function isReserved(name: string): boolean {
  return name.startsWith(RESERVED);
}

/** How the text of a sealed field begins, in whatever format. No codec's text may: see `seal.ts`. */
export const SEALED = "sealed.";

/** Tells whether the text of a field is a sealed one. */
export function isSealed(text: string): boolean {
  return text.startsWith(SEALED);
}

/** Adds a field to those of a record being put together, whatever its name: assigned to, `__proto__` would make none. */
export function addField(fields: Record<string, unknown>, name: string, text: unknown): void {
  if (name !== "__proto__") fields[name] = text;
  else
    Object.defineProperty(fields, name, {
      value: text,
      configurable: true,
      enumerable: true,
      writable: true,
    });
}

/** The highest record format that this version understands. Format 1 is written without a mark of its own. */
const FORMAT = 1;
export const FORMAT_FIELD = "~format";

export type RecordVerdict = "record" | "corrupt" | "newer";

/**
 * Judges what a store returned. Never throws, whatever it is given: a store may hold anything.
 * `newer` means that a later version of the library wrote it, which is an outage and not garbage.
 */
export function judgeRecord(value: unknown): RecordVerdict {
  try {
    return judged(value);
  } catch {
    // A getter or a proxy may throw at any look.
    return "corrupt";
  }
}

function judged(value: unknown): RecordVerdict {
  if (!isObject(value) || !isObject(value["fields"])) return "corrupt";
  const fields = value["fields"];
  const format = Object.hasOwn(fields, FORMAT_FIELD) ? fields[FORMAT_FIELD] : undefined;
  if (typeof format === "string" && Number(format) > FORMAT) return "newer";

  const sound =
    typeof value["id"] === "string" &&
    typeof value["secretHash"] === "string" &&
    isCount(value["epoch"]) &&
    isCount(value["version"]) &&
    isCount(value["createdAt"]) &&
    isCount(value["accessedAt"]) &&
    isCount(value["expiresAt"]) &&
    isCount(value["endsAt"]) &&
    isTexts(value["labels"]) &&
    holdsTexts(fields);
  return sound ? "record" : "corrupt";
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value);
}

/** Without an iterator, a list or a function for each, as the next: every request passes here. */
function isTexts(values: unknown): boolean {
  if (!Array.isArray(values)) return false;
  for (let index = 0; index < values.length; index += 1) if (typeof values[index] !== "string") return false;
  return true;
}

function holdsTexts(fields: Readonly<Record<string, unknown>>): boolean {
  for (const name in fields)
    if (typeof fields[name] !== "string" && Object.hasOwn(fields, name)) return false;
  return true;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
