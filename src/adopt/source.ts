/** Reads the values of one cookie of a request, in order, as they stand. */
export type CookieReader = (name: string) => readonly string[];

/** A kind of sessions that another library left, and where they are. */
export interface AdoptSource {
  /** Of letters and hyphens: for events, and to tell the sources of one application apart. */
  readonly name: string;
  /**
   * Judges the cookies of a request: `null` for none, and for one that is forged or tampered with. Takes any bytes, calls no store, and must
   * not throw.
   */
  look(cookies: CookieReader): Shown | null;
  /** The cookies that a browser is to forget once their session is adopted. */
  readonly cookies: readonly string[];
  /** Where they were set. */
  readonly scope: CookieScope;
}

/** Where a cookie was set: a browser forgets it only when told the same. */
export interface CookieScope {
  /** Default `"/"`. */
  readonly path?: string;
  /** Default none: the very host. */
  readonly domain?: string;
}

/** What a client showed, its signature verified where that needs no waiting. */
export interface Shown {
  /** Names the old session, for ever the same: its stored key, or the hash of a cookie that is the whole session. */
  readonly key: string;
  /**
   * What only the client of that session has, and the server that signed it: 128 bits or more that nobody can make of what the old store holds.
   * The same in every request of the session.
   */
  readonly proof: string;
  /** Fetches the session. `null` for one that is not there, or that is not genuine after all. Rejects when that cannot be told. */
  find(): Promise<OldSession | null>;
}

/** A session as another library left it. */
export interface OldSession {
  /** Its data, without what the other library keeps there for itself. */
  readonly data: Readonly<Record<string, unknown>>;
  /** When it ends, in milliseconds since the epoch; `null` where that is not known. */
  readonly expiresAt: number | null;
  /** Whether its cookie outlives the browser. */
  readonly persistent: boolean;
  /** For how long the cookie is set each time, in milliseconds, where that is known; else what is left until `expiresAt` counts. */
  readonly lastsMs?: number;
  /** Deletes it where it is stored. Absent where the cookie is all there is. */
  remove?(): Promise<void>;
}
