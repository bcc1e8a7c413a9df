import type { AnySession, LoginOptions } from "../../index.ts";

/** The data as the framework shows them: a flash value lies under a name of its own until it is read. */
export type FlashSessionData<Data, FlashData> = Partial<
  Data & { [Key in keyof FlashData as `__flash_${Key & string}__`]: FlashData[Key] }
>;

/** The `Session` of React Router, with its semantics. */
export interface RouterSession<Data, FlashData = Data> {
  /** The session's public id; empty until it is stored. */
  readonly id: string;
  /** A copy of the data, flash values among them. */
  readonly data: FlashSessionData<Data, FlashData>;
  has(name: (keyof Data | keyof FlashData) & string): boolean;
  /** Reads a value. A flash value is removed by that. */
  get<Key extends (keyof Data | keyof FlashData) & string>(
    name: Key,
  ):
    | (Key extends keyof Data ? Data[Key] : undefined)
    | (Key extends keyof FlashData ? FlashData[Key] : undefined)
    | undefined;
  set<Key extends keyof Data & string>(name: Key, value: Data[Key]): void;
  /** Sets a value that the next `get` reads and removes. */
  flash<Key extends keyof FlashData & string>(name: Key, value: FlashData[Key]): void;
  unset(name: keyof Data & string): void;
}

/** What a storage gives: the framework's `Session`, and the verbs of Holdfast's that it has no word for. */
export interface StorageSession<
  Data,
  FlashData = Data,
  S extends AnySession = AnySession,
> extends RouterSession<Data, FlashData> {
  /** The session underneath, with all its verbs. */
  readonly session: S;
  /** The user who is logged in, or `null`. */
  readonly user: string | null;
  /** Makes this the session of a user, with a new secret; see `Session.login`. The next commit gives the new cookie. */
  login(user: string, options?: LoginOptions): void;
  /** Notes that the user authenticated again, with a new secret; see `Session.reauthenticate`. */
  reauthenticate(options?: { readonly methods?: readonly string[] }): void;
  /** Gives the session a new secret; see `Session.rotate`. */
  rotate(): void;
}

/** Shows a session as the framework's. Its methods need no `this`, as those of the framework. */
export function storageSession<Data, FlashData, S extends AnySession>(
  session: S,
): StorageSession<Data, FlashData, S> {
  const shown = {
    get id() {
      return session.id ?? "";
    },
    get data() {
      return Object.fromEntries(session.keys().map((name) => [name, session.get(name)]));
    },
    has: (name: string) => session.has(name) || session.has(flashName(name)),
    get(name: string) {
      if (session.has(name)) return session.get(name);
      const hidden = flashName(name);
      if (!session.has(hidden)) return undefined;
      const value: unknown = session.get(hidden);
      session.delete(hidden);
      return value;
    },
    set: (name: string, value: unknown) => void session.set(name, value),
    flash: (name: string, value: unknown) => void session.set(flashName(name), value),
    unset: (name: string) => void session.delete(name),
    session,
    get user() {
      return session.user;
    },
    login: (user: string, options?: LoginOptions) => session.login(user, options),
    reauthenticate: (options?: { readonly methods?: readonly string[] }) => session.reauthenticate(options),
    rotate: () => session.rotate(),
  };
  return shown as unknown as StorageSession<Data, FlashData, S>;
}

function flashName(name: string): string {
  return `__flash_${name}__`;
}
