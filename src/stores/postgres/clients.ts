/** One statement as `pg` takes it. */
export interface PgQuery {
  readonly text: string;
  readonly values?: unknown[];
  readonly name?: string;
  readonly rowMode?: "array";
  readonly types?: { getTypeParser(): (text: string) => string };
}

/** What is called of a connected `Client` of `pg`. */
export interface PgClient {
  query(query: PgQuery): Promise<{ readonly rows: unknown[] }>;
  on(event: string, listener: (argument: unknown) => void): unknown;
  removeListener(event: string, listener: (argument: unknown) => void): unknown;
  listenerCount(event: string): number;
  /** Where the version has it: `I` outside of a transaction, `T` and `E` in one. */
  getTransactionStatus?(): string | null;
}

/** What is called of a client while it is checked out of a pool. */
export interface PgPoolClient extends PgClient {
  release(error?: Error | boolean): void;
}

/** What is called of a `Pool` of `pg`. */
export interface PgPool {
  readonly totalCount: number;
  readonly options?: { readonly max?: number };
  connect(): Promise<PgPoolClient>;
  on(event: string, listener: (argument: unknown) => void): unknown;
  listenerCount(event: string): number;
}

/**
 * An undecoded answer of `postgres`, the command that the server says it has completed, and what the connection was told of its
 * backend when it began.
 */
export interface PostgresJsRows extends ReadonlyArray<readonly (Uint8Array | null)[]> {
  readonly command?: string | null;
  readonly state?: { readonly pid: number };
}

/** A query of `postgres` that was made and not awaited yet. */
export interface PostgresJsQuery {
  raw(): PromiseLike<PostgresJsRows>;
  simple(): PromiseLike<unknown>;
}

/** What is called of an instance of `postgres` (postgres.js). */
export interface PostgresJsSql {
  readonly options?: {
    readonly max?: number;
    readonly transform?: { readonly row?: { readonly from?: unknown } };
  };
  unsafe(text: string, values?: never[], options?: { readonly prepare?: boolean }): PostgresJsQuery;
  listen(
    channel: string,
    onnotify: (payload: string) => void,
    onlisten?: () => void,
  ): Promise<{ unlisten(): Promise<void> }>;
}

/** Whatever can be handed in. */
export type PostgresClient = PgPool | PgClient | PostgresJsSql;
