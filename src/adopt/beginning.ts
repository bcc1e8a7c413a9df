import {
  type AnySession,
  type ExtensionHost,
  type HttpExchange,
  SessionError,
  type Token,
} from "../index.ts";
import type { AdoptedLogin, ResolvedAdopt } from "./options.ts";
import type { AdoptSource, OldSession } from "./source.ts";

/** What a new session takes over. */
export interface Heritage {
  /** Of the source. */
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly login: AdoptedLogin | null;
  readonly old: OldSession;
}

/**
 * Has the application make of an old session what a new one takes over.
 *
 * @returns `null` for one that is not to be adopted.
 * @throws what `data` and `login` throw.
 */
export async function heritageOf(
  { data: made, login: told }: Pick<ResolvedAdopt, "data" | "login">,
  { name }: AdoptSource,
  old: OldSession,
): Promise<Heritage | null> {
  const data = await made(old.data, name);
  if (data === null) return null;
  return { name, data, login: loginOf(await told(old.data, name)), old };
}

/**
 * Begins the session that an old one becomes, and stores it.
 *
 * @returns `null` where there is nothing to keep, and where a revocation voids its login.
 * @throws what a commit does.
 */
export async function begun(
  host: ExtensionHost,
  exchange: HttpExchange,
  heirTo: Token,
  { name, data, login, old }: Heritage,
): Promise<AnySession | null> {
  const session = host.begin(exchange, heirTo);
  for (const [field, value] of Object.entries(data)) if (value !== undefined) session.set(field, value);
  if (login !== null) {
    const { user, ...rest } = login;
    session.login(user, { ...rememberedAs(old, host), ...rest });
  }
  try {
    await session.commit();
  } catch (error) {
    if (SessionError.is(error) && error.code === "ERR_SESSION_REVOKED") return null;
    throw error;
  }
  if (session.id === null) return null;
  host.emit({
    extension: "adopt",
    what: "adopted",
    id: session.id,
    user: session.user,
    address: exchange.remoteAddress ?? null,
    alarming: false,
    details: { source: name },
  });
  return session;
}

function loginOf(given: string | AdoptedLogin | null | undefined): AdoptedLogin | null {
  if (given === null || given === undefined) return null;
  return typeof given === "string" ? { user: given } : given;
}

/** A cookie that outlived the browser goes on doing so. */
function rememberedAs(old: OldSession, host: ExtensionHost): Pick<AdoptedLogin, "remember"> {
  const left = old.expiresAt === null ? null : old.expiresAt - host.clock.now();
  const wanted = old.persistent ? (old.lastsMs ?? left) : null;
  return wanted === null ? {} : { remember: Math.min(wanted, host.rememberMaxMs) };
}
