import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BoundOptions } from "../../src/bound.ts";
import { challengeOf, offerOf, type TestBrowser } from "./support/browser.ts";
import { MINUTE, type Rig, rigOf } from "./support/rig.ts";
import { newKey, refreshProof, registrationProof } from "./support/signing.ts";

let rig: Rig;
const started = async (options: BoundOptions = {}): Promise<Rig> => (rig = await rigOf(options));
beforeEach(async () => void (await started()));
afterEach(() => rig.close());

const restarted = async (options: BoundOptions): Promise<void> => {
  await rig.close();
  await started(options);
};

/** A refresh by hand, with this proof or none. */
const refreshed = (browser: TestBrowser, proof?: string, id = browser.session?.id ?? "") =>
  browser.raw("POST", "/dbsc/refresh", {
    "sec-secure-session-id": `"${id}"`,
    ...(proof !== undefined && { "secure-session-response": proof }),
  });

const challenged = async (browser: TestBrowser): Promise<string> =>
  challengeOf(await refreshed(browser), browser.session?.id ?? "") ?? "";

describe("an offer", () => {
  test("comes with every login, with secrets of its own", async () => {
    const browser = rig.browser({ plain: true });
    const first = offerOf((await browser.post("/login")).headers.get("secure-session-registration") ?? "");
    expect(first).toMatchObject({ algorithms: ["ES256", "RS256"], path: "/dbsc/register" });
    const second = offerOf((await browser.post("/login")).headers.get("secure-session-registration") ?? "");
    expect(new Set([first.challenge, first.authorization, second.challenge, second.authorization]).size).toBe(
      4,
    );
    expect((await browser.get("/")).headers.get("secure-session-registration")).toBe(null);
  });

  test("does not come with a login that failed", async () => {
    const { status, headers } = await rig.browser().post("/failed-login");
    expect([status, headers.get("secure-session-registration")]).toEqual([500, null]);
    const browser = rig.browser({ plain: true });
    await browser.post("/login");
    expect((await browser.post("/failed-login")).headers.get("secure-session-registration")).toBe(null);
  });

  test("is as the options want it", async () => {
    await restarted({ authorization: false, algorithms: ["ES256"], path: "/auth/device" });
    const { headers } = await rig.browser({ plain: true }).post("/login");
    expect(headers.get("secure-session-registration")).toMatch(
      /^\(ES256\);path="\/auth\/device\/register";challenge="[\w-]{32}"$/,
    );
  });

  test("can be made to a user who logged in before, and changes nothing for one who is bound", async () => {
    const browser = rig.browser({ plain: true });
    await browser.post("/login");
    const later = await browser.post("/offer");
    expect(later.headers.get("secure-session-registration")).toContain("ES256");
    const bound = await rig.boundBrowser();
    expect((await bound.post("/offer")).headers.get("secure-session-registration")).toBe(null);
    expect((await rig.browser().post("/offer")).status).toBe(500);
  });

  test("runs out", async () => {
    const browser = rig.browser({ plain: true });
    const offer = offerOf((await browser.post("/login")).headers.get("secure-session-registration") ?? "");
    rig.clock.advance(10 * MINUTE);
    expect((await registered(browser, offer)).status).toBe(400);
    expect(rig.events.at(-1)).toMatchObject({
      what: "registration refused",
      details: { reason: "challenge" },
    });
  });
});

const registered = async (
  browser: TestBrowser,
  offer: { readonly challenge: string; readonly authorization: string | null },
  over: { readonly payload?: object; readonly headers?: Readonly<Record<string, string>> } = {},
) => {
  const payload = over.payload ?? { jti: offer.challenge, authorization: offer.authorization };
  const proof = await registrationProof(await newKey(), payload);
  return await browser.raw("POST", "/dbsc/register", { "secure-session-response": proof, ...over.headers });
};

const offeredTo = async (browser: TestBrowser) =>
  offerOf((await browser.post("/login")).headers.get("secure-session-registration") ?? "");

describe("a registration", () => {
  test("answers its offer once", async () => {
    const browser = rig.browser({ plain: true });
    const offer = await offeredTo(browser);
    const first = await registered(browser, offer);
    expect(first.status).toBe(200);
    expect(first.headers.get("content-type")).toBe("application/json");
    expect(first.headers.get("secure-session-challenge")).toBe(null);
    expect((await registered(browser, offer)).status).toBe(400);
  });

  test("for the other of two logins at a time is refused, and alarms nobody", async () => {
    const browser = rig.browser({ plain: true });
    const [first, second] = [await offeredTo(browser), await offeredTo(browser)];
    expect((await registered(browser, first)).status).toBe(400);
    expect((await registered(browser, second)).status).toBe(200);
    expect((await registered(browser, first)).status).toBe(400);
    expect(rig.told()).toEqual(["registration refused", "registered", "registration refused"]);
    rig.clock.advance(MINUTE);
    expect((await registered(browser, first)).status).toBe(400);
    expect(rig.told().at(-1)).toBe("registration refused!");
  });

  test("repeats the authorization, signed or at least in its header", async () => {
    const attempts = [
      { payload: {}, headers: {}, status: 400 },
      { payload: { authorization: "echo", jti: "A".repeat(32) }, headers: {}, status: 400 },
      { payload: { authorization: "other" }, headers: {}, status: 400 },
      { payload: {}, headers: { authorization: "other" }, status: 400 },
      { payload: {}, headers: { authorization: "echo" }, status: 200 },
      { payload: { authorization: "echo" }, headers: { authorization: "Basic dXNlcjpwYXNz" }, status: 200 },
    ];
    for (const attempt of attempts) {
      const browser = rig.browser({ plain: true });
      const offer = await offeredTo(browser);
      const filled = <T extends object>(object: T) =>
        Object.fromEntries(
          Object.entries(object).map(([name, value]) => [
            name,
            value === "echo" ? offer.authorization : value,
          ]),
        ) as Record<string, string>;
      const over = {
        payload: { jti: offer.challenge, ...filled(attempt.payload) },
        headers: filled(attempt.headers),
      };
      expect((await registered(browser, offer, over)).status).toBe(attempt.status);
    }
  });

  test("needs a session of a user, a proof, and the method that browsers use", async () => {
    const browser = rig.browser({ plain: true });
    expect((await browser.raw("POST", "/dbsc/register")).status).toBe(401);
    await browser.post("/login");
    expect((await browser.raw("POST", "/dbsc/register")).status).toBe(400);
    expect((await browser.raw("POST", "/dbsc/register", { "secure-session-response": "a b" })).status).toBe(
      400,
    );
    expect(rig.device.owns({ method: "GET", url: "/dbsc/register" })).toBe(false);
    expect(rig.device.owns({ method: "POST", url: "/dbsc/register?x=1" })).toBe(true);
  });

  test("that is refused leaves the session as it is", async () => {
    const browser = rig.browser({ plain: true });
    const offer = await offeredTo(browser);
    await registered(browser, { ...offer, challenge: "x" });
    expect((await browser.get("/")).text).toBe("ann");
    expect((await registered(browser, offer)).status).toBe(200);
  });

  test("cannot be sent from another site's page", async () => {
    const browser = rig.browser({ plain: true });
    const offer = await offeredTo(browser);
    const seen = await registered(browser, offer, { headers: { "sec-fetch-site": "cross-site" } });
    expect([400, 403]).toContain(seen.status);
    expect((await registered(browser, offer, { headers: { "sec-fetch-site": "same-origin" } })).status).toBe(
      200,
    );
  });
});

describe("a refresh", () => {
  test("without a proof gets a challenge that names its session, and changes nothing", async () => {
    const browser = await rig.boundBrowser();
    const before = browser.boundCookie;
    const [one, two] = [await refreshed(browser), await refreshed(browser)];
    expect([one.status, one.headers.getSetCookie()]).toEqual([403, []]);
    expect(challengeOf(one, browser.session?.id ?? "")).toMatch(/^[\w-]{32}$/);
    expect(one.headers.get("secure-session-challenge")).toBe(two.headers.get("secure-session-challenge"));
    expect(browser.boundCookie).toBe(before);
  });

  test("rotates cookie and challenge, and tells the next challenge (rule a)", async () => {
    const browser = await rig.boundBrowser();
    const challenge = await challenged(browser);
    const before = browser.boundCookie;
    const seen = await refreshed(browser, await browser.sign({ jti: challenge }));
    expect(seen.status).toBe(200);
    expect(browser.boundCookie).not.toBe(before);
    const next = challengeOf(seen, browser.session?.id ?? "");
    expect(next).not.toBe(challenge);
    expect(JSON.parse(seen.text)).toMatchObject({ session_identifier: browser.session?.id, continue: true });
    expect((await refreshed(browser, await browser.sign({ jti: next }))).status).toBe(200);
  });

  test("takes a challenge for longer than the cookie lives, and not for ever (rule b)", async () => {
    const browser = await rig.boundBrowser();
    const challenge = await challenged(browser);
    rig.clock.advance(12 * MINUTE);
    expect((await refreshed(browser, await browser.sign({ jti: challenge }))).status).toBe(200);
    const later = await challenged(browser);
    rig.clock.advance(31 * MINUTE);
    const stale = await refreshed(browser, await browser.sign({ jti: later }));
    expect(stale.status).toBe(403);
    const fresh = challengeOf(stale, browser.session?.id ?? "");
    expect(fresh).not.toBe(later);
    expect((await refreshed(browser, await browser.sign({ jti: fresh }))).status).toBe(200);
  });

  test("leaves the cookie before good until its own end, for requests on their way (rule c)", async () => {
    const browser = await rig.boundBrowser();
    const old = browser.boundCookie ?? "";
    rig.clock.advance(9 * MINUTE);
    await browser.refresh();
    const other = rig.browser({ plain: true });
    const status = async (minutes: number): Promise<number> => {
      rig.clock.advance(minutes * MINUTE);
      return (await other.raw("GET", "/", {})).status;
    };
    takeCookies(other, browser, old);
    expect(await status(1)).toBe(200);
    takeCookies(other, browser, old);
    expect(await status(1)).toBe(401);
  });

  test("with a good signature over another challenge is a race, and gets a challenge (rule d)", async () => {
    const browser = await rig.boundBrowser();
    const challenge = await challenged(browser);
    const proof = await browser.sign({ jti: challenge });
    expect((await refreshed(browser, proof)).status).toBe(200);
    for (const jti of [challenge, "made up", undefined])
      expect((await refreshed(browser, await browser.sign({ jti }))).status).toBe(403);
    expect((await browser.get("/")).text).toBe("ann");
    expect(rig.told()).toEqual(["registered", "refreshed"]);
  });

  test("of an unknown session ends it at the browser, and nothing else (rule d)", async () => {
    const browser = await rig.boundBrowser();
    for (const id of [
      "unknown",
      `${browser.session?.id}x`,
      (browser.session?.id ?? "").split(".")[0],
      "x".repeat(9),
    ])
      expect((await refreshed(browser, undefined, id)).status).toBe(401);
    expect((await browser.get("/")).text).toBe("ann");
  });

  test("without the header that no page can send is refused, and does nothing (rule h)", async () => {
    const browser = await rig.boundBrowser();
    for (const headers of [{}, { "sec-secure-session-id": "a b" }, { "sec-secure-session-id": "" }])
      expect((await browser.raw("POST", "/dbsc/refresh", headers)).status).toBe(400);
    expect((await browser.get("/")).text).toBe("ann");
  });

  test("of an unbound session ends what the browser still has from before", async () => {
    const browser = await rig.boundBrowser();
    const { session } = browser;
    await browser.raw("POST", "/login");
    expect((await refreshed(browser, undefined, session?.id)).status).toBe(401);
    expect((await browser.raw("GET", "/")).text).toBe("ann");
  });

  test("gets past no wall and needs none: it answers strangers, and acts for nobody without a proof (rule h)", async () => {
    const browser = await rig.boundBrowser();
    const stranger = rig.browser();
    const seen = await refreshed(stranger, undefined, browser.session?.id);
    expect([seen.status, seen.headers.getSetCookie()]).toEqual([403, []]);
    const proof = await browser.sign({ jti: challengeOf(seen, browser.session?.id ?? "") });
    const again = await refreshed(stranger, proof, browser.session?.id);
    expect([again.status, again.headers.getSetCookie()]).toEqual([403, []]);
    expect((await browser.get("/")).text).toBe("ann");
  });
});

/** Gives a browser the cookies of another, the bound one with this value. */
function takeCookies(to: TestBrowser, from: TestBrowser, bound: string | undefined): void {
  const sid = from.jar.value("__Host-Http-sid") ?? "";
  const lines = [`__Host-Http-sid=${sid}; Path=/; Secure; HttpOnly`];
  if (bound !== undefined) lines.push(`__Host-bound=${bound}; Path=/; Secure; HttpOnly`);
  to.jar.take(lines, to.options.origin);
}

describe("the gate", () => {
  test("waits for requests that were on their way when the browser registered (rule f)", async () => {
    const browser = await rig.boundBrowser();
    const other = rig.browser({ plain: true });
    takeCookies(other, browser, undefined);
    expect((await other.get("/")).status).toBe(200);
    rig.clock.advance(5000);
    expect((await other.get("/")).status).toBe(401);
  });

  test("is not opened by what a browser says of a skipped refresh (rule g)", async () => {
    const browser = await rig.boundBrowser();
    rig.clock.advance(MINUTE);
    const thief = rig.browser({ plain: true });
    takeCookies(thief, browser, undefined);
    const skipped = `quota_exceeded;session_identifier="${browser.session?.id}"`;
    expect((await thief.get("/", { "secure-session-skipped": skipped })).status).toBe(401);
    expect(rig.told()).toEqual(["registered", "refresh skipped", "session stolen!"]);
    expect(rig.events[1]).toMatchObject({ details: { reasons: "quota_exceeded" } });
  });

  test("only tells where it is to report, and does nothing where it is off", async () => {
    for (const [enforce, told] of [
      ["report", ["registered", "session stolen!"]],
      ["off", ["registered"]],
    ] as const) {
      await restarted({ enforce });
      const browser = await rig.boundBrowser();
      rig.clock.advance(MINUTE);
      const other = rig.browser({ plain: true });
      takeCookies(other, browser, "wrong");
      expect((await other.get("/")).text).toBe("ann");
      expect(rig.told()).toEqual(told);
      if (enforce === "report")
        expect(rig.events[1]).toMatchObject({ details: { cookie: "wrong", enforced: false } });
    }
  });

  test("is passed by the endpoint's own requests alone", async () => {
    const browser = await rig.boundBrowser();
    rig.clock.advance(20 * MINUTE);
    expect((await refreshed(browser)).status).toBe(403);
    expect((await browser.raw("GET", "/dbsc/refresh")).status).toBe(401);
  });

  test.each(["/dbsc/refresh/", "/DBSC/refresh", "//dbsc/refresh", "/dbsc/refresh/../../write"])(
    "is not passed by a path that only looks like it: %s",
    async (path) => {
      expect(rig.device.owns({ method: "POST", url: path })).toBe(false);
    },
  );

  test("ends a session once and tells of it once, however many requests come at a time", async () => {
    const browser = await rig.boundBrowser();
    rig.clock.advance(MINUTE);
    const thief = rig.browser({ plain: true });
    takeCookies(thief, browser, undefined);
    const seen = await Promise.all(Array.from({ length: 8 }, () => thief.get("/")));
    expect(seen.filter(({ text }) => text === "ann")).toEqual([]);
    expect(rig.told()).toEqual(["registered", "session stolen!"]);
  });
});

describe("what cannot be read", () => {
  const spoilt = async (text: string): Promise<void> => {
    const [info] = await rig.manager.sessionsOf("ann");
    const call = { signal: new AbortController().signal };
    const record = info && (await rig.store.read(info.id, call));
    if (!record) throw new Error("there is no session");
    const { epoch } = record;
    await rig.store.update(record.id, { now: rig.clock.now(), epoch, set: { "~~bound": text } }, call);
  };

  test.each(["{half", "{}", '{"binding":{}}', "null", "42"])(
    "closes the door (rule e; row 26): %s",
    async (text) => {
      const browser = await rig.boundBrowser();
      await spoilt(text);
      expect((await browser.get("/")).status).toBe(401);
      expect(await rig.manager.sessionsOf("ann")).toEqual([]);
      expect(rig.told()).toEqual(["registered", "binding corrupt!"]);
    },
  );

  test("closes it at a refresh as well", async () => {
    const browser = await rig.boundBrowser();
    await spoilt('{"binding":{}}');
    expect((await refreshed(browser)).status).toBe(401);
    expect(await rig.manager.sessionsOf("ann")).toEqual([]);
  });

  test("only is told of where the gate reports", async () => {
    await restarted({ enforce: "report" });
    const browser = await rig.boundBrowser();
    await spoilt("{half");
    expect((await browser.raw("GET", "/")).text).toBe("ann");
    expect((await refreshed(browser)).status).toBe(401);
    expect(rig.told()).toEqual(["registered", "binding corrupt!", "binding corrupt!"]);
  });
});

describe("changes of privilege", () => {
  test("keep the binding when the user authenticates again, and offer another at a login", async () => {
    const browser = await rig.boundBrowser();
    await browser.post("/reauthenticate");
    await browser.post("/rotate");
    rig.clock.advance(10 * MINUTE);
    expect((await browser.get("/")).text).toBe("ann");
    const first = browser.session?.id;
    await browser.post("/login");
    await browser.settled();
    expect(browser.session?.id).not.toBe(first);
    expect(browser.session?.id.split(".")[0]).toBe(first?.split(".")[0]);
    rig.clock.advance(10 * MINUTE);
    expect((await browser.get("/")).text).toBe("ann");
    expect(rig.told().filter((what) => what.endsWith("!"))).toEqual([]);
  });

  test("of another user end the binding with the session, and both cookies", async () => {
    const browser = await rig.boundBrowser();
    const seen = await browser.post("/login?user=bob");
    expect(seen.headers.getSetCookie().map((line) => line.split(";")[0]?.replace(/=.+/, "=…"))).toEqual([
      "__Host-Http-sid=…",
      "__Host-bound=",
    ]);
    await browser.settled();
    expect((await browser.get("/")).text).toBe("bob");
    expect(rig.told()).toEqual(["registered", "registered"]);
  });
});

describe("a browser in trouble", () => {
  test("keeps its session when the store is down at a refresh, and is stopped when it comes without a cookie", async () => {
    const browser = await rig.boundBrowser();
    rig.clock.advance(10 * MINUTE);
    const { update } = rig.store;
    rig.store.update = () => Promise.reject(new Error("down"));
    expect(await browser.refresh()).toBe("server_error");
    rig.store.update = update;
    expect(browser.session).not.toBe(null);
    expect((await browser.get("/")).text).toBe("ann");
    expect(browser.story.slice(-1)).toEqual(["refreshed"]);
  });

  test("that signed too often has to wait, and is not let in for that", async () => {
    const browser = await rig.boundBrowser();
    for (let round = 0; round < 6; round += 1) await browser.refresh();
    expect(await browser.refresh()).toBe("quota_exceeded");
    rig.clock.advance(9 * MINUTE);
    expect(await browser.refresh()).toBe(null);
    expect((await browser.get("/")).text).toBe("ann");
  });

  test("that lost the answer to a refresh refreshes again", async () => {
    let cut = false;
    const browser = await rig.boundBrowser({
      send: async (request) => {
        const response = await fetch(request);
        if (cut && response.status === 200) throw new TypeError("the line was cut");
        return response;
      },
    });
    cut = true;
    expect(await browser.refresh()).toBe("unreachable");
    cut = false;
    rig.clock.advance(10 * MINUTE);
    expect((await browser.get("/")).text).toBe("ann");
    expect(browser.story.slice(1)).toEqual(["challenged", "unreachable", "challenged", "refreshed"]);
  });
});

describe("nothing secret", () => {
  test("is stored: of the cookie, the offer and its authorization there are hashes", async () => {
    const all = async () =>
      JSON.stringify(await rig.manager.sessionsOf("ann")) + JSON.stringify(await records());
    const records = async () => {
      const [info] = await rig.manager.sessionsOf("ann");
      return info && (await rig.store.read(info.id, { signal: new AbortController().signal }));
    };
    const browser = rig.browser({ plain: true });
    const offer = await offeredTo(browser);
    expect(await all()).toContain("~~bound");
    for (const secret of [offer.challenge, offer.authorization]) expect(await all()).not.toContain(secret);
    await registered(browser, offer);
    const value = browser.boundCookie ?? "";
    expect(value).not.toBe("");
    expect(await all()).not.toContain(value);
    expect(JSON.stringify(rig.events)).not.toContain(value);
  });
});

describe("a proof that is none", () => {
  test.each(["report", "off"] as const)(
    "is told of, and asked for again, where the gate is on %s",
    async (enforce) => {
      await restarted({ enforce });
      const browser = await rig.boundBrowser();
      const challenge = await challenged(browser);
      const seen = await refreshed(browser, await refreshProof(await newKey(), { jti: challenge }));
      expect([seen.status, challengeOf(seen, browser.session?.id ?? "")]).toEqual([403, challenge]);
      expect(rig.events.at(-1)).toMatchObject({
        what: "proof refused",
        alarming: true,
        details: { enforced: false },
      });
      expect((await browser.get("/")).text).toBe("ann");
    },
  );
});

describe("a locked session (NIST SP 800-63B-4, 2.2.3)", () => {
  beforeEach(async () => {
    await rig.close();
    rig = await rigOf({}, undefined, { idle: "15m", onIdle: "lock" });
  });

  test("refreshes, and stays locked", async () => {
    const browser = await rig.boundBrowser();
    rig.clock.advance(20 * MINUTE);
    expect((await browser.get("/")).text).toBe("nobody");
    expect(browser.story.slice(1)).toEqual(["challenged", "refreshed"]);
    rig.clock.advance(10 * MINUTE);
    expect((await browser.get("/")).text).toBe("nobody");
    expect(rig.told()).toEqual(["registered", "refreshed", "refreshed"]);
  });

  test("is not opened by a thief, nor registered by one", async () => {
    const browser = await rig.boundBrowser();
    rig.clock.advance(20 * MINUTE);
    const thief = rig.browser({ plain: true });
    takeCookies(thief, browser, undefined);
    expect((await registered(thief, { challenge: "x", authorization: null })).status).toBe(401);
    expect((await thief.get("/")).status).toBe(401);
    expect(rig.events.at(-1)).toMatchObject({ what: "session stolen", user: "ann" });
  });
});

test("an answer that has the cookie expired already carries it once (K4)", async () => {
  const browser = await rig.boundBrowser();
  const seen = await browser.post("/prove-and-leave");
  const names = seen.headers.getSetCookie().map((line) => line.split("=")[0] ?? "");
  expect(names.sort()).toEqual(["__Host-Http-sid", "__Host-bound"]);
});

test("an address to come back to is one of this site", () => {
  for (const url of [
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "/a\r\nb",
    "pay",
    "",
    "/dbsc/refresh",
  ])
    expect(() => rig.device.proveAgain(url)).toThrow(/path and query/);
  expect(rig.device.proveAgain("/pay?x=1").headers).toContainEqual(["Location", "/pay?x=1"]);
});

test("a proof that another device's key made is somebody else's: the session ends (rule d)", async () => {
  const browser = await rig.boundBrowser();
  const challenge = await challenged(browser);
  const seen = await refreshed(browser, await refreshProof(await newKey(), { jti: challenge }));
  expect(seen.status).toBe(401);
  expect((await browser.raw("GET", "/")).text).toBe("nobody");
  expect(rig.told()).toEqual(["registered", "proof refused!"]);
  expect(rig.events[1]).toMatchObject({ details: { reason: "signature", enforced: true } });
});
