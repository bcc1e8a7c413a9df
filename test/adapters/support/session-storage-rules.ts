import { describe, expect, test } from "vitest";

/** The `Session` of React Router, as these rules use it. */
export interface AnyRouterSession {
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
  has(name: string): boolean;
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  flash(name: string, value: unknown): void;
  unset(name: string): void;
}

/** The `SessionStorage` of React Router, as these rules use it. */
export interface AnySessionStorage {
  getSession(cookieHeader?: string | null): Promise<AnyRouterSession>;
  commitSession(
    session: AnyRouterSession,
    options?: { readonly maxAge?: number; readonly expires?: Date },
  ): Promise<string>;
  destroySession(session: AnyRouterSession, options?: { readonly maxAge?: number }): Promise<string>;
}

/** The Cookie header that a client sends after it was given a cookie. */
export function sentBack(setCookie: string): string {
  return setCookie.split(/;\s*/)[0] ?? "";
}

/**
 * What code relies on that was written for the storages of React Router: what their own tests assert, in our words, and
 * what their documentation says. They hold for those storages too, which is tried where they are installed.
 */
export function sessionStorageRules(name: string, make: () => AnySessionStorage): void {
  describe(`${name} as a SessionStorage of React Router`, () => {
    test("a new session has no id and no data", async () => {
      const { getSession } = make();
      for (const header of [undefined, null, ""]) {
        const session = await getSession(header);
        expect([session.id, session.data, session.has("user"), session.get("user")]).toEqual([
          "",
          {},
          false,
          undefined,
        ]);
      }
    });

    test("values stay until they are unset", async () => {
      const session = await make().getSession();
      session.set("user", "ada");
      for (let turn = 0; turn < 2; turn += 1) {
        expect([session.has("user"), session.get("user")]).toEqual([true, "ada"]);
      }
      session.unset("user");
      expect([session.has("user"), session.get("user")]).toEqual([false, undefined]);
      session.unset("user");
    });

    test("a flash value is there until it is read, once", async () => {
      const session = await make().getSession();
      session.flash("error", "wrong name");
      expect([session.has("error"), session.has("error")]).toEqual([true, true]);
      expect(session.get("error")).toBe("wrong name");
      expect([session.has("error"), session.get("error")]).toEqual([false, undefined]);
    });

    test("a value hides the flash value of its name, and the last flash value is the one", async () => {
      const session = await make().getSession();
      session.flash("note", "first");
      session.flash("note", "second");
      session.set("note", "value");
      expect([session.get("note"), session.get("note")]).toEqual(["value", "value"]);
      session.unset("note");
      expect([session.has("note"), session.get("note"), session.has("note")]).toEqual([
        true,
        "second",
        false,
      ]);
    });

    test("data is a copy, with flash values under names of their own", async () => {
      const session = await make().getSession();
      session.set("user", "ada");
      session.flash("error", "wrong");
      expect(session.data).toEqual({ user: "ada", __flash_error__: "wrong" });
      (session.data as Record<string, unknown>)["user"] = "eve";
      expect(session.get("user")).toBe("ada");
    });

    test("the methods need no this", async () => {
      const { has, get, set, flash, unset } = await make().getSession();
      set("user", "ada");
      flash("error", "wrong");
      expect([has("user"), get("user"), get("error")]).toEqual([true, "ada", "wrong"]);
      unset("user");
      expect(has("user")).toBe(false);
    });

    test("data come back in the next request, and only those that were committed", async () => {
      const { getSession, commitSession } = make();
      const session = await getSession();
      session.set("user", "ada");
      session.set("cart", [{ good: "anchor", count: 2 }]);
      const cookie = sentBack(await commitSession(session));
      const next = await getSession(`theme=dark; ${cookie}; last=1`);
      expect([next.get("user"), next.get("cart")]).toEqual(["ada", [{ good: "anchor", count: 2 }]]);
      next.set("user", "eve");
      expect((await getSession(cookie)).get("user")).toBe("ada");
    });

    test("a flash value is for the next request, and stays if that one does not commit", async () => {
      const { getSession, commitSession } = make();
      const session = await getSession();
      session.flash("error", "wrong");
      session.set("user", "ada");
      let cookie = sentBack(await commitSession(session));
      expect((await getSession(cookie)).get("error")).toBe("wrong");
      const reading = await getSession(cookie);
      expect(reading.get("error")).toBe("wrong");
      cookie = sentBack(await commitSession(reading)) || cookie;
      const after = await getSession(cookie);
      expect([after.has("error"), after.get("error"), after.get("user")]).toEqual([false, undefined, "ada"]);
    });

    test("a session can be committed more than once", async () => {
      const { getSession, commitSession } = make();
      const session = await getSession();
      session.set("one", 1);
      let cookie = sentBack(await commitSession(session));
      const next = await getSession(cookie);
      next.set("two", 2);
      cookie = sentBack(await commitSession(next)) || cookie;
      next.set("three", 3);
      cookie = sentBack(await commitSession(next)) || cookie;
      expect((await getSession(cookie)).data).toEqual({ one: 1, two: 2, three: 3 });
    });

    test("a cookie that was tampered with, or is anything else, gives an empty session", async () => {
      const { getSession, commitSession } = make();
      const session = await getSession();
      session.set("user", "ada");
      const cookie = sentBack(await commitSession(session));
      const [name = ""] = cookie.split("=");
      for (const bad of [
        cookie.slice(0, -1),
        `${name}=`,
        `${name}=%00`,
        `${name}=..%2F..`,
        "other=1",
        ";;=",
      ]) {
        expect((await getSession(bad)).get("user"), bad).toBeUndefined();
      }
    });

    test("two visitors have two sessions", async () => {
      const { getSession, commitSession } = make();
      const cookies: string[] = [];
      for (const user of ["ada", "eve"]) {
        const session = await getSession();
        session.set("user", user);
        cookies.push(sentBack(await commitSession(session)));
      }
      expect((await getSession(cookies[0])).get("user")).toBe("ada");
      expect((await getSession(cookies[1])).get("user")).toBe("eve");
    });

    test("the cookie is for the whole site, and lives as long as the browser unless a commit says otherwise", async () => {
      const { getSession, commitSession } = make();
      const session = await getSession();
      session.set("user", "ada");
      const plain = await commitSession(session);
      expect(plain).toContain("Path=/");
      expect(plain).toContain("SameSite=Lax");
      expect(plain).not.toMatch(/Max-Age|Expires/);
      expect(await commitSession(session, { maxAge: 3600 })).toContain("Max-Age=3600");
    });

    test("destroying a session revokes the cookie by a date in the past, whatever age is asked for", async () => {
      const { getSession, commitSession, destroySession } = make();
      const session = await getSession();
      session.set("user", "ada");
      const cookie = sentBack(await commitSession(session));
      const revoked = await destroySession(await getSession(cookie), { maxAge: 3600 });
      expect(revoked).toMatch(new RegExp(`^${cookie.split("=")[0]}=;`));
      expect(revoked).toContain("Path=/");
      expect(revoked).toContain("Expires=Thu, 01 Jan 1970 00:00:00 GMT");
      expect(revoked).not.toContain("Max-Age=3600");
      expect((await getSession(sentBack(revoked))).data).toEqual({});
    });
  });
}
