import { describe, expect, test } from "vitest";
import { cases } from "./support/subjects.ts";
import { HOUR, MINUTE, stoppedTime } from "./support/time.ts";

cases("new Cookie", ({ Cookie }) => {
  test("has a path, is for HTTP only, and lasts as long as the browser", () => {
    const cookie = new Cookie();
    expect([cookie.path, cookie.httpOnly, cookie.expires, cookie.maxAge, cookie.originalMaxAge]).toEqual([
      "/",
      true,
      null,
      null,
      null,
    ]);
  });

  test.each([undefined, null, {}, false, 0, ""])("with %o is the same", (options) => {
    expect(new Cookie(options).data).toEqual(new Cookie().data);
  });

  test.each(["path=/", 1, true, () => ({})])("refuses %o for its options", (options) => {
    expect(() => new Cookie(options)).toThrow(new TypeError("argument options must be a object"));
  });

  test("keeps the Date that it was given", () => {
    const expires = new Date();
    const cookie = new Cookie({ expires });
    expect(cookie.expires).toBe(expires);
    expect(cookie.maxAge).not.toBeNull();
  });

  test("takes each option over", () => {
    const options = {
      path: "/foo",
      httpOnly: false,
      domain: "example.test",
      secure: true,
      sameSite: "lax",
      priority: "low",
      partitioned: true,
    };
    expect(new Cookie(options)).toMatchObject(options);
  });

  test("takes an option over that nobody knows, but does not tell of it", () => {
    const cookie = new Cookie({ unheard: "of" });
    expect(cookie["unheard"]).toBe("of");
    expect(cookie.data).not.toHaveProperty("unheard");
  });

  test("leaves an option named data alone", () => {
    expect(new Cookie({ data: { path: "/evil" }, path: "/good" }).data["path"]).toBe("/good");
  });

  test("takes what its options inherit", () => {
    expect(new Cookie(Object.create({ path: "/inherited" })).path).toBe("/inherited");
  });

  test("keeps an originalMaxAge that it was given", () => {
    stoppedTime();
    expect(new Cookie({ originalMaxAge: 1000, maxAge: MINUTE }).originalMaxAge).toBe(MINUTE);
    expect(new Cookie({ maxAge: MINUTE, originalMaxAge: 1000 }).originalMaxAge).toBe(1000);
  });

  test("does not write to its options", () => {
    expect(() => new Cookie(Object.freeze({ maxAge: MINUTE }))).not.toThrow();
  });
});

cases("maxAge of a Cookie", ({ Cookie }) => {
  test("becomes a moment", () => {
    const time = stoppedTime();
    const cookie = new Cookie({ maxAge: MINUTE });
    expect(cookie.expires).toEqual(new Date(time.now() + MINUTE));
    expect(cookie.originalMaxAge).toBe(MINUTE);
  });

  test("tells the time that is left, below zero when it is over", () => {
    const time = stoppedTime();
    const cookie = new Cookie({ maxAge: MINUTE });
    time.pass(MINUTE + 1);
    expect(cookie.maxAge).toBe(-1);
  });

  test("that is set again is the original one from then on", () => {
    stoppedTime();
    const cookie = new Cookie({ maxAge: MINUTE });
    cookie.maxAge = HOUR;
    expect([cookie.maxAge, cookie.originalMaxAge]).toEqual([HOUR, HOUR]);
  });

  test.each([null, undefined, false])("of %o is for as long as the browser runs", (value) => {
    const cookie = new Cookie({ maxAge: MINUTE });
    cookie.maxAge = value as never;
    expect(cookie.expires).toBe(value);
    expect(cookie.maxAge).toBe(value);
  });

  test.each(["1000", {}, [1]])("of %o is refused", (value) => {
    const cookie = new Cookie();
    expect(() => (cookie.maxAge = value as never)).toThrow(new TypeError("maxAge must be a number or Date"));
  });

  test("may be a Date, as it once was", () => {
    const cookie = new Cookie();
    const when = new Date(Date.UTC(2040, 0, 1));
    cookie.maxAge = when as never;
    expect(cookie.expires).toBe(when);
  });

  test("of 0 is now", () => {
    const time = stoppedTime();
    expect(new Cookie({ maxAge: 0 }).expires).toEqual(new Date(time.now()));
  });
});

cases("expires of a Cookie", ({ Cookie }) => {
  test("sets the original age to what is left", () => {
    const time = stoppedTime();
    const cookie = new Cookie();
    cookie.expires = new Date(time.now() + HOUR);
    expect([cookie.maxAge, cookie.originalMaxAge]).toEqual([HOUR, HOUR]);
  });

  test("of null sets the original age to null", () => {
    const cookie = new Cookie({ maxAge: MINUTE });
    cookie.expires = null;
    expect([cookie.maxAge, cookie.originalMaxAge]).toEqual([null, null]);
  });

  test("of false is given back as false", () => {
    const cookie = new Cookie();
    cookie.expires = false;
    expect([cookie.expires, cookie.maxAge]).toEqual([false, false]);
  });

  test("that is a text stays a text", () => {
    const cookie = new Cookie({ expires: "2040-01-01T00:00:00.000Z" });
    expect(cookie.expires).toBe("2040-01-01T00:00:00.000Z");
  });
});

cases("what a Cookie tells of itself", ({ Cookie }) => {
  const options = { path: "/foo", secure: true, sameSite: "strict" };

  describe.each(["data", "toJSON"] as const)("%s", (name) => {
    test("has every attribute, set or not", () => {
      const cookie = new Cookie(options);
      const told = name === "data" ? cookie.data : cookie.toJSON();
      expect(told).toEqual({
        originalMaxAge: null,
        partitioned: undefined,
        priority: undefined,
        expires: null,
        secure: true,
        httpOnly: true,
        domain: undefined,
        path: "/foo",
        sameSite: "strict",
      });
      expect(Object.keys(told).sort()).toEqual([
        "domain",
        "expires",
        "httpOnly",
        "originalMaxAge",
        "partitioned",
        "path",
        "priority",
        "sameSite",
        "secure",
      ]);
    });

    test("is made anew each time", () => {
      const cookie = new Cookie(options);
      expect(cookie[name]).toBeDefined();
      expect(cookie.data).not.toBe(cookie.data);
    });
  });

  test("JSON has only what is set", () => {
    stoppedTime();
    const cookie = new Cookie({ maxAge: MINUTE });
    expect(JSON.parse(JSON.stringify(cookie))).toEqual({
      originalMaxAge: MINUTE,
      expires: new Date(Date.now() + MINUTE).toISOString(),
      httpOnly: true,
      path: "/",
    });
  });

  test("JSON makes another cookie that tells the same", () => {
    const cookie = new Cookie({ domain: "example.test", priority: "high" });
    const copy = new Cookie(JSON.parse(JSON.stringify(cookie)));
    expect(JSON.stringify(copy)).toBe(JSON.stringify(cookie));
  });

  test("JSON has the order that express-session writes", () => {
    const cookie = new Cookie({
      secure: true,
      domain: "d.test",
      sameSite: "lax",
      priority: "low",
      partitioned: true,
    });
    expect(JSON.stringify(cookie)).toBe(
      '{"originalMaxAge":null,"partitioned":true,"priority":"low","expires":null,"secure":true,' +
        '"httpOnly":true,"domain":"d.test","path":"/","sameSite":"lax"}',
    );
  });

  test("serialize makes the line of Set-Cookie", () => {
    const cookie = new Cookie({ path: "/foo", domain: "example.test", secure: true });
    expect(cookie.serialize("name", "a value")).toBe(
      "name=a%20value; Domain=example.test; Path=/foo; HttpOnly; Secure",
    );
  });

  test("serialize says when it ends", () => {
    const cookie = new Cookie({ expires: new Date(Date.UTC(2040, 0, 1)) });
    expect(cookie.serialize("a", "b")).toBe("a=b; Path=/; Expires=Sun, 01 Jan 2040 00:00:00 GMT; HttpOnly");
  });

  test.each([
    ["a name that is none", "a b", "x", /argument name is invalid/],
    ["a name that is empty", "", "x", /argument name is invalid/],
  ])("serialize refuses %s", (_, name, value, message) => {
    expect(() => new Cookie().serialize(name, value)).toThrow(message);
  });

  test("its accessors are on the prototype", () => {
    for (const name of ["expires", "maxAge", "data"])
      expect(Object.getOwnPropertyDescriptor(Cookie.prototype, name)?.get, name).toBeTypeOf("function");
  });
});
