import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bound } from "../../src/bound.ts";
import type { Answer, Ask } from "../../src/endpoint.ts";
import { SessionError } from "../../src/index.ts";
import { site } from "../support/site.ts";
import { offerOf } from "./support/browser.ts";
import { type DeviceKey, newKey, refreshProof, registrationProof } from "./support/signing.ts";

/** The endpoint by itself, without a server. */

const askOf = (url: string, headers: Readonly<Record<string, string>> = {}, method = "POST"): Ask => ({
  method,
  url,
  address: "192.0.2.1",
  header: (name) => headers[name],
  fields: () => Promise.resolve(new Map()),
  text: () => Promise.resolve(""),
});

let key: DeviceKey;
let device: ReturnType<typeof bound>;
let house: ReturnType<typeof site>;
let cookie: string;
let id: string;

const call = async (url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> => {
  const { session } = await house.open(cookie);
  return await device.endpoint(askOf(url, headers), session);
};

beforeEach(async () => {
  key = await newKey();
  device = bound({ enforce: "report" });
  house = site({ extensions: [device] });
  const login = await house.visit(undefined, (session) => session.login("ann"));
  cookie = login.cookie ?? "";
  const offer = offerOf(login.exchange.headers.get("secure-session-registration") ?? "");
  const proof = await registrationProof(key, { jti: offer.challenge, authorization: offer.authorization });
  const { body } = await call("/dbsc/register", { "secure-session-response": proof });
  id = (JSON.parse(body) as { session_identifier: string }).session_identifier;
});
afterEach(() => house.manager.close());

test("answers at its two paths, by one method", async () => {
  const { session } = await house.open(cookie);
  expect((await device.endpoint(askOf("/dbsc/other"), session)).status).toBe(404);
  expect((await device.endpoint(askOf("/dbsc"), session)).status).toBe(404);
  for (const path of ["/dbsc/register", "/dbsc/refresh"]) {
    const { status, headers } = await device.endpoint(askOf(path, {}, "GET"), session);
    expect([status, headers.find(([name]) => name === "Allow")?.[1]]).toEqual([405, "POST"]);
  }
});

test("answers without a session at all, where a path has none", async () => {
  expect((await device.register(askOf("/dbsc/register"), null)).status).toBe(401);
  const known = await device.refresh(askOf("/dbsc/refresh", { "sec-secure-session-id": id }), null);
  expect(known.status).toBe(403);
  const unknown = await device.refresh(askOf("/dbsc/refresh", { "sec-secure-session-id": "x" }), null);
  expect(unknown.status).toBe(401);
});

test("is refused from a page of another site", async () => {
  const from = { "sec-fetch-site": "cross-site", "sec-secure-session-id": id };
  expect((await call("/dbsc/refresh", from)).status).toBe(400);
});

test("answers 503, for which browsers keep their session, when the store fails or others are first every time", async () => {
  const failures = ["ERR_SESSION_STORE_UNAVAILABLE", "ERR_SESSION_CONFLICT", "ERR_SESSION_UNKNOWN"] as const;
  for (const code of failures) {
    const { session } = await house.open(cookie);
    const challenge = await device.refresh(askOf("/dbsc/refresh", { "sec-secure-session-id": id }), session);
    const header = challenge.headers.find(([name]) => name === "Secure-Session-Challenge")?.[1] ?? "";
    const jti = /^"([^"]+)"/.exec(header)?.[1];
    Object.defineProperty(session, "commit", {
      value: () => Promise.reject(new SessionError(code, "told by the test")),
    });
    const proof = await refreshProof(key, { jti });
    const ask = askOf("/dbsc/refresh", { "sec-secure-session-id": id, "secure-session-response": proof });
    expect((await device.refresh(ask, session)).status).toBe(503);
  }
});

describe("a session whose secret was renewed while the refresh was under way", () => {
  const proven = async (): Promise<{ readonly answer: () => Promise<Answer> }> => {
    const { session } = await house.open(cookie);
    const challenge = await device.refresh(askOf("/dbsc/refresh", { "sec-secure-session-id": id }), session);
    const header = challenge.headers.find(([name]) => name === "Secure-Session-Challenge")?.[1] ?? "";
    const proof = await refreshProof(key, { jti: /^"([^"]+)"/.exec(header)?.[1] });
    const ask = askOf("/dbsc/refresh", { "sec-secure-session-id": id, "secure-session-response": proof });
    return { answer: () => device.refresh(ask, session) };
  };

  test("has the browser come again, with the cookie that it has by then", async () => {
    const { answer } = await proven();
    await house.visit(cookie, (session) => session.rotate());
    const { status, headers } = await answer();
    expect(status).toBe(403);
    expect(headers.map(([name]) => name)).not.toContain("Set-Cookie");
    expect(await house.manager.sessionsOf("ann")).toHaveLength(1);
  });

  test("is over where it ended, or where another login took it over", async () => {
    const first = await proven();
    await house.visit(cookie, (session) => session.login("ann"));
    expect((await first.answer()).status).toBe(401);
  });

  test("is over where it was logged out", async () => {
    const { answer } = await proven();
    await house.visit(cookie, (session) => session.logout());
    expect((await answer()).status).toBe(401);
  });
});

test("does not hide a mistake of the application", async () => {
  const { session } = await house.open(cookie);
  Object.defineProperty(session, "commit", {
    value: () => Promise.reject(new SessionError("ERR_SESSION_LIMIT", "told by the test")),
  });
  const ask = askOf("/dbsc/refresh", { "sec-secure-session-id": id });
  await expect(device.refresh(ask, session)).rejects.toThrow("told by the test");
});

describe("whatever is sent", () => {
  test("gets an answer that is no redirect and no error of the server, and harms nobody", async () => {
    const proof = await refreshProof(key, { jti: "x" });
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(id, `"${id}"`, proof, `"${proof}"`, `${proof}x`, "..", '"', "a;b=?1", "unreachable"),
    );
    const names = [
      "sec-secure-session-id",
      "sec-session-id",
      "secure-session-response",
      "sec-session-response",
      "secure-session-skipped",
      "authorization",
      "sec-fetch-site",
    ];
    const headers = fc.dictionary(fc.constantFrom(...names), text);
    const urls = fc.constantFrom("/dbsc/register", "/dbsc/refresh", "/dbsc/refresh?x=1", "/dbsc/", "/");
    await fc.assert(
      fc.asyncProperty(urls, headers, async (url, sent) => {
        const { status } = await call(url, sent);
        expect([400, 401, 403, 404]).toContain(status);
      }),
    );
    expect(await house.manager.sessionsOf("ann")).toHaveLength(1);
  });
});
