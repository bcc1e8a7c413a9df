import { calculateJwkThumbprint, type JWK } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { registrationHeader } from "../../src/bound/headers.ts";
import { type PublicKey, thumbprintOf } from "../../src/bound/keys.ts";
import { keptOf } from "../../src/bound/state.ts";
import type { BoundOptions, ProviderKey } from "../../src/bound.ts";
import { refusal, site } from "../support/site.ts";
import { bound } from "../../src/bound.ts";
import { offerOf, type TestBrowser } from "./support/browser.ts";
import { MINUTE, type Rig, rigOf } from "./support/rig.ts";
import { type DeviceKey, newKey, registrationProof } from "./support/signing.ts";
import { SITES } from "./support/sites.ts";

/** A session that takes the key of the session with its provider (the draft's section on federated sessions). */

const URL_OF_PROVIDER = "https://id.example";
const REGISTRATION = "secure-session-registration";
const keys = new Map<string, DeviceKey>();
let curve: DeviceKey;
let rsa: DeviceKey;

const printOf = (key: DeviceKey): Promise<string> => calculateJwkThumbprint(key.jwk as JWK);
const providerOf = async (key: DeviceKey, over: object = {}): Promise<ProviderKey> => ({
  key: await printOf(key),
  sessionId: "at the provider",
  url: URL_OF_PROVIDER,
  ...over,
});

beforeAll(async () => {
  [curve, rsa] = await Promise.all([newKey(), newKey("RS256")]);
  for (const key of [curve, rsa]) keys.set(await printOf(key), key);
});

let rig: Rig;
const started = async (options: BoundOptions = {}): Promise<Rig> => (rig = await rigOf(options));
beforeEach(async () => void (await started()));
afterEach(() => rig.close());

const loginBy = (browser: TestBrowser, provider: unknown) =>
  browser.post(`/federated-login?provider=${encodeURIComponent(JSON.stringify(provider))}`);
const offeredTo = async (browser: TestBrowser, provider: unknown) =>
  offerOf((await loginBy(browser, provider)).headers.get(REGISTRATION) ?? "");
const registered = async (
  browser: TestBrowser,
  { challenge, authorization }: { readonly challenge: string; readonly authorization: string | null },
  key: DeviceKey,
) => {
  const proof = await registrationProof(key, { jti: challenge, authorization });
  return await browser.raw("POST", "/dbsc/register", { "secure-session-response": proof });
};

describe("the thumbprint of a key (RFC 7638)", () => {
  test("of the RFC's own example is the RFC's", async () => {
    const n =
      "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst" +
      "n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn" +
      "1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    expect(await thumbprintOf({ kty: "RSA", n, e: "AQAB" })).toBe(
      "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
    );
  });

  test("is what another library makes of keys of both kinds", async () => {
    for (const key of [curve, rsa]) expect(await thumbprintOf(key.jwk as PublicKey)).toBe(await printOf(key));
  });
});

describe("an offer of a provider's key", () => {
  test("says all three parameters, as strings", () => {
    const offer = { algorithms: ["ES256"] as const, path: "/dbsc/register", challenge: "c" };
    const provider = { key: "k", sessionId: 'an "id" \\', url: "https://id.example/a" };
    expect(registrationHeader({ ...offer, authorization: "a", provider })).toBe(
      String.raw`(ES256);path="/dbsc/register";challenge="c";authorization="a";provider_key="k";provider_session_id="an \"id\" \\";provider_url="https://id.example/a"`,
    );
    expect(registrationHeader({ ...offer, authorization: null, provider })).toBe(
      String.raw`(ES256);path="/dbsc/register";challenge="c";provider_key="k";provider_session_id="an \"id\" \\";provider_url="https://id.example/a"`,
    );
  });

  test("takes the place of the one that login makes", async () => {
    const provider = await providerOf(curve);
    const header = (await loginBy(rig.browser({ plain: true }), provider)).headers.get(REGISTRATION) ?? "";
    expect(header).toMatch(
      new RegExp(
        `^\\(ES256 RS256\\);path="/dbsc/register";challenge="[\\w-]{32}";authorization="[\\w-]{32}";` +
          `provider_key="${provider.key}";provider_session_id="at the provider";provider_url="https://id\\.example"$`,
      ),
    );
  });

  test.each([
    ["no object", "key"],
    ["a key that is no thumbprint", { key: "short" }],
    ["a key of other characters", { key: `${"A".repeat(42)}=` }],
    ["a key with bits to spare", { key: "B".repeat(43) }],
    ["no key", { key: undefined }],
    ["an empty id", { sessionId: "" }],
    ["an id that no header can say", { sessionId: "ü" }],
    ["an id with a line's end", { sessionId: "a\r\nSet-Cookie: x=1" }],
    ["an id that is too long", { sessionId: "x".repeat(513) }],
    ["no id", { sessionId: undefined }],
    ["no URL", { url: undefined }],
    ["a URL that is none", { url: "id.example" }],
    ["a URL without TLS", { url: "http://id.example" }],
    ["a URL of another kind", { url: "javascript:alert(1)" }],
    ["a URL with a name and a password", { url: "https://a:b@id.example" }],
    ["a URL that no header can say", { url: "https://id.example/ü" }],
    ["a URL with a line's end", { url: "https://id.example/\n" }],
    ["a URL that is too long", { url: `https://id.example/${"x".repeat(2048)}` }],
    ["an unknown member", { provider_key: "x" }],
  ])("is refused with %s", async (_what, over) => {
    const device = bound();
    const house = site({ extensions: [device] });
    const provider = typeof over === "string" ? over : await providerOf(curve, over);
    await house.visit(undefined, (session) => {
      session.login("ann");
      const error = refusal(() => device.offer(session, { provider: provider as never }));
      expect(error.code).toBe("ERR_SESSION_USE");
      expect(error.message).toMatch(/provider/);
      expect(error.message).not.toContain("a:b");
    });
    await house.manager.close();
  });

  test("is refused with options that there are not", async () => {
    const device = bound();
    const house = site({ extensions: [device] });
    await house.visit(undefined, (session) => {
      session.login("ann");
      expect(refusal(() => device.offer(session, { providers: null } as never)).code).toBe("ERR_SESSION_USE");
      expect(refusal(() => device.offer(session, null as never)).code).toBe("ERR_SESSION_USE");
    });
    await house.manager.close();
  });
});

describe("the option provider", () => {
  test("is asked at each login, with the session of its user, and may say that there is none", async () => {
    const users: (string | null)[] = [];
    let provider: ProviderKey | null = await providerOf(curve);
    await rig.close();
    await started({ provider: ({ user }) => (users.push(user), provider) });
    const browser = rig.browser({ plain: true });
    expect((await browser.post("/login?user=bob")).headers.get(REGISTRATION)).toContain(
      `;provider_key="${provider.key}"`,
    );
    provider = null;
    expect((await browser.post("/login")).headers.get(REGISTRATION)).not.toContain("provider_");
    expect(users).toEqual(["bob", "ann"]);
  });

  test("is asked by an offer that names none, and not by one that does", async () => {
    const [one, other] = [await providerOf(curve), await providerOf(rsa)];
    await rig.close();
    await started({ provider: () => one });
    const browser = rig.browser({ plain: true });
    await browser.post("/login");
    expect((await browser.post("/offer")).headers.get(REGISTRATION)).toContain(one.key);
    expect((await loginBy(browser, other)).headers.get(REGISTRATION)).toContain(other.key);
    expect((await loginBy(browser, null)).headers.get(REGISTRATION)).not.toContain("provider_");
  });

  test.each([
    ["failed", () => void (new Map<string, object>().get("none") as never as { x: { y: 1 } }).x.y],
    ["invalid", () => ({ key: "x", sessionId: "y", url: "z" })],
    ["invalid", () => undefined],
    ["invalid", () => Promise.resolve(null)],
  ])(
    "offers nothing where it %s: any key would do, and the binding from before is over",
    async (reason, provider) => {
      await rig.close();
      let isBroken = false;
      await started({ provider: (() => (isBroken ? provider() : null)) as never });
      const browser = await rig.boundBrowser();
      isBroken = true;
      const login = await browser.post("/login");
      expect([login.status, login.headers.get(REGISTRATION)]).toEqual([200, null]);
      expect(rig.told()).toEqual(["registered", "no offer!"]);
      expect(rig.events.at(-1)).toMatchObject({ user: "ann", details: { reason } });
      rig.clock.advance(20 * MINUTE);
      expect((await browser.raw("GET", "/")).text).toBe("ann");
      isBroken = false;
      expect((await browser.post("/login")).headers.get(REGISTRATION)).toContain("ES256");
      await browser.settled();
    },
  );

  test("offers by hand what it could not at the login", async () => {
    await rig.close();
    await started({ provider: () => ({}) as ProviderKey });
    const browser = rig.browser({ providerKeys: keys });
    await loginBy(browser, await providerOf(curve));
    await browser.settled();
    expect(browser.story).toEqual(["registered ES256"]);
  });

  test("has to be a function", () => {
    const error = refusal(() => bound({ provider: {} as never }));
    expect([error.code, error.message]).toEqual([
      "ERR_SESSION_CONFIG",
      expect.stringMatching(/provider must be a function/),
    ]);
  });
});

describe("a registration for a provider's key", () => {
  test.each(["ES256", "RS256"] as const)("is good with that very key, of %s", async (algorithm) => {
    const key = algorithm === "ES256" ? curve : rsa;
    const browser = rig.browser({ providerKeys: keys });
    await loginBy(browser, await providerOf(key));
    await browser.settled();
    expect(browser.story).toEqual([`registered ${algorithm}`]);
    expect(rig.events).toMatchObject([{ what: "registered", details: { algorithm, federated: true } }]);
    rig.clock.advance(10 * MINUTE);
    expect((await browser.get("/")).text).toBe("ann");
    expect(browser.story.slice(1)).toEqual(["challenged", "refreshed"]);
  });

  test.each(["ES256", "RS256"] as const)(
    "is refused with another, of %s, and an alarm",
    async (algorithm) => {
      const browser = rig.browser({ plain: true });
      for (const vouched of [curve, rsa]) {
        const offer = await offeredTo(browser, await providerOf(vouched));
        const seen = await registered(browser, offer, await newKey(algorithm));
        expect([seen.status, seen.headers.getSetCookie()]).toEqual([400, []]);
        expect(JSON.parse(seen.text)).toEqual({ error: "registration_refused" });
        expect(rig.events.at(-1)).toMatchObject({
          what: "registration refused",
          alarming: true,
          user: "ann",
          details: { reason: "provider" },
        });
        rig.clock.advance(MINUTE);
        expect((await browser.get("/")).text).toBe("ann");
        expect((await registered(browser, offer, vouched)).status).toBe(200);
      }
    },
  );

  test("is none without the challenge, whoever has the key", async () => {
    const browser = rig.browser({ plain: true });
    const offer = await offeredTo(browser, await providerOf(curve));
    expect((await registered(browser, { ...offer, challenge: "x" }, curve)).status).toBe(400);
    expect(rig.events.at(-1)).toMatchObject({ details: { reason: "challenge" } });
  });

  test("is not for a key that an earlier login was offered", async () => {
    const browser = rig.browser({ plain: true });
    await offeredTo(browser, await providerOf(curve));
    const offer = await offeredTo(browser, await providerOf(rsa));
    expect((await registered(browser, offer, curve)).status).toBe(400);
    expect((await registered(browser, offer, rsa)).status).toBe(200);
  });

  test("of several at a time wins with that key alone, once", async () => {
    const browser = rig.browser({ plain: true });
    const offer = await offeredTo(browser, await providerOf(curve));
    const others = await Promise.all(Array.from({ length: 4 }, () => newKey()));
    const attempts = [...others.slice(0, 2), curve, curve, ...others.slice(2)];
    const seen = await Promise.all(attempts.map((key) => registered(browser, offer, key)));
    const won = seen.flatMap(({ status }, index) => (status === 200 ? [attempts[index]] : []));
    expect(won).toEqual([curve]);
    expect(seen.filter(({ status }) => status === 400)).toHaveLength(5);
    expect(rig.told().filter((what) => what === "registered")).toHaveLength(1);
  });
});

describe.each(SITES)("a browser with a session at the provider, on $name", (kind) => {
  test("binds this one to the same key, and another browser does not", async () => {
    await rig.close();
    rig = await rigOf({}, kind);
    const provider = await providerOf(curve);
    const [browser, other] = [rig.browser({ providerKeys: keys }), rig.browser()];
    await Promise.all([loginBy(browser, provider), loginBy(other, provider)]);
    await Promise.all([browser.settled(), other.settled()]);
    expect([browser.story, other.story]).toEqual([["registered ES256"], ["no such key"]]);
  });
});

test("a provider learns the key of its own session, to vouch for it", async () => {
  const browser = await rig.boundBrowser();
  const { session } = browser;
  const found: unknown[] = [];
  const device = bound();
  const house = site({ store: rig.store, extensions: [device], clock: rig.clock, cookie: {} });
  const cookie = browser.jar.header(rig.origin) ?? "";
  await house.visit(cookie, async (one) => found.push(await device.keyOf(one)));
  expect(found).toEqual([{ key: await printOf(session?.key as DeviceKey), sessionId: session?.id }]);
  await house.visit(undefined, async (one) => found.push(await device.keyOf(one)));
  expect(found[1]).toBe(null);
});

test("what is kept of such an offer is the thumbprint, and anything else in its place is corrupt", async () => {
  const offer = { challenge: "h", authorization: null, until: 1 };
  const federated = { ...offer, provider: await printOf(curve) };
  expect(keptOf({ offer: federated })).toEqual({ kind: "offer", offer: federated });
  for (const provider of [null, "", "short", 1, {}])
    expect(keptOf({ offer: { ...offer, provider } })).toEqual({ kind: "corrupt" });
});
