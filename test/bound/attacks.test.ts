import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { challengeOf, offerOf, type TestBrowser } from "./support/browser.ts";
import { MINUTE, type Rig, rigOf } from "./support/rig.ts";
import { encoded, newKey, refreshProof, registrationProof } from "./support/signing.ts";

/** What somebody can do who has the session's cookie, or more, but not the device. */

let rig: Rig;
let victim: TestBrowser;
let thief: TestBrowser;
beforeEach(async () => {
  rig = await rigOf();
  victim = await rig.boundBrowser();
  thief = rig.browser({ plain: true });
  rig.clock.advance(MINUTE);
});
afterEach(() => rig.close());

function steal(names: readonly string[]): void {
  const lines = names.map((name) => `${name}=${victim.jar.value(name) ?? ""}; Path=/; Secure; HttpOnly`);
  thief.jar.take(lines, rig.origin);
}

const id = (): string => victim.session?.id ?? "";
const refresh = (by: TestBrowser, proof?: string) =>
  by.raw("POST", "/dbsc/refresh", {
    "sec-secure-session-id": id(),
    ...(proof !== undefined && { "secure-session-response": proof }),
  });

/** The victim still has a session, or not. */
const survives = async (): Promise<boolean> => (await rig.manager.sessionsOf("ann")).length === 1;

describe("a thief of the session's cookie", () => {
  beforeEach(() => steal(["__Host-Http-sid"]));

  test("opens nothing, whatever the request is, and is told of", async () => {
    const seen = await thief.post("/write");
    expect(seen.status).toBe(401);
    expect(await survives()).toBe(false);
    expect(rig.told()).toEqual(["registered", "session stolen!"]);
  });

  test("cannot guess the bound cookie", async () => {
    thief.jar.take([`__Host-bound=${"A".repeat(32)}; Path=/; Secure; HttpOnly`], rig.origin);
    expect((await thief.get("/")).status).toBe(401);
    expect(rig.events[1]).toMatchObject({ details: { cookie: "wrong" } });
  });

  test("cannot register a key of their own", async () => {
    const key = await newKey();
    const challenge = challengeOf(await refresh(thief), id());
    const proof = await registrationProof(key, { jti: challenge });
    const seen = await thief.raw("POST", "/dbsc/register", { "secure-session-response": proof });
    expect(seen.status).toBe(400);
    expect((await victim.get("/")).text).toBe("ann");
    expect(rig.told()).toEqual(["registered", "registration refused!"]);
  });

  test("cannot refresh: a proof of another key ends the session", async () => {
    const challenge = challengeOf(await refresh(thief), id());
    const seen = await refresh(thief, await refreshProof(await newKey(), { jti: challenge }));
    expect([seen.status, seen.headers.getSetCookie()]).toEqual([401, []]);
    expect(await survives()).toBe(false);
  });

  test("cannot swap the key by bringing another in the proof's header", async () => {
    const challenge = challengeOf(await refresh(thief), id());
    const seen = await refresh(thief, await registrationProof(await newKey(), { jti: challenge }));
    expect(seen.status).toBe(401);
    expect(rig.events.at(-1)).toMatchObject({ what: "proof refused", details: { reason: "signature" } });
  });

  test.each(["none", "None", "HS256", "RS256"])("cannot do without a signature: alg %s", async (alg) => {
    const challenge = challengeOf(await refresh(thief), id());
    const proof = `${encoded({ typ: "dbsc+jwt", alg })}.${encoded({ jti: challenge })}.`;
    expect((await refresh(thief, proof)).status).toBe(401);
    expect(rig.events.at(-1)).toMatchObject({ details: { reason: "algorithm" } });
  });

  test("gets nothing by a path that is the endpoint's, nor by another method", async () => {
    expect((await thief.raw("POST", "/dbsc/refresh/x")).status).toBe(401);
    expect(await survives()).toBe(false);
  });
});

describe("a thief of everything that was ever sent", () => {
  test("cannot replay a proof: neither to the same session nor to another", async () => {
    const challenge = challengeOf(await refresh(victim), id());
    const proof = await refreshProof(victim.session?.key ?? (await newKey()), { jti: challenge });
    expect((await refresh(victim, proof)).status).toBe(200);
    steal(["__Host-Http-sid"]);
    const replayed = await refresh(thief, proof);
    expect([replayed.status, replayed.headers.getSetCookie()]).toEqual([403, []]);

    const own = rig.browser();
    await own.post("/login?user=mallory");
    await own.settled();
    const seen = await own.raw("POST", "/dbsc/refresh", {
      "sec-secure-session-id": own.session?.id ?? "",
      "secure-session-response": proof,
    });
    expect(seen.status).toBe(401);
    expect((await victim.get("/")).text).toBe("ann");
  });

  test("cannot use the victim's session by their own key and cookie", async () => {
    const own = rig.browser();
    await own.post("/login?user=mallory");
    await own.settled();
    const seen = await own.raw("POST", "/dbsc/refresh", { "sec-secure-session-id": id() });
    expect(seen.status).toBe(401);
    const bound = own.boundCookie ?? "";
    steal(["__Host-Http-sid"]);
    thief.jar.take([`__Host-bound=${bound}; Path=/; Secure; HttpOnly`], rig.origin);
    expect((await thief.get("/")).status).toBe(401);
  });

  test("has both cookies for as long as the bound one lives, and no longer", async () => {
    steal(["__Host-Http-sid", "__Host-bound"]);
    expect((await thief.get("/")).text).toBe("ann");
    rig.clock.advance(12 * MINUTE);
    expect((await thief.get("/")).status).toBe(401);
    expect(await survives()).toBe(false);
  });

  test("cannot answer somebody else's offer, nor an old one", async () => {
    const own = rig.browser({ plain: true });
    const offer = offerOf((await own.post("/login")).headers.get("secure-session-registration") ?? "");
    const other = rig.browser({ plain: true });
    await other.post("/login?user=mallory");
    const proof = await registrationProof(await newKey(), {
      jti: offer.challenge,
      authorization: offer.authorization,
    });
    expect((await other.raw("POST", "/dbsc/register", { "secure-session-response": proof })).status).toBe(
      400,
    );
    await own.post("/login");
    expect((await own.raw("POST", "/dbsc/register", { "secure-session-response": proof })).status).toBe(400);
  });
});

describe("somebody who knows a session's id alone", () => {
  test("cannot end it, with whatever proof they make", async () => {
    for (const proof of ["x", "a.b.c", await refreshProof(await newKey(), { jti: "x" })])
      expect((await refresh(thief, proof)).status).toBe(403);
    expect((await victim.get("/")).text).toBe("ann");
  });
});

describe("too much, or nonsense", () => {
  test("is refused without an error of the server", async () => {
    steal(["__Host-Http-sid"]);
    const long = "A".repeat(7000);
    const texts = ["", '"', "..", "a.b.c", long, `${long}.${long}`, "x y", '"\\"'];
    for (const text of texts) {
      const { status } = await thief.raw("POST", "/dbsc/register", { "secure-session-response": text });
      expect(status).toBe(400);
    }
    for (const text of texts) {
      const own = await rig.boundBrowser();
      const { status } = await own.raw("POST", "/dbsc/refresh", {
        "sec-secure-session-id": own.session?.id ?? "",
        "secure-session-response": text,
      });
      expect(status).toBe(text === "" ? 403 : 401);
    }
    for (const text of ["x".repeat(7000), '"a', "a b", "\u00e4"]) {
      const { status } = await victim.raw("POST", "/dbsc/refresh", { "sec-secure-session-id": text });
      expect([400, 401]).toContain(status);
    }
    expect((await victim.get("/")).text).toBe("ann");
  });

  test("in the bound cookie is the wrong cookie, and never an error", async () => {
    for (const value of ["", "x".repeat(3000), "%00", "ü", '"quoted"']) {
      const own = await rig.boundBrowser();
      rig.clock.advance(MINUTE);
      const sid = own.jar.value("__Host-Http-sid") ?? "";
      const response = await fetch(rig.origin, {
        headers: { cookie: `__Host-Http-sid=${sid}; __Host-bound=${encodeURI(value)}` },
      });
      expect(response.status).toBe(401);
    }
  });
});
