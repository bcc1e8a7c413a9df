import type { AnySession } from "../../../src/index.ts";

/** How a route wants to answer, whatever kind of server it runs in. */
export type Answer =
  | { readonly kind: "plain"; readonly body: string }
  | { readonly kind: "redirect" }
  | { readonly kind: "flush"; readonly body: string }
  | { readonly kind: "stream"; readonly pieces: AsyncIterable<string> };

/** What a request saw of its session before it changed anything. */
export interface Seen {
  readonly id: string | null;
  readonly isNew: boolean;
  readonly user: string | null;
  readonly authenticatedAt: number | null;
  /** Empty unless the request did nothing but `look`. */
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * The one route of the servers under test. The query says what to do: `verb`, its `name` and `value`, how many `turns` of
 * the event loop to spend before and after it, and how to answer (`as`). With `known`, a visitor without a session
 * changes nothing. With `fail`, it throws at last.
 */
export async function answer(session: AnySession, query: URLSearchParams): Promise<Answer> {
  const turns = Number(query.get("turns") ?? 0);
  const seen = seenOf(session, query.get("verb") === "look" ? { ...session.data } : {});
  await spend(turns);
  const idle = query.has("known") && session.isNew;
  if (!idle) await act(session, query);
  await spend(turns);
  if (query.has("fail")) throw new Error("The handler failed, as it was told.");
  const body = JSON.stringify(seen);
  switch (query.get("as")) {
    case "redirect":
      return { kind: "redirect" };
    case "flush":
      return { kind: "flush", body };
    case "stream":
      return { kind: "stream", pieces: pieces(body, idle ? null : session, query) };
    default:
      return { kind: "plain", body };
  }
}

function seenOf(session: AnySession, data: Seen["data"]): Seen {
  const { id, isNew, user, authenticatedAt } = session;
  return { id, isNew, user, authenticatedAt, data };
}

async function act(session: AnySession, query: URLSearchParams): Promise<void> {
  const name = query.get("name") ?? "";
  const value = query.get("value") ?? "";
  switch (query.get("verb")) {
    case "increment":
      return void session.increment(name);
    case "append":
      return void session.update(name, (list: unknown) => [
        ...((list as unknown[] | undefined) ?? []),
        value,
      ]);
    case "set":
      return void session.set(name, value);
    case "count":
      // What careless code does: read, then assign.
      return void session.set(name, Number(session.get(name) ?? 0) + 1);
    case "login":
      return session.login(value);
    case "logout":
      return session.logout();
    case "rotate":
      return session.rotate();
    case "commit":
      session.set(name, value);
      return await session.commit();
  }
}

/** With `late`, the session is changed once more when the headers have left. */
async function* pieces(
  body: string,
  session: AnySession | null,
  query: URLSearchParams,
): AsyncGenerator<string, void, void> {
  yield body;
  await spend(2);
  const late = query.get("late");
  if (late !== null) session?.set(late, "late");
  await spend(2);
  yield " ";
}

async function spend(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
