import { refuseConfig } from "./errors.ts";
import type { Events } from "./events.ts";
import type { HttpExchange } from "./exchange.ts";
import type { ExtensionHost, SessionExtension } from "./extension.ts";
import { RESERVED, type SessionId, type SessionRecord } from "./record.ts";
import { reservedValue } from "./reserved.ts";
import { type AnySession, Session } from "./session.ts";

const NAME = /^[a-z]{2,20}$/;

/** What a manager has that its extensions need. */
interface ExtensionMeans extends Pick<
  ExtensionHost,
  "clock" | "rememberMaxMs" | "open" | "begin" | "once" | "revoke"
> {
  readonly events: Events;
  find(id: SessionId): Promise<SessionRecord | null>;
}

/** The extensions of a manager, each with its own field. */
export class Extensions {
  readonly #extensions: readonly SessionExtension[];

  constructor(extensions: readonly SessionExtension[], means: ExtensionMeans) {
    this.#extensions = extensions;
    for (const extension of extensions) extension.attach(hostOf(extension.name, means));
  }

  /** Tells whether a request is one of theirs. */
  own(exchange: HttpExchange): boolean {
    if (this.#extensions.length === 0) return false;
    return this.#extensions.some((extension) => extension.owns?.(exchange) === true);
  }

  /** Has them find a session for a request that opened none. `undefined` when none of them looks for any. */
  find(exchange: HttpExchange): Promise<AnySession | null> | undefined {
    for (const extension of this.#extensions) {
      const finding = extension.find?.(exchange);
      if (finding !== undefined) return finding;
    }
    return undefined;
  }

  /** Lets all of them see a session that was loaded, one after another. `undefined` when there is nothing to wait for. */
  loaded(session: AnySession, exchange: HttpExchange): Promise<void> | undefined {
    if (this.#extensions.length === 0 || Session.access.base(session) === null) return undefined;
    return this.#loaded(session, exchange);
  }

  async #loaded(session: AnySession, exchange: HttpExchange): Promise<void> {
    for (const extension of this.#extensions) await extension.loaded?.(session, exchange);
  }

  login(session: AnySession): void {
    for (const extension of this.#extensions) extension.login?.(session);
  }

  leaving(session: AnySession, exchange: HttpExchange, userLeft: boolean): void {
    if (this.#extensions.length === 0) return;
    for (const extension of this.#extensions) {
      if (exchange.canSetCookie) extension.leaving?.(session, exchange, userLeft);
    }
  }
}

/** @throws `ERR_SESSION_CONFIG` for what is no list of extensions of different names. */
export function checkExtensions(extensions: readonly SessionExtension[]): readonly SessionExtension[] {
  if (!Array.isArray(extensions)) refuseConfig("extensions must be a list, such as [bound()].");
  const names = extensions.map((extension) => extension?.name);
  const sound = extensions.every(
    (extension) => typeof extension?.attach === "function" && NAME.test(extension.name),
  );
  if (!sound) refuseConfig("extensions holds something that is no extension.");
  if (new Set(names).size < names.length) refuseConfig("extensions holds two of the same name.");
  return extensions;
}

function hostOf(name: string, { events, find, ...means }: ExtensionMeans): ExtensionHost {
  const field = `${RESERVED}${RESERVED}${name}`;
  return {
    ...means,
    read: (session) => Session.access.quietly(session, () => Session.access.draft(session).peek(field)),
    isStored: (session) => Object.hasOwn(Session.access.base(session)?.fields ?? {}, field),
    peek: async (id) => {
      const record = await find(id);
      return record === null ? undefined : reservedValue(record.fields, field);
    },
    update: (session, change) => {
      const host = Session.access.host(session);
      host.beforeStaging();
      host.onUse();
      return Session.access.draft(session).update(field, change);
    },
    emit: (event) => events.emit("extension", event),
  };
}
