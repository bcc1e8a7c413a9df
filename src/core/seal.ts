import { SessionError } from "./errors.ts";
import type { KeyRing } from "./key-ring.ts";
import { decryptText, derivedKey, encryptText, type SecretKey } from "./platform.ts";
import { FORMAT_FIELD, isReserved, isSealed, SEALED, type SessionId, type SessionRecord } from "./record.ts";

type Fields = Readonly<Record<string, string>>;

/** How fields are kept from who reads the store. */
export interface SealPolicy {
  /** The first seals, all open. */
  readonly ring: KeyRing;
  /** The application's fields that are sealed; the library's own always are. */
  readonly fields: "all" | readonly string[];
  readonly acceptUnsealed: boolean;
  readonly openOnly: boolean;
}

/** What is wrong with a field: it was altered or comes from elsewhere, or it is not sealed where it has to be. */
export interface SealFault {
  readonly field: string;
  readonly seal: "broken" | "missing";
}

/** A field does not bear its seal: its record is not to be trusted. Never thrown to an application. */
export class SealError extends SessionError {
  readonly fault: SealFault;

  constructor(fault: SealFault) {
    super("ERR_SESSION_CORRUPT", "A stored field does not bear its seal.");
    this.fault = fault;
  }
}

/** A sealed text is the format, the id of the key, and what `encryptText` gives. */
const FORMAT = "1";
const HEAD = /^sealed\.(\d{1,4})\.([A-Za-z0-9_-]{1,16})\./;

/**
 * Seals the texts of fields, each by itself, with AES-256-GCM. A seal is bound to the session, the field's name and the key, so
 * that no text opens in the place of another. Each session has keys of its own, derived from those of the ring: random nonces never
 * come near the number at which one may repeat, however many sessions there are (NIST SP 800-38D, section 8.3).
 */
export class Vault {
  readonly #policy: SealPolicy;
  /** What a record that was opened holds in another way than it would be written now. */
  readonly #stale: WeakMap<SessionRecord, readonly string[]> = new WeakMap();

  constructor(policy: SealPolicy) {
    this.#policy = policy;
  }

  /** The fields as they are to be stored. */
  seal(id: SessionId, fields: Fields): Record<string, string> {
    const sealed: Record<string, string> = { ...fields };
    if (this.#policy.openOnly) return sealed;
    const { first } = this.#policy.ring;
    let key: SecretKey | null = null;
    for (const [name, text] of Object.entries(fields)) {
      if (!this.#isDemanded(name)) continue;
      key ??= sessionKey(first.key, id);
      sealed[name] = `${headOf(first.id)}${encryptText(key, text, boundTo(first.id, id, name))}`;
    }
    return sealed;
  }

  /**
   * A stored record with its fields opened.
   *
   * @throws {@link SealError} when any field does not bear its seal: with one of them gone, such as that which binds the session to a
   * device, the others would open more than they should. `ERR_SESSION_FORMAT` when one was sealed with a key that is not in the ring.
   */
  open(record: SessionRecord): SessionRecord {
    // A copy, so that whatever a store has as a name stays a name.
    const fields: Record<string, string> = { ...record.fields };
    const stale: string[] = [];
    const keys = new Map<string, SecretKey>();
    for (const [name, stored] of Object.entries(record.fields)) {
      fields[name] = this.#opened(record.id, name, stored, keys);
      if (this.#isStale(name, stored)) stale.push(name);
    }
    const opened = { ...record, fields };
    if (stale.length > 0) this.#stale.set(opened, stale);
    return opened;
  }

  /** The fields of an opened record that are to be sealed anew: their key is not the first any more, or they are not sealed yet. */
  staleFields(record: SessionRecord): Fields {
    const names = this.#stale.get(record) ?? [];
    return Object.fromEntries(names.map((name) => [name, record.fields[name] ?? ""]));
  }

  #opened(id: SessionId, name: string, stored: string, keys: Map<string, SecretKey>): string {
    if (!isSealed(stored)) {
      if (this.#isDemanded(name) && !this.#policy.acceptUnsealed && !this.#policy.openOnly)
        throw new SealError({ field: name, seal: "missing" });
      return stored;
    }
    const [head, format, keyId = ""] = HEAD.exec(stored) ?? [];
    if (head === undefined) throw new SealError({ field: name, seal: "broken" });
    if (format !== FORMAT) throw unknownSeal(", in a newer format");
    const known = this.#policy.ring.get(keyId);
    if (known === undefined) throw unknownSeal(" with a key that this process does not have");
    const key = keys.get(keyId) ?? sessionKey(known, id);
    keys.set(keyId, key);
    const text = decryptText(key, stored.slice(head.length), boundTo(keyId, id, name));
    if (text === null) throw new SealError({ field: name, seal: "broken" });
    return text;
  }

  #isDemanded(name: string): boolean {
    const { fields } = this.#policy;
    // Versions that know nothing of seals read this one.
    if (name === FORMAT_FIELD) return false;
    return fields === "all" || isReserved(name) || fields.includes(name);
  }

  #isStale(name: string, stored: string): boolean {
    const { openOnly, ring } = this.#policy;
    return !openOnly && this.#isDemanded(name) && !stored.startsWith(headOf(ring.first.id));
  }
}

export function unknownSeal(how: string): SessionError {
  return new SessionError(
    "ERR_SESSION_FORMAT",
    `This session is sealed${how}. Give every process all keys by seal.keys before any of them seals with a new one.`,
  );
}

function headOf(keyId: string): string {
  return `${SEALED}${FORMAT}.${keyId}.`;
}

function sessionKey(key: SecretKey, id: SessionId): SecretKey {
  return derivedKey(key, `holdfast seal 1 ${id}`);
}

/** What a seal is bound to, so written that no two are alike. */
function boundTo(keyId: string, id: SessionId, name: string): string {
  return JSON.stringify(["holdfast seal 1", keyId, id, name]);
}
