import type { MovePolicy } from "./moves.ts";
import type { ResolvedOptions } from "./options.ts";
import type { AnySession } from "./session.ts";
import type { StoreTraits } from "./store.ts";

/** The policy in force, as plain data for an auditor or a snapshot test (ASVS 7.1.1). Times in milliseconds. */
export interface SessionPolicy {
  readonly token: {
    readonly idBits: number;
    readonly secretBits: number;
    readonly storedAs: "SHA-256" | "HMAC-SHA-256";
  };
  readonly cookie: {
    readonly name: string;
    readonly path: string;
    readonly domain: string | null;
    readonly secure: boolean;
    readonly httpOnly: true;
    readonly sameSite: string;
    readonly partitioned: boolean;
    readonly persistent: "only when remembered";
  };
  readonly lifetime: {
    readonly preset: string | null;
    readonly idleMs: number;
    readonly absoluteMs: number;
    readonly onIdle: string;
    readonly rememberMaxMs: number;
    readonly accessTimeResolutionMs: number;
    readonly rotateEveryMs: number | null;
    readonly rotationGraceMs: number;
  };
  readonly csrf: {
    readonly mode: string;
    readonly trustedOrigins: readonly string[];
    readonly silent: string;
    readonly exemptions: boolean;
  } | null;
  readonly moves: MovePolicy | null;
  /** Ids of keys, the first in use; never a key. */
  readonly seal: {
    readonly cipher: "AES-256-GCM";
    readonly keys: readonly string[];
    readonly fields: "all" | readonly string[];
    readonly acceptUnsealed: boolean;
    readonly openOnly: boolean;
  } | null;
  readonly pepper: {
    readonly keys: readonly string[];
    readonly acceptUnpeppered: boolean;
    readonly openOnly: boolean;
  } | null;
  readonly clearSiteData: readonly string[];
  readonly extensions: readonly string[];
  readonly concurrency: { readonly max: number; readonly onExceed: string } | null;
  readonly failure: {
    readonly deadlineMs: number;
    readonly onStoreFailure: string;
    readonly onConflict: string;
    readonly onGone: string;
    readonly endOnFailure: boolean;
  };
  readonly live: { readonly checkEveryMs: number; readonly giveUpAfterMs: number };
  readonly limits: { readonly maxRecordBytes: number };
  readonly store: StoreTraits & {
    readonly abilities: readonly string[];
    readonly sweepEveryMs: number | null;
  };
}

const ABILITIES = [
  "listByLabel",
  "deleteByLabel",
  "all",
  "sweep",
  "setup",
  "subscribe",
  "track",
  "close",
] as const;

export function describe(options: ResolvedOptions<AnySession>): SessionPolicy {
  const { store, cookie, lifetime, atRest } = options;
  const { seal, pepper } = atRest;
  return {
    token: {
      idBits: 144,
      secretBits: 192,
      storedAs: pepper.ring === null || pepper.openOnly ? "SHA-256" : "HMAC-SHA-256",
    },
    cookie: { ...cookie, httpOnly: true, persistent: "only when remembered" },
    lifetime: { ...lifetime },
    csrf: options.csrf && {
      mode: options.csrf.mode,
      trustedOrigins: options.csrf.trustedOrigins,
      silent: options.csrf.silent,
      exemptions: options.csrf.exempt !== null,
    },
    moves: options.moves && { ...options.moves },
    seal: seal && {
      cipher: "AES-256-GCM",
      keys: seal.ring.ids,
      fields: seal.fields,
      acceptUnsealed: seal.acceptUnsealed,
      openOnly: seal.openOnly,
    },
    pepper: pepper.ring && {
      keys: pepper.ring.ids,
      acceptUnpeppered: pepper.acceptUnpeppered,
      openOnly: pepper.openOnly,
    },
    clearSiteData: options.clearSiteData,
    extensions: options.extensions.map(({ name }) => name),
    concurrency: options.concurrency && { ...options.concurrency },
    failure: {
      deadlineMs: options.deadlineMs,
      onStoreFailure: options.onStoreFailure,
      onConflict: options.onConflict,
      onGone: options.onGone,
      endOnFailure: options.endOnFailure,
    },
    live: { ...options.live },
    limits: { maxRecordBytes: options.maxRecordBytes },
    store: {
      ...store.traits,
      abilities: ABILITIES.filter((name) => store[name] !== undefined),
      sweepEveryMs: options.sweepEveryMs,
    },
  };
}
