import { expect, test, vi } from "vitest";
import { type AnySession, Session, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { testExchange } from "../support/exchange.ts";
import { refusal, site } from "../support/site.ts";

async function opened(): Promise<AnySession> {
  const { session } = await site().open();
  return session;
}

/** Code without `"use strict"`, where a refused assignment is passed over in silence. */
function sloppily(body: string): (session: AnySession) => void {
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- there is no other way to code that is not strict
  return new Function("session", body) as (session: AnySession) => void;
}

test("a property put on a session itself, where it would be lost, throws and names the mend", async () => {
  for (const body of ["session.cart = []", "session['cart'] ??= []", "session.cart = undefined"]) {
    const session = await opened();
    const error = refusal(() => sloppily(body)(session));
    expect(error.code).toBe("ERR_SESSION_USE");
    expect(error.message).toContain("session.data");
    expect(error.message).toContain('"cart"');
    expect("cart" in session).toBe(false);
  }
});

test("what a session tells of itself cannot be assigned, and the error names the verb", async () => {
  const mends = {
    user: "login(",
    data: "field by field",
    id: "rotate(",
    isNew: "cannot be assigned",
    flash: "flash(kind, message)",
    login: "cannot be assigned",
    commit: "cannot be assigned",
    expiresAt: "cannot be assigned",
  };
  for (const [name, mend] of Object.entries(mends)) {
    const session = await opened();
    session.set("kept", 1);
    const error = refusal(() => sloppily(`session.${name} = { kept: 2 }`)(session));
    expect([error.code, error.message]).toEqual(["ERR_SESSION_USE", expect.stringContaining(mend)]);
    expect(session.get("kept")).toBe(1);
  }
});

// connect-flash does this. With the method for its list, everybody's messages would be on the one function of all sessions.
test("a verb that is taken for a field is not handed out as an object to keep things on", async () => {
  const first = await opened();
  expect(() => sloppily("(session.flash = session.flash || {}).notice = ['for ada']")(first)).toThrow(
    "flash(",
  );
  expect(Object.keys((await opened()).flash)).toEqual([]);
});

test("the name in the error is escaped and short", async () => {
  const session = await opened();
  const error = refusal(
    () => ((session as unknown as Record<string, unknown>)[`a\r\n${"b".repeat(5000)}`] = 1),
  );
  expect(error.message).not.toMatch(/[\r\n]/);
  expect(error.message.length).toBeLessThan(400);
});

test("a session class of one's own may have properties, by fields, in its constructor and later", async () => {
  class Own extends Session {
    field = 1;
    [name: string]: unknown;
    override startRequest(): void {
      this["assigned"] = 2;
    }
  }
  const manager = new SessionManager({ store: memoryStore(), sessionClass: Own });
  const session = await manager.startRequest(testExchange());
  session["later"] = 3;
  expect([session.field, session["assigned"], session["later"]]).toEqual([1, 2, 3]);
  expect(Object.keys(session)).toEqual(["field", "assigned", "later"]);
  expect(() => sloppily("session.user = 'eve'")(session)).toThrow("login(");
});

test("a session is an object as any: symbols and definitions stay possible, also of another method", async () => {
  const session = await opened();
  const mark = Symbol("mark");
  (session as unknown as Record<symbol, number>)[mark] = 1;
  expect((session as unknown as Record<symbol, number>)[mark]).toBe(1);
  Object.defineProperty(session, "note", { value: 2, configurable: true });
  expect((session as unknown as { note: number }).note).toBe(2);
  Object.defineProperty(session, "commit", { value: () => "another" });
  expect(session.commit()).toBe("another");
  expect(vi.spyOn(session, "logout")).not.toHaveBeenCalled();
  session.logout();
  expect(session.logout).toHaveBeenCalledTimes(1);
  expect(session instanceof Session && session instanceof Object).toBe(true);
  expect(Object.hasOwn(session, "user")).toBe(false);
  expect(String(session)).toContain("Session");
  expect((session as unknown as { cart?: unknown }).cart).toBeUndefined();
  expect("toString" in session).toBe(true);
});
