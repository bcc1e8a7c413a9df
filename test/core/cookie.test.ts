import { afterEach, describe, expect, test, vi } from "vitest";
import { type CookieOptions, resolveCookie, sessionCookie } from "../../src/core/cookie.ts";
import { cookieValues, SessionError, serializeCookie } from "../../src/index.ts";

afterEach(() => vi.unstubAllEnvs());

describe("what a response sets", () => {
  const set = (options: CookieOptions, mount = "", maxAge: number | null = null): string =>
    serializeCookie(sessionCookie(resolveCookie(options), mount, "v", maxAge));

  test("by default is what no other host, script or plain connection gets at", () => {
    expect(set({})).toBe("__Host-Http-sid=v; Path=/; Secure; HttpOnly; SameSite=Lax");
  });

  test("has another default name where the prefix would make browsers drop it", () => {
    expect(set({ path: "/app" })).toBe("__Secure-sid=v; Path=/app; Secure; HttpOnly; SameSite=Lax");
    expect(set({ domain: "example.com" })).toContain("__Secure-sid=v; Path=/; Domain=example.com; Secure");
    expect(set({ insecureLoopback: true })).toBe("sid=v; Path=/; HttpOnly; SameSite=Lax");
  });

  test("lives as long as the browser unless an age is given, and is revoked with the same attributes", () => {
    const options: CookieOptions = { domain: "example.com", path: "/a", sameSite: "None", partitioned: true };
    expect(set(options, "", 60)).toBe(
      "__Secure-sid=v; Path=/a; Domain=example.com; Max-Age=60; Secure; HttpOnly; SameSite=None; Partitioned",
    );
    expect(set(options, "", 0)).toBe(
      "__Secure-sid=v; Path=/a; Domain=example.com; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly; SameSite=None; Partitioned",
    );
  });

  test("can be bound to where the application is mounted", () => {
    expect(set({ path: "mount" })).toContain("Path=/;");
    expect(set({ path: "mount" }, "/shop")).toContain("Path=/shop/;");
    expect(set({ path: "mount" }, "/shop//")).toContain("Path=/shop/;");
  });

  // Express takes the mount path from the URL: `app.use("/:tenant", …)` lets a client choose it.
  test("holds no attribute that a client smuggled into the mount path", () => {
    for (const path of ["/a;Domain=example.com", "/a; HttpOnly=x", "/a\r\nSet-Cookie: b=1", "/ä\0"]) {
      const text = set({ path: "mount" }, path);
      expect(text).toMatch(
        /^__Secure-sid=v; Path=\/[\x21-\x3a\x3c-\x7e]*\/; Secure; HttpOnly; SameSite=Lax$/,
      );
    }
  });
});

describe("what a request brings", () => {
  test("is found in any line, in order, quoted or encoded as it stands", () => {
    expect(cookieValues(["a=1; sid=x; b=2", "sid=y;sid=z"], "sid")).toEqual(["x", "y", "z"]);
    expect(cookieValues(['sid="x"; sid=%41; sid=a=b; sid='], "sid")).toEqual(['"x"', "%41", "a=b", ""]);
    expect(cookieValues(["sid=x \t;\t sid=y"], "sid")).toEqual(["x", "y"]);
  });

  test("is not found where only the name resembles it", () => {
    for (const line of [
      "",
      ";;;",
      "sid",
      "sid ",
      "xsid=1",
      "sidx=1",
      "SID=1",
      "a=sid=1",
      'a="; sid"=1',
      "sid =1",
    ])
      expect(cookieValues([line], "sid")).toEqual([]);
  });

  // A sibling host can set a cookie whose name is the prefixed one behind a blank that only some parsers skip:
  // https://portswigger.net/research/cookie-chaos-how-to-bypass-host-and-secure-cookie-prefixes
  test("is not found behind anything but blanks and tabs: only a browser may vouch for a prefix", () => {
    for (const blank of ["\u00a0", "\ufeff", "\u000b", "\f", "\u2000", "\u2028", "\u0085", "\n", "\r"]) {
      expect(cookieValues([`a=1; ${blank}__Host-sid=x`], "__Host-sid")).toEqual([]);
      expect(cookieValues([`${blank}__Host-sid=x`], "__Host-sid")).toEqual([]);
      expect(cookieValues([`__Host-sid=x${blank}`], "__Host-sid")).toEqual([`x${blank}`]);
    }
  });
});

describe("a cookie that no browser would keep is refused, by an error that names the mend", () => {
  const wrong: Record<string, readonly [CookieOptions, RegExp]> = {
    "a name with a blank": [{ name: "my sid" }, /cookie\.name must be/],
    "an empty name": [{ name: "" }, /cookie\.name must be/],
    "a name that is no text": [{ name: 5 as never }, /cookie\.name must be/],
    "a name with a line break": [{ name: "sid\n" }, /cookie\.name must be/],
    "a path without a slash": [{ path: "app" }, /must be "mount" or begin with "\/"/],
    "a path with an attribute": [{ path: "/; Domain=x" }, /must be "mount"/],
    "a path that is no text": [{ path: 5 as never }, /must be "mount"/],
    "a domain with a dot before it": [{ domain: ".example.com" }, /without a leading dot/],
    "a domain with an attribute": [{ domain: "example.com; Path=/" }, /host name/],
    "a domain with a port": [{ domain: "example.com:80" }, /host name/],
    "a domain that is no text": [{ domain: 5 as never }, /host name/],
    "another SameSite": [{ sameSite: "lax" as never }, /"Strict", "Lax" or "None"/],
    "None without Secure": [{ sameSite: "None", insecureLoopback: true }, /Drop insecureLoopback/],
    "Partitioned without Secure": [
      { partitioned: true, sameSite: "Lax", insecureLoopback: true },
      /Drop insecureLoopback/,
    ],
    "Partitioned where it is never sent": [{ partitioned: true }, /Set cookie\.sameSite to "None"/],
    "a Partitioned that is no boolean": [{ partitioned: "no" as never }, /true or false/],
    "an insecureLoopback that is no boolean": [{ insecureLoopback: 1 as never }, /true or false/],
    "__Host- with a path": [{ name: "__Host-sid", path: "/app" }, /Drop the prefix or the path/],
    "__host- with a domain": [{ name: "__host-sid", domain: "example.com" }, /Drop the prefix or the domain/],
    "__Host-Http- with the mount path": [
      { name: "__Host-Http-sid", path: "mount" },
      /Drop the prefix or the path/,
    ],
    "__Secure- without Secure": [{ name: "__SECURE-sid", insecureLoopback: true }, /insecureLoopback/],
    "__Http- without Secure": [{ name: "__Http-sid", insecureLoopback: true }, /insecureLoopback/],
  };
  for (const [name, [options, mend]] of Object.entries(wrong)) {
    test(name, () => {
      expect(() => resolveCookie(options)).toThrow(SessionError);
      expect(() => resolveCookie(options)).toThrow(mend);
    });
  }

  test("an insecure one in production", () => {
    vi.stubEnv("NODE_ENV", "production");
    expect(() => resolveCookie({ insecureLoopback: true })).toThrow(/NODE_ENV is production/);
    expect(resolveCookie({ insecureLoopback: false }).secure).toBe(true);
  });
});
