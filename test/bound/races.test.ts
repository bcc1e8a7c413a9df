import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { memoryStore } from "../../src/stores/memory.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { manualClock } from "../../src/testing/index.ts";
import { challengeOf, offerOf, type TestBrowser } from "./support/browser.ts";
import { MINUTE, type Rig, rigOf } from "./support/rig.ts";
import { newKey, refreshProof, registrationProof } from "./support/signing.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const STORES = {
  memory: () => memoryStore(),
  sqlite: () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-bound-"));
    closing.push(() => rmSync(folder, { recursive: true, force: true }));
    return sqliteStore(join(folder, "sessions.db"));
  },
};

for (const [name, open] of Object.entries(STORES)) {
  describe(`what happens at the same time, on ${name}`, () => {
    const started = async (): Promise<Rig> => {
      const rig = await rigOf({}, undefined, { store: open() });
      closing.unshift(() => rig.close());
      return rig;
    };
    const refresh = (browser: TestBrowser, proof?: string) =>
      browser.raw("POST", "/dbsc/refresh", {
        "sec-secure-session-id": browser.session?.id ?? "",
        ...(proof !== undefined && { "secure-session-response": proof }),
      });
    const proofOf = async (browser: TestBrowser): Promise<string> => {
      const { session } = browser;
      if (session === null) throw new Error("it is not bound");
      const challenge = challengeOf(await refresh(browser), session.id);
      return await refreshProof(session.key, { jti: challenge });
    };
    const alarms = (rig: Rig): string[] => rig.told().filter((what) => what.endsWith("!"));

    test("of parallel refreshes with one proof, one wins and all others are told to try again", async () => {
      const rig = await started();
      const browser = await rig.boundBrowser();
      const proof = await proofOf(browser);
      const seen = await Promise.all(Array.from({ length: 8 }, () => refresh(browser, proof)));
      const statuses = seen.map(({ status }) => status).sort((one, other) => one - other);
      expect(statuses).toEqual([200, ...Array<number>(7).fill(403)]);
      const won = seen.find(({ status }) => status === 200);
      const next = won && challengeOf(won, browser.session?.id ?? "");
      const others = seen.filter(({ status }) => status === 403);
      for (const other of others) expect(challengeOf(other, browser.session?.id ?? "")).toBe(next);
      rig.clock.advance(9 * MINUTE);
      expect((await browser.raw("GET", "/")).text).toBe("ann");
      expect(alarms(rig)).toEqual([]);
    });

    test("of parallel registrations for one offer, one wins", async () => {
      const rig = await started();
      const browser = rig.browser({ plain: true });
      const offer = offerOf((await browser.post("/login")).headers.get("secure-session-registration") ?? "");
      const payload = { jti: offer.challenge, authorization: offer.authorization };
      const proofs = await Promise.all(
        Array.from({ length: 6 }, async () => await registrationProof(await newKey(), payload)),
      );
      const seen = await Promise.all(
        proofs.map((proof) => browser.raw("POST", "/dbsc/register", { "secure-session-response": proof })),
      );
      expect(seen.map(({ status }) => status).sort((one, other) => one - other)).toEqual([
        200, 400, 400, 400, 400, 400,
      ]);
    });

    test("no refresh is undone by requests that change the session (row 26)", async () => {
      const rig = await started();
      const browser = await rig.boundBrowser();
      for (let round = 0; round < 4; round += 1) {
        rig.clock.advance(MINUTE);
        const proof = await proofOf(browser);
        const writes = Array.from({ length: 6 }, () => browser.raw("POST", "/write"));
        const [refreshed, ...written] = await Promise.all([refresh(browser, proof), ...writes]);
        expect([refreshed.status, ...written.map(({ status }) => status)]).toEqual(Array(7).fill(200));
      }
      expect((await browser.raw("POST", "/write")).text).toBe("25");
      expect(alarms(rig)).toEqual([]);
    });

    test("a registration is not undone by requests of the page that began it (row 26)", async () => {
      const rig = await started();
      const browser = rig.browser();
      await browser.post("/login");
      await Promise.all([
        browser.settled(),
        ...Array.from({ length: 6 }, () => browser.raw("POST", "/write")),
      ]);
      expect(browser.story).toEqual(["registered ES256"]);
      rig.clock.advance(MINUTE);
      const thief = rig.browser({ plain: true });
      thief.jar.take(
        [`__Host-Http-sid=${browser.jar.value("__Host-Http-sid")}; Path=/; Secure; HttpOnly`],
        rig.origin,
      );
      expect((await thief.get("/")).status).toBe(401);
    });

    test("a refresh that races a logout ends, and brings nothing back", async () => {
      const rig = await started();
      for (let round = 0; round < 6; round += 1) {
        const browser = await rig.boundBrowser();
        const proof = await proofOf(browser);
        const [refreshed] = await Promise.all([refresh(browser, proof), browser.raw("POST", "/logout")]);
        expect([200, 401]).toContain(refreshed.status);
        expect(await rig.manager.sessionsOf("ann")).toEqual([]);
        expect((await refresh(browser)).status).toBe(401);
      }
      expect(alarms(rig)).toEqual([]);
    });

    test.each(["/rotate", "/reauthenticate"])(
      "a refresh that races a change of privilege loses nobody their session: %s",
      async (path) => {
        const rig = await started();
        const browser = await rig.boundBrowser();
        for (let round = 0; round < 6; round += 1) {
          rig.clock.advance(9 * MINUTE);
          const [, changed] = await Promise.all([browser.refresh(), browser.raw("POST", path)]);
          expect(changed.status).toBe(200);
          expect(browser.session).not.toBe(null);
          expect((await browser.get("/")).text).toBe("ann");
        }
        expect(alarms(rig)).toEqual([]);
      },
    );

    test("a refresh that comes by a secret which was renewed a moment ago is told to come again", async () => {
      const rig = await started();
      const browser = await rig.boundBrowser();
      const old = browser.jar.header(rig.origin) ?? "";
      await browser.raw("POST", "/reauthenticate");
      const answer = await fetch(`${rig.origin}/dbsc/refresh`, {
        method: "POST",
        headers: { cookie: old, "sec-secure-session-id": browser.session?.id ?? "" },
      });
      expect(answer.status).toBe(403);
      expect(await browser.refresh()).toBe(null);
      expect(browser.story.slice(-1)).toEqual(["refreshed"]);
    });

    test("a refresh that races a new login ends the old binding alone", async () => {
      const rig = await started();
      const browser = await rig.boundBrowser();
      for (let round = 0; round < 4; round += 1) {
        const old = browser.session?.id ?? "";
        const proof = await proofOf(browser);
        const [refreshed, login] = await Promise.all([refresh(browser, proof), browser.post("/login")]);
        expect([200, 401, 403]).toContain(refreshed.status);
        expect(login.status).toBe(200);
        await browser.settled();
        expect(browser.session?.id).not.toBe(old);
        const late = await browser.raw("POST", "/dbsc/refresh", { "sec-secure-session-id": old });
        expect(late.status).toBe(401);
        rig.clock.advance(10 * MINUTE);
        expect((await browser.get("/")).text).toBe("ann");
      }
      expect(alarms(rig)).toEqual([]);
    });

    test("a refresh by the secret before a periodic rotation is a refresh like any other", async () => {
      const rig = await rigOf({}, undefined, { store: open(), rotateEvery: "15m", idle: "8h" });
      closing.unshift(() => rig.close());
      const browser = await rig.boundBrowser();
      for (let round = 0; round < 5; round += 1) {
        rig.clock.advance(11 * MINUTE);
        const seen = await Promise.all(Array.from({ length: 4 }, () => browser.get("/")));
        expect(seen.map(({ text }) => text)).toEqual(Array(4).fill("ann"));
      }
      expect(alarms(rig)).toEqual([]);
      expect(browser.story.filter((what) => what.startsWith("ended"))).toEqual([]);
    });
  });
}

test("servers that share a store bind and refresh one session between them", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bound-"));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "sessions.db");
  const clock = manualClock();
  const one = await rigOf({}, undefined, { store: sqliteStore(file), clock });
  const other = await rigOf({}, undefined, { store: sqliteStore(file), clock });
  closing.unshift(
    () => one.close(),
    () => other.close(),
  );
  let turn = 0;
  const send = (request: Request): Promise<Response> => {
    turn += 1;
    const url = turn % 2 === 0 ? request.url : request.url.replace(one.origin, other.origin);
    return fetch(url, { method: request.method, headers: request.headers, redirect: "manual" });
  };
  const browser = await one.boundBrowser({ send });
  for (let round = 0; round < 6; round += 1) {
    clock.advance(10 * MINUTE);
    const seen = await Promise.all(Array.from({ length: 4 }, () => browser.get("/")));
    expect(seen.map(({ text }) => text)).toEqual(Array(4).fill("ann"));
  }
  const { session } = browser;
  if (session === null || session.challenge === null) throw new Error("it is not bound");
  const headers = {
    "sec-secure-session-id": session.id,
    "secure-session-response": await refreshProof(session.key, { jti: session.challenge }),
  };
  const seen = await Promise.all(
    Array.from({ length: 6 }, () => browser.raw("POST", "/dbsc/refresh", headers)),
  );
  expect(seen.map(({ status }) => status).sort((left, right) => left - right)).toEqual([
    200,
    ...Array<number>(5).fill(403),
  ]);
  expect([...one.told(), ...other.told()].filter((what) => what.endsWith("!"))).toEqual([]);
});
