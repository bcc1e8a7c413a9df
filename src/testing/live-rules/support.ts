import assert from "node:assert/strict";
import type { SessionId } from "../../core/record.ts";
import type { LiveClient, LiveRefusal } from "../live-subject.ts";
import type { LiveApp } from "./rule.ts";

/** The status that a connection was refused with; 101 for one that was let in. */
export async function statusOf(connecting: Promise<LiveClient | LiveRefusal>): Promise<number> {
  const came = await connecting;
  return "refused" in came ? came.refused : 101;
}

/** The id of a cookie's session. */
export async function idOf(app: LiveApp, cookie: string): Promise<SessionId> {
  let id: SessionId | null = null;
  await app.request(cookie, (session) => void (id = session.id));
  assert.ok(id !== null, "the cookie opens a session");
  return id;
}

/** Tells whether a connection is open, after it had every opportunity to be closed. */
export async function isOpen(client: LiveClient | undefined): Promise<boolean> {
  let open = client !== undefined;
  void client?.closed.then(() => (open = false));
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return open;
}
