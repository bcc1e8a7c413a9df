import { describe, expect, test } from "vitest";
import { instructions } from "../../src/bound/instructions.ts";
import { resolveBound } from "../../src/bound/options.ts";
import { bound } from "../../src/bound.ts";
import { SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { refusal } from "../support/site.ts";

describe("the options", () => {
  test("have defaults that a browser can live with", () => {
    expect(resolveBound({})).toMatchObject({
      enforce: "require",
      path: "/dbsc",
      algorithms: ["ES256", "RS256"],
      lifetimes: { cookieMs: 600_000, challengeMs: 1_800_000 },
      graceMs: 5000,
      origin: null,
      includeSite: false,
      cookie: {
        name: "__Host-bound",
        path: "/",
        domain: null,
        secure: true,
        sameSite: "Lax",
        partitioned: false,
      },
    });
    expect(resolveBound({ cookie: { domain: "shop.example" } }).cookie.name).toBe("__Secure-bound");
    expect(resolveBound({ cookie: { insecureLoopback: true } }).cookie).toMatchObject({
      name: "bound",
      secure: false,
    });
  });

  test.each([
    [{ enforced: true }, /no option "enforced"/],
    [{ enforce: "yes" }, /enforce/],
    [{ cookieLifetime: "4m" }, /cookieLifetime/],
    [{ cookieLifetime: "2d" }, /cookieLifetime/],
    [{ cookieLifetime: "soon" }, /cookieLifetime/],
    [{ path: "dbsc" }, /path/],
    [{ path: "/dbsc/" }, /path/],
    [{ path: '/a";x="' }, /path/],
    [{ path: "/a/../b" }, /path/],
    [{ algorithms: [] }, /algorithms/],
    [{ algorithms: ["none"] }, /algorithms/],
    [{ algorithms: "ES256" }, /algorithms/],
    [{ origin: "http://shop.example" }, /origin/],
    [{ origin: "https://shop.example/" }, /origin/],
    [{ origin: "shop.example" }, /origin/],
    [{ includeSite: true }, /includeSite needs origin/],
    [{ includeSite: 1 }, /includeSite/],
    [{ includeSite: true, origin: "https://shop.example" }, /cookie\.domain/],
    [
      { includeSite: true, origin: "https://shop.example", cookie: { domain: "a.shop.example" } },
      /cookie\.domain/,
    ],
    [{ exclude: "/assets" }, /exclude/],
    [{ exclude: ["/"] }, /exclude/],
    [{ exclude: ["assets"] }, /exclude/],
    [{ exclude: ["/a/../b"] }, /exclude/],
    [{ exclude: [{ domain: "a b" }] }, /exclude/],
    [{ exclude: [null] }, /exclude/],
    [{ includeSite: true, origin: "https://shop.example", cookie: { domain: 7 } }, /cookie\.domain/],
    [{ exclude: [{ domain: "*" }] }, /exclude/],
    [{ exclude: [{ domain: "img.shop.example:8443" }] }, /exclude/],
    [{ refreshInitiators: ["https://login.example"] }, /refreshInitiators/],
    [{ grace: "2m" }, /grace/],
    [{ origin: "https://*.shop.example" }, /origin/],
    [{ authorization: "yes" }, /authorization/],
    [{ provider: { key: "x" } }, /provider must be a function/],
    [{ cookie: { partitioned: true } }, /no option "partitioned"/],
    [{ cookie: { path: "/a" } }, /no option "path"/],
    [{ cookie: { name: "__Host-Http-bound" } }, /__Host-bound/],
    [{ cookie: { name: "a b" } }, /cookie\.name/],
    [{ cookie: { sameSite: "none" } }, /sameSite/],
    [null, /object/],
  ])("are refused when no browser could use them: %j", (options, message) => {
    const error = refusal(() => bound(options as never));
    expect(error.code).toBe("ERR_SESSION_CONFIG");
    expect(error.message).toMatch(message);
  });

  test("go into one manager alone", () => {
    const device = bound();
    expect(refusal(() => device.provenAt({} as never)).message).toMatch(/no manager/);
    const manager = new SessionManager({ store: memoryStore(), extensions: [device] });
    expect(manager.describePolicy().extensions).toEqual(["bound"]);
    expect(refusal(() => new SessionManager({ store: memoryStore(), extensions: [device] })).message).toMatch(
      /another manager/,
    );
  });
});

test("the instructions say what the draft wants said, and name the cookie as it is set", () => {
  const options = resolveBound({
    origin: "https://shop.example",
    includeSite: true,
    exclude: ["/assets", { domain: "*.img.shop.example" }],
    refreshInitiators: ["login.example"],
    cookie: { domain: "shop.example", sameSite: "Strict" },
  });
  expect(instructions(options, "id")).toEqual({
    session_identifier: "id",
    refresh_url: "/dbsc/refresh",
    continue: true,
    scope: {
      origin: "https://shop.example",
      include_site: true,
      scope_specification: [
        { type: "exclude", domain: "*", path: "/assets" },
        { type: "exclude", domain: "*.img.shop.example", path: "/" },
      ],
    },
    credentials: [
      {
        type: "cookie",
        name: "__Secure-bound",
        attributes: "Path=/; Domain=shop.example; Secure; HttpOnly; SameSite=Strict",
      },
    ],
    allowed_refresh_initiators: ["login.example"],
  });
});
