import session from "../../../src/express-session.ts";
import { SECRET } from "../support/site.ts";
import type { Done, Options, Request, SessionModule, Store, Stored } from "../support/types.ts";

/** Holdfast's module, as the cases of both see it. */
export const ours = session as unknown as SessionModule;

export const KNOWN: Options = { secret: SECRET, resave: false, saveUninitialized: false };

/** Something that happens when the test says so. */
export interface Gate {
  /** The gate was reached. */
  readonly reached: Promise<void>;
  /** Resolves when the test opens it. */
  readonly opened: Promise<void>;
  reach(): void;
  open(): void;
}

export function gate(): Gate {
  let reach = (): void => undefined;
  let open = (): void => undefined;
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { reached, opened, reach, open };
}

/** A store of the kind that most are: texts that it overwrites, and an engine that takes its turn. */
export class TextStore extends (ours.Store as new () => Store) {
  readonly texts: Map<string, string>;
  readonly calls: string[] = [];
  /** Called before each call is carried out; what it returns is waited for. */
  before: (operation: string, sid: string) => Promise<void> | void = () => undefined;

  /** Stores with the same texts are those of several processes. */
  constructor(texts: Map<string, string> = new Map()) {
    super();
    this.texts = texts;
  }

  override get(sid: string, done: (error: unknown, found?: Stored | null) => void): void {
    this.#carry("get", sid, done as Done, () => {
      const text = this.texts.get(sid);
      return text === undefined ? null : (JSON.parse(text) as Stored);
    });
  }

  override set(sid: string, data: unknown, done: Done = () => undefined): void {
    this.#carry("set", sid, done, () => void this.texts.set(sid, JSON.stringify(data)));
  }

  override touch = (sid: string, data: unknown, done: Done = () => undefined): void => {
    // An upsert, as it is with some: where there is nothing, the whole session is written.
    this.#carry("touch", sid, done, () => {
      const present = JSON.parse(this.texts.get(sid) ?? "null") as object | null;
      const { cookie } = data as Stored;
      this.texts.set(sid, JSON.stringify(present === null ? data : { ...present, cookie }));
    });
  };

  override destroy(sid: string, done: Done = () => undefined): void {
    this.#carry("destroy", sid, done, () => void this.texts.delete(sid));
  }

  /** What is stored, without its cookie. */
  fields(sid: string): Record<string, unknown> | null {
    const text = this.texts.get(sid);
    if (text === undefined) return null;
    const { cookie: _cookie, ...fields } = JSON.parse(text) as Stored;
    return fields;
  }

  #carry(
    operation: string,
    sid: string,
    done: (error: unknown, found?: unknown) => void,
    work: () => unknown,
  ): void {
    this.calls.push(operation);
    const run = async (): Promise<void> => {
      await this.before(operation, sid);
      done(null, work());
    };
    run().catch(done);
  }
}

/** Gives the session's fields what the query says: `/?a=1&b=2`. */
export function fill(req: Request): void {
  for (const [name, value] of new URL(req.url ?? "", "http://h").searchParams) req.session[name] = value;
}
