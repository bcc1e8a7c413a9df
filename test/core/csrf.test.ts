import { describe, expect, test } from "vitest";
import { type CsrfOptions, SessionManager } from "../../src/index.ts";
import type { SessionEvents } from "../../src/core/events.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { testExchange, type TestExchangeOptions } from "../support/exchange.ts";
import { refusal } from "../support/site.ts";

const HOST = "shop.example";
const COOKIE = `__Host-Http-sid=${"A".repeat(56)}`;

function guarded(csrf?: CsrfOptions | false) {
  const store = memoryStore();
  const manager = new SessionManager({ store, ...(csrf !== undefined && { csrf }) });
  const told: SessionEvents["forged"][] = [];
  manager.on("forged", (event) => void told.push(event));
  const send = (headers: Record<string, string>, options: TestExchangeOptions = {}) =>
    manager.startRequest(
      testExchange({ method: "POST", requestHeaders: { host: HOST, ...headers }, ...options }),
    );
  return { send, told };
}

/** What became of a request: `undefined` where it was let through. */
function verdict(
  site: ReturnType<typeof guarded>,
  headers: Record<string, string>,
  options?: TestExchangeOptions,
) {
  const before = site.told.length;
  try {
    void site.send(headers, options);
    return undefined;
  } catch {
    return site.told[before]?.reason;
  }
}

describe("C3, ASVS 3.5.1, 3.5.2: a request that changes something", () => {
  const site = guarded();

  test.each([
    ["same-origin", undefined],
    ["none", undefined],
    ["cross-site", "cross-site"],
    ["same-site", "same-site"],
  ])("with Sec-Fetch-Site %s", (value, expected) => {
    expect(verdict(site, { "sec-fetch-site": value, origin: `https://${HOST}` })).toBe(expected);
  });

  test.each([
    [`https://${HOST}`, undefined],
    [`https://${HOST}:443`, undefined],
    ["https://evil.example", "origin"],
    [`http://${HOST}`, "origin"],
    [`https://${HOST}:8443`, "origin"],
    [`https://www.${HOST}`, "origin"],
    [`https://${HOST}.evil.example`, "origin"],
    ["null", "origin"],
    ["", "origin"],
    ["a page", "origin"],
  ])("without Fetch Metadata and with the Origin %j", (origin, expected) => {
    expect(verdict(site, { origin })).toBe(expected);
    expect(verdict(site, { origin, "sec-fetch-site": "a value of tomorrow" })).toBe(expected);
  });

  test("falls back to Referer where there is no Origin", () => {
    expect(verdict(site, { referer: `https://${HOST}/cart?a=1` })).toBeUndefined();
    expect(verdict(site, { referer: "https://evil.example/" })).toBe("referer");
  });

  test("is believed without a Host only by Fetch Metadata", () => {
    const bare = { requestHeaders: { origin: `https://${HOST}` } };
    expect(verdict(site, {}, bare)).toBe("origin");
    const own = { requestHeaders: { ...bare.requestHeaders, "sec-fetch-site": "same-origin" } };
    expect(verdict(site, {}, own)).toBeUndefined();
  });

  test.each(["PUT", "PATCH", "DELETE", "get", "BREW"])("may have the method %s", (method) => {
    expect(verdict(site, { "sec-fetch-site": "cross-site" }, { method })).toBe("cross-site");
  });

  test.each(["GET", "HEAD", "OPTIONS", "TRACE"])("does not have the method %s", (method) => {
    expect(verdict(site, { "sec-fetch-site": "cross-site" }, { method })).toBeUndefined();
  });
});

test("a refusal has the status 403, an event, and comes before the store is asked", () => {
  const { send, told } = guarded();
  const error = refusal(() =>
    send({ origin: "https://evil.example" }, { cookie: COOKIE, remoteAddress: "192.0.2.7" }),
  );
  expect([error.code, error.status]).toEqual(["ERR_SESSION_FORGED", 403]);
  expect(error.message).not.toContain("evil.example");
  expect(told).toEqual([
    {
      reason: "origin",
      origin: "https://evil.example",
      method: "POST",
      enforced: true,
      address: "192.0.2.7",
    },
  ]);
});

test("a program that tells nothing of itself passes, unless the site is for browsers alone", () => {
  expect(verdict(guarded(), {}, { cookie: COOKIE })).toBeUndefined();
  const strict = guarded({ silent: "refuse" });
  expect(verdict(strict, {}, { cookie: COOKIE })).toBe("silent");
  expect(verdict(strict, {})).toBeUndefined();
});

test("origins can be trusted, whatever Fetch Metadata says of them", () => {
  const site = guarded({ trustedOrigins: ["https://app.shop.example"] });
  expect(
    verdict(site, { origin: "https://app.shop.example", "sec-fetch-site": "same-site" }),
  ).toBeUndefined();
  expect(verdict(site, { origin: "https://app.shop.example" })).toBeUndefined();
  expect(verdict(site, { origin: "https://other.shop.example", "sec-fetch-site": "same-site" })).toBe(
    "same-site",
  );
});

test.each(["capacitor://localhost", "chrome-extension://abcdefgh", "http://localhost:5173"])(
  "the pages of an app or a browser extension can be trusted by their origin, such as %s",
  (origin) => {
    const site = guarded({ trustedOrigins: [origin] });
    expect(verdict(site, { origin, "sec-fetch-site": "cross-site" })).toBeUndefined();
    expect(verdict(site, { origin: "capacitor://elsewhere" })).toBe("origin");
  },
);

test("requests can be exempted, and are not told of", () => {
  const site = guarded({ exempt: ({ url }) => url === "/" });
  expect(verdict(site, { "sec-fetch-site": "cross-site" })).toBeUndefined();
  expect(site.told).toEqual([]);
});

test("report-only lets through what it tells of", () => {
  const site = guarded({ mode: "report" });
  expect(verdict(site, { "sec-fetch-site": "cross-site" })).toBeUndefined();
  expect(site.told).toMatchObject([{ reason: "cross-site", enforced: false }]);
});

test("it can be switched off", () => {
  expect(verdict(guarded(false), { "sec-fetch-site": "cross-site" })).toBeUndefined();
});

test.each([
  [{ mode: "off" }, /csrf.mode/],
  [{ silent: true }, /csrf.silent/],
  [{ exempt: ["/hook"] }, /csrf.exempt/],
  [{ trustedOrigins: "https://a.example" }, /csrf.trustedOrigins/],
  [{ trustedOrigins: ["https://a.example/"] }, /csrf.trustedOrigins/],
  [{ trustedOrigins: ["*"] }, /csrf.trustedOrigins/],
  [{ trustedOrigins: ["null"] }, /csrf.trustedOrigins/],
  [{ trustedOrigins: ["capacitor://localhost/"] }, /csrf.trustedOrigins/],
  [{ trustedOrigins: ["capacitor://"] }, /csrf.trustedOrigins/],
  [{ trustedOrigins: ["data:text/html,a"] }, /csrf.trustedOrigins/],
  [{ origins: [] }, /origins/],
  [true, /csrf must be an object/],
])("the options %j are refused at construction", (csrf, message) => {
  expect(refusal(() => guarded(csrf as never)).message).toMatch(message);
});

describe("the token of a session", () => {
  test("C1: is demanded in constant time, and anything else is refused with 403", async () => {
    const manager = new SessionManager({ store: memoryStore() });
    const session = await manager.startRequest(testExchange());
    const token = session.csrfToken();
    session.requireCsrfToken(token);
    for (const value of [undefined, null, "", token.slice(1), `${token} `, [token], { token }])
      expect(refusal(() => session.requireCsrfToken(value))).toMatchObject({
        code: "ERR_SESSION_FORGED",
        status: 403,
      });
  });
});
