import { createHmac } from "node:crypto";
import { createRemoteJWKSet, exportSPKI, importJWK } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { fetchEndpoint, MAX_BODY_BYTES } from "../../src/endpoint.ts";
import {
  type SecurityEvent,
  sessionRevoked,
  type SessionRevokedOptions,
  type SignalRefusal,
} from "../../src/federation.ts";
import type { AnySession, LoginOptions } from "../../src/index.ts";
import { failsBefore, gate, waitsBefore } from "../../src/testing/index.ts";
import { codeOf, done, noUnhandledRejections, type Rig, rig, seen, sibling } from "../races/rig.ts";
import {
  CLIENT,
  FORM,
  ISSUER,
  LOGOUT,
  type ProviderKey,
  providerKey,
  REVOKED,
  SET,
  signed,
} from "./support/keys.ts";
import { claimsOf, keyServer, type Post, posting, type Reply } from "./support/provider.ts";

noUnhandledRejections();

const VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification";
const SESSION = { format: "opaque", id: "x1" };
const USER = { format: "iss_sub", iss: ISSUER, sub: "s1" };

let es: ProviderKey;
let rs: ProviderKey;
let stranger: ProviderKey;
let count = 0;

beforeAll(async () => {
  [es, rs, stranger] = await Promise.all([
    providerKey("ES256", "es-1"),
    providerKey("RS256", "rs-1"),
    providerKey("ES256", "es-1"),
  ]);
});

interface Scene extends Rig {
  readonly post: Post;
  readonly refusals: SignalRefusal[];
}

async function scene(options: Partial<SessionRevokedOptions> = {}, where: Rig = rig()): Promise<Scene> {
  const refusals: SignalRefusal[] = [];
  const endpoint = sessionRevoked(where.manager, {
    issuer: ISSUER,
    audience: CLIENT,
    keys: { keys: [es.public, rs.public] },
    clock: where.clock,
    onRefused: (refusal) => void refusals.push(refusal),
    ...options,
  });
  return { ...where, post: await posting(endpoint, SET), refusals };
}

function seconds({ clock }: Pick<Rig, "clock">): number {
  return Math.floor(clock.now() / 1000);
}

function claims(where: Pick<Rig, "clock">, changes: object = {}): object {
  count += 1;
  const iat = seconds(where);
  const base = { iss: ISSUER, aud: CLIENT, iat, jti: `e${count}`, events: { [REVOKED]: {} } };
  return claimsOf({ ...base, sub_id: SESSION }, changes);
}

function eventToken(where: Pick<Rig, "clock">, changes: object = {}, header: object = {}): Promise<string> {
  return signed(es, claims(where, changes), { typ: "secevent+jwt", ...header });
}

async function send({ post }: Pick<Scene, "post">, token: string | Promise<string>): Promise<Reply> {
  return await post(await token, { accept: "application/json" });
}

const NAMED = { issuer: ISSUER, subject: "s1", session: "x1" };

async function login(
  where: Pick<Rig, "manager">,
  options: LoginOptions = { identity: NAMED },
  user = "ann",
): Promise<string> {
  return (await done(where, undefined, (session: AnySession) => void session.login(user, options))) ?? "";
}

async function isIn(where: Pick<Rig, "manager">, cookie: string): Promise<boolean> {
  return (await seen(where, cookie)) !== null;
}

async function expectRefused(
  where: Scene,
  token: string | Promise<string>,
  err: string,
  about: RegExp,
): Promise<void> {
  const cookie = await login(where);
  const reply = await send(where, token);
  expect(reply.status).toBe(400);
  expect(JSON.parse(reply.body)).toEqual({ err, description: expect.stringMatching(about) as string });
  expect(reply.headers.get("cache-control")).toBe("no-store");
  expect(reply.headers.get("content-type")).toBe("application/json");
  expect(await isIn(where, cookie)).toBe(true);
  expect(where.refusals).toHaveLength(1);
  expect((await send(where, eventToken(where))).status).toBe(202);
  expect(await isIn(where, cookie)).toBe(false);
}

describe("F2, RFC 8935: a session-revoked event", () => {
  test("ends what it is about, and answers 202 with nothing, never to be kept", async () => {
    const where = await scene();
    const meant = await login(where);
    const other = await login(where, { identity: { ...NAMED, session: "x2" } });
    const reply = await send(where, eventToken(where));
    expect(reply).toMatchObject({ status: 202, body: "" });
    expect(reply.headers.get("cache-control")).toBe("no-store");
    expect(await isIn(where, meant)).toBe(false);
    expect(await isIn(where, other)).toBe(true);
    expect(where.of("revoked")).toEqual([{ count: 1, labels: [expect.stringMatching(/^idp-session:/)] }]);
  });

  test("with everything that CAEP lets it say is received", async () => {
    const where = await scene();
    const cookie = await login(where);
    const event = {
      initiating_entity: "policy",
      reason_admin: { en: "Landspeed Policy Violation: C076E82F" },
      reason_user: { en: "Access attempt from multiple regions.", "es-410": "…" },
      event_timestamp: seconds(where) - 5,
    };
    expect(
      (await send(where, eventToken(where, { txn: "8675309", events: { [REVOKED]: event } }))).status,
    ).toBe(202);
    expect(await isIn(where, cookie)).toBe(false);
  });

  test("is received by each of the issuer's algorithms, and without aud being the only one", async () => {
    const where = await scene();
    const token = signed(rs, claims(where, { aud: ["another", CLIENT] }), {
      typ: "application/secevent+jwt",
    });
    expect((await send(where, token)).status).toBe(202);
  });

  test("that comes before its login voids it", async () => {
    const where = await scene();
    expect((await send(where, eventToken(where))).status).toBe(202);
    where.clock.advance(3_600_000);
    expect(await codeOf(login(sibling(where)))).toBe("ERR_SESSION_REVOKED");
  });

  test("that comes as its login is being stored voids it", async () => {
    const where = await scene();
    const hold = gate();
    where.faulty.next("create", waitsBefore(hold));
    const under = login(sibling(where));
    await hold.reached();
    expect((await send(where, eventToken(where, { sub_id: USER }))).status).toBe(202);
    hold.open();
    expect(await codeOf(under)).toBe("ERR_SESSION_REVOKED");
  });
});

describe("F2: the subject of a session-revoked event", () => {
  const opaque = (id: string): object => ({ format: "opaque", id });

  async function crowd(where: Rig): Promise<Readonly<Record<string, string>>> {
    return {
      home: await login(where, { identity: NAMED, device: "d1", tenant: "t1" }),
      work: await login(where, { identity: { ...NAMED, session: "x2" }, device: "d2", tenant: "t1" }),
      other: await login(
        where,
        { identity: { issuer: ISSUER, subject: "s2", session: "x3" }, tenant: "t1" },
        "bob",
      ),
      far: await login(where, { identity: { ...NAMED, issuer: "https://other.example/" } }, "cy"),
    };
  }

  async function left(where: Rig, cookies: Readonly<Record<string, string>>): Promise<string[]> {
    const found: string[] = [];
    for (const [name, cookie] of Object.entries(cookies)) if (await isIn(where, cookie)) found.push(name);
    return found;
  }

  test.each([
    [opaque("x2"), ["home", "other", "far"]],
    [USER, ["other", "far"]],
    [{ format: "aliases", identifiers: [{ format: "email", email: "a@b" }, USER] }, ["other", "far"]],
    [{ format: "complex", session: opaque("x1") }, ["work", "other", "far"]],
    [{ format: "complex", user: USER }, ["other", "far"]],
    [{ format: "complex", user: opaque("s1") }, ["other", "far"]],
    [{ format: "complex", tenant: opaque("t1") }, ["far"]],
    [{ format: "complex", device: opaque("d2") }, ["home", "other", "far"]],
    [{ format: "complex", user: USER, device: opaque("d1") }, ["work", "other", "far"]],
    [{ format: "complex", user: USER, tenant: opaque("t1") }, ["other", "far"]],
    [
      { format: "complex", user: USER, session: opaque("x1"), device: opaque("d1"), tenant: opaque("t1") },
      ["work", "other", "far"],
    ],
    [{ format: "complex", user: USER, session: opaque("x3") }, ["home", "work", "other", "far"]],
    [{ format: "complex", user: USER, tenant: opaque("t2") }, ["home", "work", "other", "far"]],
  ])("%j leaves %j", async (subject, names) => {
    const where = await scene();
    const cookies = await crowd(where);
    expect((await send(where, eventToken(where, { sub_id: subject }))).status).toBe(202);
    expect(await left(where, cookies)).toEqual(names);
  });

  test.each([
    [{ format: "email", email: "a@b.example" }],
    [{ format: "opaque" }],
    [{ format: "opaque", id: "" }],
    [{ format: "opaque", id: 7 }],
    [{ format: "iss_sub", iss: "https://other.example/", sub: "s1" }],
    [{ format: "iss_sub", sub: "s1" }],
    [{ format: "iss_sub", iss: ISSUER }],
    [{ format: "aliases", identifiers: [{ format: "email", email: "a@b" }] }],
    [{ format: "aliases", identifiers: "x" }],
    [{ format: "aliases", identifiers: [{ format: "aliases", identifiers: [USER] }] }],
    [{ format: "complex" }],
    [{ format: "complex", user: USER, group: opaque("g1") }],
    [{ format: "complex", user: USER, org_unit: opaque("o1") }],
    [{ format: "complex", user: USER, application: opaque("a1") }],
    [{ format: "complex", user: { format: "email", email: "a@b" }, tenant: opaque("t1") }],
    [{ format: "complex", user: { ...USER, iss: "https://other.example/" } }],
    [{ format: "complex", session: USER }],
    [{ format: "complex", user: null, tenant: opaque("t1") }],
    [{ format: "complex", device: opaque("d".repeat(201)) }],
    [{ format: "complex", tenant: opaque("t\0") }],
    [{ format: "complex", tenant: { format: "opaque", id: "\ud800" } }],
  ])("%j is refused, for nobody can say which sessions it is about", async (subject) => {
    const where = await scene();
    const cookies = await crowd(where);
    const reply = await send(where, eventToken(where, { sub_id: subject }));
    expect(reply.status).toBe(400);
    expect(JSON.parse(reply.body)).toMatchObject({ err: "invalid_request" });
    expect(await left(where, cookies)).toHaveLength(4);
  });

  test.each([[undefined], [null], ["s1"], [[USER]], [{}], [{ format: "" }], [{ format: 7 }]])(
    "that is %j is refused",
    async (subject) => {
      const where = await scene();
      await expectRefused(where, eventToken(where, { sub_id: subject }), "invalid_request", /sub_id/);
    },
  );

  test("is found by the application where it knows better", async () => {
    const asked: unknown[] = [];
    const where = await scene({
      scopeOf: async (subject, event) => {
        asked.push([subject, event]);
        return subject.format === "email" ? { user: "bob" } : undefined;
      },
    });
    const cookies = await crowd(where);
    const subject = { format: "email", email: "bob@shop.example" };
    const at = seconds(where) - 60;
    const events = { [REVOKED]: { event_timestamp: at, initiating_entity: "admin" } };
    expect((await send(where, eventToken(where, { sub_id: subject, events }))).status).toBe(202);
    expect(await left(where, cookies)).toEqual(["home", "work", "far"]);
    expect(asked).toEqual([[subject, { issuer: ISSUER, subject, events, happenedAt: at * 1000 }]]);
    // What it leaves alone is found as ever.
    expect((await send(where, eventToken(where, { sub_id: USER }))).status).toBe(202);
    expect(await left(where, cookies)).toEqual(["far"]);
  });

  test("is nobody here when the application says so", async () => {
    const where = await scene({ scopeOf: () => null });
    const cookie = await login(where);
    expect((await send(where, eventToken(where))).status).toBe(202);
    expect(await isIn(where, cookie)).toBe(true);
    expect(where.of("revoked")).toEqual([]);
  });

  test("cannot be found at the moment when the application fails: the event is to be sent again", async () => {
    let fails = true;
    const where = await scene({
      scopeOf: () => {
        if (fails) throw new Error("directory-secret");
        return undefined;
      },
    });
    const cookie = await login(where);
    const token = await eventToken(where);
    const reply = await send(where, token);
    expect(reply.status).toBe(503);
    expect(reply.body).not.toContain("secret");
    expect(where.refusals[0]?.cause).toEqual(new Error("directory-secret"));
    fails = false;
    expect((await send(where, token)).status).toBe(202);
    expect(await isIn(where, cookie)).toBe(false);
  });

  test("found wrongly is a mistake of the programmer's", async () => {
    const where = await scene({ scopeOf: () => ({}) });
    expect(await send(where, eventToken(where))).toMatchObject({ status: 500, body: "ERR_SESSION_USE" });
  });
});

describe("ASVS 9.1, 9.2: a security event token is refused", () => {
  const WRONG: Readonly<Record<string, [changes: object, err: string, about: RegExp]>> = {
    "of another issuer": [{ iss: "https://id.example" }, "invalid_issuer", /issuer/],
    "of no issuer": [{ iss: undefined }, "invalid_issuer", /issuer/],
    "for somebody else": [{ aud: "the-bank" }, "invalid_audience", /somebody else/],
    "for nobody": [{ aud: undefined }, "invalid_audience", /somebody else/],
    "without iat": [{ iat: undefined }, "invalid_request", /too old/],
    "without jti": [{ jti: undefined }, "invalid_request", /jti/],
    "without events": [{ events: undefined }, "invalid_request", /events/],
    "with no event": [{ events: {} }, "invalid_request", /events/],
    "whose events are a list": [{ events: [REVOKED] }, "invalid_request", /events/],
    "whose event is no object": [{ events: { [REVOKED]: null } }, "invalid_request", /events/],
    "with a nonce": [{ nonce: "n" }, "invalid_request", /nonce or sub/],
    "with a sub": [{ sub: "s1" }, "invalid_request", /nonce or sub/],
    "whose event_timestamp is no number": [
      { events: { [REVOKED]: { event_timestamp: "now" } } },
      "invalid_request",
      /event_timestamp/,
    ],
    "that has expired": [{ exp: 1 }, "invalid_request", /expired/],
  };

  test.each(Object.entries(WRONG))("%s", async (_name, [changes, err, about]) => {
    const where = await scene();
    await expectRefused(where, eventToken(where, changes), err, about);
  });

  test.each([["JWT"], [undefined], ["logout+jwt"], ["at+jwt"]])("of the type %j", async (typ) => {
    const where = await scene();
    await expectRefused(where, eventToken(where, {}, { typ }), "invalid_request", /type/);
  });

  test("by its type, but where older transmitters are taken too", async () => {
    const where = await scene({ untyped: true });
    for (const typ of [undefined, "JWT"])
      expect((await send(where, eventToken(where, {}, { typ }))).status).toBe(202);
    for (const typ of ["logout+jwt", "at+jwt"])
      expect((await send(where, eventToken(where, {}, { typ }))).status).toBe(400);
  });

  test("by a stranger's key, a key that is not published, none, or the public key as a secret", async () => {
    const where = await scene();
    const cookie = await login(where);
    const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const pem = await exportSPKI((await importJWK(rs.public, "RS256")) as CryptoKey);
    const confused = `${encoded({ alg: "HS256", typ: "secevent+jwt", kid: rs.kid })}.${encoded(claims(where))}`;
    const tokens = [
      await signed(stranger, claims(where), { typ: "secevent+jwt", jwk: stranger.public }),
      await eventToken(where, {}, { kid: "es-9" }),
      `${encoded({ alg: "none", typ: "secevent+jwt" })}.${encoded(claims(where))}.`,
      `${confused}.${createHmac("sha256", pem).update(confused).digest("base64url")}`,
    ];
    for (const token of tokens) {
      const reply = await send(where, token);
      expect(reply.status).toBe(400);
      expect(JSON.parse(reply.body)).toMatchObject({ err: "invalid_key" });
    }
    expect(await isIn(where, cookie)).toBe(true);
  });

  test("a logout token of the same provider, and an event as a logout token", async () => {
    const where = await scene({ untyped: true });
    const token = eventToken(
      where,
      { events: { [LOGOUT]: {} }, sub: "s1", sub_id: undefined },
      { typ: "JWT" },
    );
    await expectRefused(where, token, "invalid_request", /nonce or sub/);
  });

  test("or not, by its age: transmitters send again for long, and may be held to less", async () => {
    const where = await scene();
    const strict = await scene({ maxAge: "2m" }, where);
    const now = seconds(where);
    expect((await send(where, eventToken(where, { iat: now - 86_430 }))).status).toBe(202);
    expect((await send(where, eventToken(where, { iat: now - 86_431 }))).status).toBe(400);
    expect((await send(where, eventToken(where, { iat: now + 31 }))).status).toBe(400);
    expect((await send(strict, eventToken(where, { iat: now - 150 }))).status).toBe(202);
    expect((await send(strict, eventToken(where, { iat: now - 151 }))).status).toBe(400);
  });
});

describe("an event that comes again", () => {
  test("is received again, as RFC 8935 has it, and nobody is ended for it", async () => {
    const where = await scene();
    const other = await scene({}, sibling(where));
    const token = await eventToken(where, { sub_id: USER });
    expect((await send(where, token)).status).toBe(202);
    const cookie = await login(where);
    where.clock.advance(3_600_000);
    expect((await send(other, token)).status).toBe(202);
    expect(await isIn(where, cookie)).toBe(true);
    expect([...where.of("revoked"), ...other.of("revoked")]).toHaveLength(1);
  });

  test("in parallel, to two processes over one store, has its effect once", async () => {
    const where = await scene();
    const other = await scene({}, sibling(where));
    const token = await eventToken(where, { sub_id: USER });
    const replies = await Promise.all(
      Array.from({ length: 16 }, (_, turn) => send(turn % 2 === 0 ? where : other, token)),
    );
    expect(replies.every(({ status }) => status === 202 || status === 503)).toBe(true);
    expect(replies.some(({ status }) => status === 202)).toBe(true);
    expect([...where.of("revoked"), ...other.of("revoked")]).toHaveLength(1);
  });

  test("is not used up by a store that failed", async () => {
    const where = await scene();
    const cookie = await login(where);
    const token = await eventToken(where);
    where.faulty.always("deleteByLabel", failsBefore());
    const reply = await send(where, token);
    expect(reply.status).toBe(503);
    expect(reply.headers.get("retry-after")).toBe("5");
    expect(reply.headers.get("cache-control")).toBe("no-store");
    where.faulty.heal();
    expect((await send(where, token)).status).toBe(202);
    expect(await isIn(where, cookie)).toBe(false);
  });

  test("is not used up by keys that were out of reach", async () => {
    const server = await keyServer(es);
    server.status = 503;
    const where = await scene({ keys: createRemoteJWKSet(server.url) });
    const token = await eventToken(where);
    expect((await send(where, token)).status).toBe(503);
    server.status = 200;
    expect((await send(where, token)).status).toBe(202);
  });
});

describe("an event of another kind", () => {
  const stream = { format: "opaque", id: "stream-1" };

  test("is received, and nothing follows", async () => {
    const where = await scene();
    const cookie = await login(where);
    const events = { "https://schemas.openid.net/secevent/caep/event-type/credential-change": {} };
    expect((await send(where, eventToken(where, { events }))).status).toBe(202);
    expect((await send(where, eventToken(where, { events, sub_id: undefined }))).status).toBe(202);
    expect(await isIn(where, cookie)).toBe(true);
  });

  test("is given to the application, once", async () => {
    const others: SecurityEvent[] = [];
    const where = await scene({ onOther: (event) => void others.push(event) });
    const events = { [VERIFICATION]: { state: "abc" } };
    const token = await eventToken(where, { events, sub_id: stream });
    expect((await send(where, token)).status).toBe(202);
    expect((await send(where, token)).status).toBe(202);
    expect(others).toEqual([{ issuer: ISSUER, subject: stream, events, happenedAt: null }]);
    expect((await send(where, eventToken(where))).status).toBe(202);
    expect(others).toHaveLength(1);
  });

  test("that the application could not take is to be sent again", async () => {
    let calls = 0;
    const where = await scene({
      onOther: () => {
        calls += 1;
        return calls === 1 ? Promise.reject(new Error("queue")) : undefined;
      },
    });
    const token = await eventToken(where, { events: { [VERIFICATION]: {} }, sub_id: stream });
    expect((await send(where, token)).status).toBe(503);
    expect((await send(where, token)).status).toBe(202);
    expect(calls).toBe(2);
  });
});

describe("the request that bears an event", () => {
  test.each([
    ["application/json", (token: string) => JSON.stringify({ token })],
    [FORM, (token: string) => `token=${token}`],
    ["application/jwt", (token: string) => token],
    ["", (token: string) => token],
  ])("is refused as %j", async (type, bodyOf) => {
    const where = await scene();
    const reply = await where.post(bodyOf(await eventToken(where)), { "content-type": type });
    expect(reply.status).toBe(400);
    expect(JSON.parse(reply.body)).toMatchObject({ err: "invalid_request" });
  });

  test("is taken with a line end behind the token, and not with two tokens", async () => {
    const where = await scene();
    const token = await eventToken(where);
    expect((await where.post(`${token}\n${await eventToken(where)}`)).status).toBe(400);
    expect((await where.post(`${token}\r\n`)).status).toBe(202);
  });

  test("is refused when it is empty, or huge", async () => {
    const where = await scene();
    expect((await where.post("")).status).toBe(400);
    const reply = await where.post("x".repeat(MAX_BODY_BYTES + 1));
    expect(reply.status).toBe(413);
    expect(reply.headers.get("cache-control")).toBe("no-store");
  });

  test("is refused by another method, and answered the same by a function of the Fetch API", async () => {
    const where = rig();
    const options = { issuer: ISSUER, audience: CLIENT, keys: { keys: [es.public] }, clock: where.clock };
    const handle = fetchEndpoint(sessionRevoked(where.manager, options));
    const url = "https://shop.example/events";
    const get = await handle(new Request(url), null);
    expect([get.status, get.headers.get("allow")]).toEqual([405, "POST"]);
    const cookie = await login(where);
    const headers = { "content-type": SET };
    const request = new Request(url, { method: "POST", headers, body: await eventToken(where) });
    expect((await handle(request, null)).status).toBe(202);
    expect(await isIn(where, cookie)).toBe(false);
  });

  test("has to bear the transmitter's Authorization where one was agreed on", async () => {
    const where = await scene({ authorization: "Bearer of-the-stream" });
    const token = await eventToken(where);
    for (const given of [undefined, "Bearer of-the-strea", "Bearer of-the-stream2", "bearer of-the-stream"]) {
      const reply = await where.post(token, given === undefined ? {} : { authorization: given });
      expect(reply.status).toBe(400);
      expect(JSON.parse(reply.body)).toMatchObject({ err: "authentication_failed" });
      expect(reply.body).not.toContain("of-the");
    }
    expect((await where.post(token, { authorization: "Bearer of-the-stream" })).status).toBe(202);
  });
});

describe("what is told of refusals and events", () => {
  test("holds nothing of the token", async () => {
    const where = await scene();
    const secret = { sub_id: { format: "email", email: "a-secret" }, jti: "jti-secret" };
    await send(where, eventToken(where, secret));
    await send(where, eventToken(where, { ...secret, iss: "iss-secret" }));
    await send(where, eventToken(where, { ...secret, sub: "sub-secret" }));
    expect(where.refusals).toHaveLength(3);
    expect(JSON.stringify([where.refusals, where.happened])).not.toMatch(/secret/);
  });
});

describe("sessionRevoked", () => {
  test.each([
    [{ scopeOf: "user" }],
    [{ onOther: 7 }],
    [{ authorization: "" }],
    [{ by: "subject" }],
    [{ issuer: undefined }],
    [{ algorithms: ["HS512"] }],
  ])("refuses %j", (changes) => {
    const options = { issuer: ISSUER, audience: CLIENT, keys: { keys: [es.public] }, ...changes };
    expect(() => sessionRevoked(rig().manager, options as never)).toThrow(
      expect.objectContaining({ code: "ERR_SESSION_CONFIG" }) as Error,
    );
  });
});
