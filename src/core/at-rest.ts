import { refuseConfig } from "./errors.ts";
import { nameProblem } from "./fields.ts";
import { keyRing, type NamedKey } from "./key-ring.ts";
import { checkOptionNames } from "./option-names.ts";
import { Pepper, type PepperPolicy } from "./pepper.ts";
import type { SessionRecord } from "./record.ts";
import { type SealPolicy, Vault } from "./seal.ts";
import { sealedStore } from "./sealed-store.ts";
import type { AnyStore, SessionChange } from "./store.ts";
import type { Token } from "./token.ts";

/** Keeps what sessions hold from who reads the store: AES-256-GCM over each field, bound to the session and the field's name. */
export interface SealOptions {
  /**
   * 1 or more: the first seals, all of them open. A new key goes to every process as the second first, and becomes the first when all have it;
   * an old one may go when no session lives that was sealed with it.
   */
  readonly keys: readonly NamedKey[];
  /** Which of the application's fields to seal; default `"all"`. What the library keeps with a session (user, flash messages …) always is. */
  readonly fields?: "all" | readonly string[];
  /** Takes fields that are not sealed as well, while sessions from before are about; default `false`: a session with such a field is none. */
  readonly acceptUnsealed?: boolean;
  /** Opens what others sealed, and seals nothing: the first step of introducing seals, and the last but one of giving them up. Default `false`. */
  readonly openOnly?: boolean;
}

/** Keys the hashes of secrets, so that a stored hash can be neither made nor moved without the key: HMAC-SHA256. */
export interface PepperOptions {
  /** 1 or more: hashes are made with the first, and any of them opens. See {@link SealOptions.keys}. */
  readonly keys: readonly NamedKey[];
  /** Takes hashes without a pepper as well, while sessions from before are about; default `false`: such a session opens for nobody. */
  readonly acceptUnpeppered?: boolean;
  /** Opens what others peppered, and makes hashes without: the first step of introducing a pepper. Default `false`. */
  readonly openOnly?: boolean;
}

/** How sessions are protected where they are stored. */
export interface AtRestPolicy {
  readonly seal: SealPolicy | null;
  readonly pepper: PepperPolicy;
}

/** @throws `ERR_SESSION_CONFIG` for keys that are too short, guessable, or used twice, and for options that contradict each other. */
export function resolveAtRest(
  seal: SealOptions | undefined,
  pepper: PepperOptions | undefined,
): AtRestPolicy {
  const taken = new Set<string>();
  return {
    seal: seal === undefined ? null : resolveSeal(seal, taken),
    pepper:
      pepper === undefined
        ? { ring: null, acceptUnpeppered: true, openOnly: false }
        : resolvePepper(pepper, taken),
  };
}

function resolveSeal(options: SealOptions, taken: Set<string>): SealPolicy {
  checkOptionNames(options, ["keys", "fields", "acceptUnsealed", "openOnly"], "seal");
  const { fields = "all", acceptUnsealed = false, openOnly = false } = options;
  checkFlags("seal", { acceptUnsealed, openOnly });
  if (fields !== "all" && !(Array.isArray(fields) && fields.every((name) => nameProblem(name) === null)))
    refuseConfig('seal.fields must be "all" or a list of names of fields, such as ["address"].');
  return {
    ring: keyRing(options.keys, "seal", taken),
    fields: fields === "all" ? fields : [...fields],
    acceptUnsealed,
    openOnly,
  };
}

function resolvePepper(options: PepperOptions, taken: Set<string>): PepperPolicy {
  checkOptionNames(options, ["keys", "acceptUnpeppered", "openOnly"], "pepper");
  const { acceptUnpeppered = false, openOnly = false } = options;
  checkFlags("pepper", { acceptUnpeppered, openOnly });
  return { ring: keyRing(options.keys, "pepper", taken), acceptUnpeppered, openOnly };
}

function checkFlags(option: string, flags: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(flags)) {
    if (typeof value !== "boolean") refuseConfig(`${option}.${name} must be true or false.`);
  }
}

/** What of a record is written anew, as it is, because its keys are old. */
export type Renewal = Pick<SessionChange, "set" | "renew">;

/** The protection of stored sessions that one manager gives. */
export class AtRest {
  readonly pepper: Pepper;
  readonly #vault: Vault | null;

  constructor({ seal, pepper }: AtRestPolicy) {
    this.pepper = new Pepper(pepper);
    this.#vault = seal && new Vault(seal);
  }

  /** The store as the rest of the core is to see it: with plain fields. */
  opened(store: AnyStore): AnyStore {
    return this.#vault === null ? store : sealedStore(store, this.#vault);
  }

  /**
   * What is to be written of a record that was read, for its values to be under the first keys; `null` when they are. It is to be written under
   * the condition that nothing else was. The hash of the secret is renewed only for who presented that very secret.
   *
   * @param record as the gate gave it.
   */
  renewal(record: SessionRecord, token: Token | null): Renewal | null {
    if (this.#vault === null && !this.pepper.isStale(record.secretHash)) return null;
    const set = this.#vault?.staleFields(record) ?? {};
    const secretHash = this.#renewedHash(record, token);
    if (secretHash === null && Object.keys(set).length === 0) return null;
    return {
      ...(Object.keys(set).length > 0 && { set }),
      ...(secretHash !== null && { renew: { secretHash, nextEpoch: record.epoch } }),
    };
  }

  #renewedHash(record: SessionRecord, token: Token | null): string | null {
    if (token === null || !this.pepper.isStale(record.secretHash)) return null;
    return this.pepper.judge(token, record.secretHash) === "match" ? this.pepper.hash(token) : null;
  }
}
