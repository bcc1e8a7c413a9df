import { describe, expect, test } from "vitest";
import type { Answer } from "./support/client.ts";
import {
  EXPRESSES,
  type ExpressHandler,
  type ExpressRequest,
  quiet,
  serveApp,
  type Site,
} from "./support/site.ts";
import { count, put, stored, watched, type WatchedStore } from "./support/stores.ts";
import { cases, require } from "./support/subjects.ts";
import { cookieOf } from "./support/signing.ts";
import type { Done } from "./support/types.ts";

interface User {
  readonly id: string;
}

type Callback<T> = (error: unknown, value?: T | false) => void;

interface Passport {
  use(strategy: unknown): void;
  serializeUser(how: (user: User, done: Callback<string>) => void): void;
  deserializeUser(how: (id: string, done: Callback<User>) => void): void;
  initialize(): ExpressHandler;
  session(): ExpressHandler;
  authenticate(strategy: string, options?: object): ExpressHandler;
}

interface PassportRequest extends ExpressRequest {
  readonly user?: never;
  logout(options: object | Done, done?: Done): void;
  isAuthenticated(): boolean;
}

type Visitor = Omit<PassportRequest, "user"> & { readonly user?: User };

const { Strategy } = require("passport-local") as {
  Strategy: new (verify: (name: string, password: string, done: Callback<User>) => void) => unknown;
};
const express = require("express") as { urlencoded(options: object): ExpressHandler };

interface PassportModule {
  readonly Passport: new () => Passport;
}

const VERSIONS: Readonly<Record<string, PassportModule>> = {
  "Passport 0.7": require("passport") as PassportModule,
  "Passport 0.6": require("passport06") as PassportModule,
};

function passportOf({ Passport }: PassportModule): Passport {
  const passport = new Passport();
  passport.use(new Strategy((name, password, done) => done(null, password === "right" && { id: name })));
  passport.serializeUser(({ id }, done) => done(null, id));
  passport.deserializeUser((id, done) => done(null, id === "removed" ? false : { id }));
  return passport;
}

const visitor = (
  handler: (req: Visitor, res: Parameters<ExpressHandler>[1], next: Done) => unknown,
): ExpressHandler => handler as unknown as ExpressHandler;

const logout = (options: object): ExpressHandler =>
  visitor((req, res, next) => req.logout(options, (error) => (error ? next(error) : res.redirect("/"))));

cases("Passport", (session) => {
  describe.each(
    Object.entries(VERSIONS).flatMap(([version, module]) =>
      EXPRESSES.map(([name, make]) => ({ version, module, name, make })),
    ),
  )("$version in $name", ({ module, make }) => {
    async function site(): Promise<Site & { readonly store: WatchedStore }> {
      const store = watched(session);
      const passport = passportOf(module);
      const app = make()
        .use(express.urlencoded({ extended: false }))
        .use(session(quiet({ store })))
        .use(passport.initialize())
        .use(passport.session())
        .get(
          "/",
          visitor((req, res) => res.send(req.user?.id ?? "nobody")),
        )
        .get("/cart", (req, res) => res.send(String(req.session["cart"])))
        .post("/cart", (req, res) => {
          req.session["cart"] = "full";
          res.send("ok");
        })
        .post("/login", passport.authenticate("local", { successRedirect: "/", failureRedirect: "/login" }))
        .post(
          "/login/keeping",
          passport.authenticate("local", { keepSessionInfo: true, successRedirect: "/" }),
        )
        .post(
          "/login/messages",
          passport.authenticate("local", { failureRedirect: "/login", failureMessage: "Wrong." }),
        )
        .post("/logout", logout({}))
        .post("/logout/keeping", logout({ keepSessionInfo: true }));
      return { ...(await serveApp(app)), store };
    }

    const form = (name: string, password = "right"): { body: string; headers: Record<string, string> } => ({
      body: `username=${name}&password=${password}`,
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });

    const login = (at: Site, name = "ann", cookie?: Answer): Promise<Answer> =>
      at.post("/login", { ...form(name), ...(cookie && { cookie }) });

    test("an anonymous visitor is nobody, and leaves nothing", async () => {
      const at = await site();
      const answer = await at.get();
      expect([answer.body, answer.setCookies.length]).toEqual(["nobody", 0]);
      expect(at.store.calls).toEqual([]);
    });

    test("a login is stored, and known at the next visit", async () => {
      const at = await site();
      const answer = await login(at);
      expect([answer.status, answer.headers.location]).toEqual([302, "/"]);
      expect((await stored(at.store, answer.sid()))?.["passport"]).toEqual({ user: "ann" });
      expect((await at.get("/", { cookie: answer })).body).toBe("ann");
    });

    test("a login gets a new id, and the old one is gone", async () => {
      const at = await site();
      const before = await at.post("/cart");
      const after = await login(at, "ann", before);
      expect(after.sid()).not.toBe(before.sid());
      expect(await stored(at.store, before.sid())).toBeUndefined();
      expect((await at.get("/", { cookie: before })).body).toBe("nobody");
    });

    test("a login leaves what the visitor had before behind", async () => {
      const at = await site();
      const after = await login(at, "ann", await at.post("/cart"));
      expect((await at.get("/cart", { cookie: after })).body).toBe("undefined");
    });

    test("a login with keepSessionInfo takes it along", async () => {
      const at = await site();
      const cookie = await at.post("/cart");
      const after = await at.post("/login/keeping", { ...form("ann"), cookie });
      expect(after.sid()).not.toBe(cookie.sid());
      expect((await at.get("/cart", { cookie: after })).body).toBe("full");
      expect((await at.get("/", { cookie: after })).body).toBe("ann");
    });

    test("a session that an attacker fixed is not the one that logs in", async () => {
      const at = await site();
      await put(at.store, "fixed", { cookie: {} });
      const after = await at.post("/login", { ...form("ann"), cookie: cookieOf("fixed") });
      expect(after.sid()).not.toBe("fixed");
      expect((await at.get("/", { cookie: cookieOf("fixed") })).body).toBe("nobody");
    });

    test("a wrong password leaves nobody logged in", async () => {
      const at = await site();
      const answer = await at.post("/login", form("ann", "wrong"));
      expect([answer.headers.location, answer.setCookies.length]).toEqual(["/login", 0]);
    });

    test("a wrong password may leave a message in the session", async () => {
      const at = await site();
      const answer = await at.post("/login/messages", form("ann", "wrong"));
      expect((await stored(at.store, answer.sid()))?.["messages"]).toEqual(["Wrong."]);
    });

    test("a logout makes the visitor nobody, under a new id", async () => {
      const at = await site();
      const inside = await login(at);
      const outside = await at.post("/logout", { cookie: inside });
      expect([outside.status, outside.headers.location]).toEqual([302, "/"]);
      expect(outside.sid()).not.toBe(inside.sid());
      expect((await at.get("/", { cookie: inside })).body).toBe("nobody");
      expect((await at.get("/", { cookie: outside })).body).toBe("nobody");
      expect(await stored(at.store, inside.sid())).toBeUndefined();
    });

    test("a logout with keepSessionInfo keeps the rest", async () => {
      const at = await site();
      const inside = await login(at);
      await at.post("/cart", { cookie: inside });
      const outside = await at.post("/logout/keeping", { cookie: inside });
      expect((await at.get("/cart", { cookie: outside })).body).toBe("full");
      expect((await at.get("/", { cookie: outside })).body).toBe("nobody");
    });

    test("another may log in with the session of the first", async () => {
      const at = await site();
      const ann = await login(at);
      const bob = await login(at, "bob", ann);
      expect((await at.get("/", { cookie: bob })).body).toBe("bob");
      expect((await at.get("/", { cookie: ann })).body).toBe("nobody");
      expect(await count(at.store)).toBe(1);
    });

    test("a user who is no more is logged out", async () => {
      const at = await site();
      const answer = await login(at, "removed");
      expect((await at.get("/", { cookie: answer })).body).toBe("nobody");
      expect((await stored(at.store, answer.sid()))?.["passport"]).toEqual({});
    });

    test("a store that fails at the login fails the login", async () => {
      const at = await site();
      at.store.set = (_id, _data, done) => done?.(new Error("boom!"));
      const answer = await login(at);
      expect([answer.status, answer.body]).toEqual([500, "boom!"]);
    });
  });
});
