import { createHmac } from "node:crypto";
import {
  CompactEncrypt,
  createLocalJWKSet,
  createRemoteJWKSet,
  EmbeddedJWK,
  exportSPKI,
  importJWK,
} from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { fetchEndpoint, MAX_BODY_BYTES } from "../../src/endpoint.ts";
import {
  backChannelLogout,
  type BackChannelLogoutOptions,
  type SignalRefusal,
} from "../../src/federation.ts";
import type { AnySession, AnyStore, LoginOptions } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { failsBefore, gate, waitsAfter, waitsBefore } from "../../src/testing/index.ts";
import { codeOf, done, noUnhandledRejections, type Rig, rig, seen, sibling, visit } from "../races/rig.ts";
import { CLIENT, FORM, ISSUER, LOGOUT, type ProviderKey, providerKey, signed } from "./support/keys.ts";
import { claimsOf, keyServer, type Post, posting, type Reply } from "./support/provider.ts";

noUnhandledRejections();

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

async function scene(options: Partial<BackChannelLogoutOptions> = {}, where: Rig = rig()): Promise<Scene> {
  const refusals: SignalRefusal[] = [];
  const endpoint = backChannelLogout(where.manager, {
    issuer: ISSUER,
    audience: CLIENT,
    keys: { keys: [es.public, rs.public] },
    clock: where.clock,
    onRefused: (refusal) => void refusals.push(refusal),
    ...options,
  });
  return { ...where, post: await posting(endpoint, FORM), refusals };
}

function seconds({ clock }: Pick<Rig, "clock">): number {
  return Math.floor(clock.now() / 1000);
}

function claims(where: Pick<Rig, "clock">, changes: object = {}): object {
  count += 1;
  const iat = seconds(where);
  const base = { iss: ISSUER, aud: CLIENT, iat, exp: iat + 120, jti: `t${count}`, events: { [LOGOUT]: {} } };
  return claimsOf({ ...base, sub: "s1", sid: "x1" }, changes);
}

function logoutToken(where: Pick<Rig, "clock">, changes: object = {}, header: object = {}): Promise<string> {
  return signed(es, claims(where, changes), { typ: "logout+jwt", ...header });
}

async function send({ post }: Pick<Scene, "post">, token: string | Promise<string>): Promise<Reply> {
  return await post(new URLSearchParams({ logout_token: await token }).toString());
}

const NAMED = { issuer: ISSUER, subject: "s1", session: "x1" };

async function login(
  where: Pick<Rig, "manager">,
  identity: LoginOptions["identity"] = NAMED,
  user = "ann",
): Promise<string> {
  const cookie = await done(where, undefined, (session: AnySession) => session.login(user, { identity }));
  return cookie ?? "";
}

async function isIn(where: Pick<Rig, "manager">, cookie: string): Promise<boolean> {
  return (await seen(where, cookie)) !== null;
}

/** That a token is refused with 400, nobody is logged out, and the same scene takes a good one after it. */
async function expectRefused(where: Scene, token: string | Promise<string>, about: RegExp): Promise<void> {
  const cookie = await login(where);
  const reply = await send(where, token);
  expect(reply.status).toBe(400);
  expect(JSON.parse(reply.body)).toEqual({
    error: "invalid_request",
    error_description: expect.stringMatching(about) as string,
  });
  expect(reply.headers.get("cache-control")).toBe("no-store");
  expect(reply.headers.get("content-type")).toBe("application/json");
  expect(await isIn(where, cookie)).toBe(true);
  expect(where.refusals).toHaveLength(1);
  expect((await send(where, logoutToken(where))).status).toBe(200);
  expect(await isIn(where, cookie)).toBe(false);
}

describe("F1: a logout token", () => {
  test("with sid ends that provider's session here, and answers 200 with nothing, never to be kept", async () => {
    const where = await scene();
    const meant = await login(where);
    const sameUser = await login(where, { ...NAMED, session: "x2" });
    const elsewhere = await login(where, { ...NAMED, issuer: "https://other.example/" });
    const reply = await send(where, logoutToken(where));
    expect(reply).toMatchObject({ status: 200, body: "" });
    expect(reply.headers.get("cache-control")).toBe("no-store");
    expect(await isIn(where, meant)).toBe(false);
    expect(await isIn(where, sameUser)).toBe(true);
    expect(await isIn(where, elsewhere)).toBe(true);
    expect(where.of("revoked")).toEqual([{ count: 1, labels: [expect.stringMatching(/^idp-session:/)] }]);
    expect(where.refusals).toEqual([]);
  });

  test("with sid alone ends it too, whoever it is of", async () => {
    const where = await scene();
    const cookie = await login(where);
    expect((await send(where, logoutToken(where, { sub: undefined }))).status).toBe(200);
    expect(await isIn(where, cookie)).toBe(false);
  });

  test("without sid ends all sessions of the issuer and subject", async () => {
    const where = await scene();
    const cookies = [await login(where), await login(where, { ...NAMED, session: "x2" })];
    const noSid = await login(where, { issuer: ISSUER, subject: "s1" });
    const other = await login(where, { issuer: ISSUER, subject: "s2", session: "x3" });
    expect((await send(where, logoutToken(where, { sid: undefined }))).status).toBe(200);
    for (const cookie of [...cookies, noSid]) expect(await isIn(where, cookie)).toBe(false);
    expect(await isIn(where, other)).toBe(true);
  });

  test("with both ends all of the subject where logins could not name the session", async () => {
    const where = await scene({ by: "subject" });
    const cookie = await login(where, { issuer: ISSUER, subject: "s1" });
    const other = await login(where, { issuer: ISSUER, subject: "s2" });
    expect((await send(where, logoutToken(where))).status).toBe(200);
    expect(await isIn(where, cookie)).toBe(false);
    expect(await isIn(where, other)).toBe(true);
    expect((await send(where, logoutToken(where, { sub: undefined }))).status).toBe(200);
  });

  test("for nobody who is here is received all the same", async () => {
    const where = await scene();
    expect((await send(where, logoutToken(where))).status).toBe(200);
  });

  test("by each of the provider's algorithms is received", async () => {
    const where = await scene();
    const token = signed(rs, claims(where), { typ: "logout+jwt" });
    expect((await send(where, token)).status).toBe(200);
  });

  test.each([[[CLIENT, "another"]], [["another", CLIENT]]])(
    "for the audience %j is received",
    async (aud) => {
      const where = await scene();
      expect((await send(where, logoutToken(where, { aud }))).status).toBe(200);
    },
  );

  test("for either of two client ids is received", async () => {
    const where = await scene({ audience: [CLIENT, "the-app"] });
    expect((await send(where, logoutToken(where, { aud: "the-app" }))).status).toBe(200);
    expect((await send(where, logoutToken(where, { aud: "the-tool" }))).status).toBe(400);
  });

  test("whose typ is written as a media type, in any case, is received", async () => {
    const where = await scene();
    for (const typ of ["application/logout+jwt", "LOGOUT+JWT"])
      expect((await send(where, logoutToken(where, {}, { typ }))).status).toBe(200);
  });

  test("with claims and events that nobody knows is received", async () => {
    const where = await scene();
    const events = { [LOGOUT]: { more: 1 }, "https://other.example/event": {} };
    expect((await send(where, logoutToken(where, { events, trace: "z" }))).status).toBe(200);
  });
});

describe("ASVS 9.2.2, 10.5.5: the type of a logout token", () => {
  test.each([["JWT"], [undefined], ["at+jwt"], ["secevent+jwt"], [""]])(
    "refuses %j by default",
    async (typ) => {
      const where = await scene();
      await expectRefused(where, logoutToken(where, {}, { typ }), /type/);
    },
  );

  test("may be missing or JWT where the provider is older than it, and nothing else", async () => {
    const where = await scene({ untyped: true });
    for (const typ of [undefined, "JWT", "jwt", "logout+jwt"])
      expect((await send(where, logoutToken(where, {}, { typ }))).status).toBe(200);
    for (const typ of ["at+jwt", "secevent+jwt", "dpop+jwt", ""])
      expect((await send(where, logoutToken(where, {}, { typ }))).status).toBe(400);
  });
});

describe("ASVS 9.2.1, 9.2.3, 9.2.4, F1: a logout token is refused", () => {
  const WRONG: Readonly<Record<string, [changes: object, about: RegExp]>> = {
    "of another issuer": [{ iss: "https://id.example" }, /issuer/],
    "of no issuer": [{ iss: undefined }, /issuer/],
    "for somebody else": [{ aud: "the-bank" }, /somebody else/],
    "for nobody": [{ aud: undefined }, /somebody else/],
    "for a list without this client": [{ aud: ["the-bank", "the-shop2"] }, /somebody else/],
    "without iat": [{ iat: undefined }, /too old/],
    "whose iat is a text": [{ iat: "1" }, /too old/],
    "without exp": [{ exp: undefined }, /expire/],
    "whose exp is a text": [{ exp: "9999999999" }, /expire/],
    "without jti": [{ jti: undefined }, /jti/],
    "whose jti is empty": [{ jti: "" }, /jti/],
    "whose jti is no text": [{ jti: 7 }, /jti/],
    "without events": [{ events: undefined }, /no back-channel logout/],
    "whose events are a list": [{ events: [LOGOUT] }, /no back-channel logout/],
    "whose events are a text": [{ events: LOGOUT }, /no back-channel logout/],
    "of another event": [{ events: { "https://other.example/event": {} } }, /no back-channel logout/],
    "whose event is no object": [{ events: { [LOGOUT]: true } }, /no back-channel logout/],
    "whose event is null": [{ events: { [LOGOUT]: null } }, /no back-channel logout/],
    "whose event is a list": [{ events: { [LOGOUT]: [] } }, /no back-channel logout/],
    "with a nonce": [{ nonce: "n" }, /nonce/],
    "with an empty nonce": [{ nonce: "" }, /nonce/],
    "with a nonce that is null": [{ nonce: null }, /nonce/],
    "with neither sub nor sid": [{ sub: undefined, sid: undefined }, /neither/],
    "whose sub is no text": [{ sub: 7 }, /sub or sid/],
    "whose sub is empty": [{ sub: "" }, /sub or sid/],
    "whose sid is no text": [{ sid: { $ne: 1 } }, /sub or sid/],
    "whose sid is empty": [{ sid: "" }, /sub or sid/],
    "whose sid is null": [{ sid: null }, /sub or sid/],
  };

  test.each(Object.entries(WRONG))("%s", async (_name, [changes, about]) => {
    const where = await scene();
    await expectRefused(where, logoutToken(where, changes), about);
  });

  test("an ID token of the same provider", async () => {
    const where = await scene({ untyped: true });
    const token = logoutToken(where, { events: undefined, nonce: "n", auth_time: 1 }, { typ: "JWT" });
    await expectRefused(where, token, /nonce/);
  });

  test.each([
    ["too old", { iat: -151 }, 400],
    ["as old as may be, by the slower clock", { iat: -150 }, 200],
    ["made in the future", { iat: 31 }, 400],
    ["made as far in the future as clocks differ", { iat: 30 }, 200],
    ["expired", { exp: -30 }, 400],
    ["about to expire, by the slower clock", { exp: -29 }, 200],
    ["not valid yet", { nbf: 31 }, 400],
    ["valid as of now, by the faster clock", { nbf: 30 }, 200],
  ])("or not, by its times: %s", async (_name, shifts, status) => {
    const where = await scene();
    const now = seconds(where);
    const times = Object.fromEntries(Object.entries(shifts).map(([name, shift]) => [name, now + shift]));
    expect((await send(where, logoutToken(where, { exp: now + 600, ...times }))).status).toBe(status);
  });

  test("by the limits that were set", async () => {
    const where = await scene({ maxAge: "10s", skew: 0 });
    const now = seconds(where);
    const status = async (changes: object) => (await send(where, logoutToken(where, changes))).status;
    expect(await status({ iat: now - 10 })).toBe(200);
    expect(await status({ iat: now - 11 })).toBe(400);
    expect(await status({ iat: now + 1 })).toBe(400);
    expect(await status({ exp: now })).toBe(400);
  });

  test("without exp, but where drafts are taken too: then iat bounds it", async () => {
    const where = await scene({ unbounded: true });
    const now = seconds(where);
    expect((await send(where, logoutToken(where, { exp: undefined }))).status).toBe(200);
    expect((await send(where, logoutToken(where, { exp: undefined, iat: now - 151 }))).status).toBe(400);
  });
});

describe("ASVS 9.1.1, 9.1.2, 9.1.3: the signature of a logout token", () => {
  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

  test("by a stranger's key of the same name is refused", async () => {
    const where = await scene();
    await expectRefused(where, signed(stranger, claims(where), { typ: "logout+jwt" }), /signature/);
  });

  test("by a key that the provider does not publish is refused", async () => {
    const where = await scene();
    await expectRefused(where, logoutToken(where, {}, { kid: "es-9" }), /No one key/);
  });

  test("is of every byte: one that was changed is refused", async () => {
    const where = await scene();
    const [header, , signature] = (await logoutToken(where, { sid: "x0" })).split(".");
    await expectRefused(where, `${header}.${encoded(claims(where))}.${signature}`, /signature/);
  });

  test.each(["none", "None", "NONE", "nOnE"])("none, written %s, is refused", async (alg) => {
    const where = await scene();
    const token = `${encoded({ alg, typ: "logout+jwt" })}.${encoded(claims(where))}.`;
    await expectRefused(where, token, /not allowed/);
  });

  test("by the public key as a shared secret is refused (algorithm confusion)", async () => {
    const where = await scene();
    const pem = await exportSPKI((await importJWK(rs.public, "RS256")) as CryptoKey);
    for (const [turn, secret] of [pem, JSON.stringify(rs.public), String(rs.public.n)].entries()) {
      const head = encoded({ alg: "HS256", typ: "logout+jwt", kid: rs.kid });
      const input = `${head}.${encoded(claims(where))}`;
      const reply = await send(
        where,
        `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`,
      );
      expect(reply.status, String(turn)).toBe(400);
    }
    expect(where.refusals.map(({ error }) => error)).toEqual(["invalid_key", "invalid_key", "invalid_key"]);
  });

  test("by an algorithm that is not allowed here is refused", async () => {
    const where = await scene({ algorithms: ["RS256"] });
    const cookie = await login(where);
    expect((await send(where, logoutToken(where))).status).toBe(400);
    expect(await isIn(where, cookie)).toBe(true);
    expect((await send(where, signed(rs, claims(where), { typ: "logout+jwt" }))).status).toBe(200);
  });

  test("of one kind of key named for another is refused", async () => {
    const where = await scene();
    const [, payload] = (await logoutToken(where)).split(".");
    const head = encoded({ alg: "RS256", typ: "logout+jwt", kid: es.kid });
    await expectRefused(where, `${head}.${payload}.AAAA`, /No one key/);
  });

  test("by a key that the token brings along is refused, and nothing that it points to is fetched", async () => {
    const where = await scene();
    const server = await keyServer(stranger);
    const points = { jku: server.url.href, x5u: server.url.href, jwk: stranger.public, x5c: ["AAAA"] };
    const token = signed(stranger, claims(where), { typ: "logout+jwt", ...points });
    await expectRefused(where, token, /signature/);
    const nameless = signed(stranger, claims(where), { typ: "logout+jwt", kid: "mine", ...points });
    expect((await send(where, nameless)).status).toBe(400);
    expect(server.asked).toBe(0);
  });

  test("with such headers and the provider's key is received: they are not looked at", async () => {
    const where = await scene();
    const header = { jku: "http://127.0.0.1:1/", jwk: stranger.public };
    expect((await send(where, logoutToken(where, {}, header))).status).toBe(200);
  });

  test("with a header that has to be understood and is not is refused", async () => {
    const where = await scene();
    const [, payload, signature] = (await logoutToken(where)).split(".");
    const head = encoded({ alg: "ES256", typ: "logout+jwt", kid: es.kid, crit: ["odd"], odd: 1 });
    await expectRefused(where, `${head}.${payload}.${signature}`, /not allowed|no signed JWT/);
  });

  test("of an encrypted token cannot be seen: it is refused, and said why", async () => {
    const where = await scene();
    const encrypted = new CompactEncrypt(new TextEncoder().encode(await logoutToken(where)))
      .setProtectedHeader({ alg: "RSA-OAEP-256", enc: "A256GCM" })
      .encrypt(await importJWK({ ...rs.public, alg: "RSA-OAEP-256" }, "RSA-OAEP-256"));
    await expectRefused(where, encrypted, /encrypted/);
  });

  test.each(["x", "a.b", "a.b.c", "..", "....", "é.é.é", "{}", `${"A".repeat(60_000)}.B.C`])(
    "of what is no token is refused: %.12s",
    async (text) => {
      const where = await scene();
      await expectRefused(where, text, /token/);
    },
  );

  test("of what is JSON but no claims is refused", async () => {
    const where = await scene();
    const [header] = (await logoutToken(where)).split(".");
    for (const payload of ["[]", "null", "7", "{"])
      expect((await send(where, `${header}.${Buffer.from(payload).toString("base64url")}.AA`)).status).toBe(
        400,
      );
  });
});

describe("the keys of a provider that publishes them", () => {
  test("are fetched once, and again when a token names one that is new", async () => {
    const server = await keyServer(es);
    const where = await scene({ keys: createRemoteJWKSet(server.url, { cooldownDuration: 0 }) });
    expect((await send(where, logoutToken(where))).status).toBe(200);
    expect((await send(where, logoutToken(where))).status).toBe(200);
    expect(server.asked).toBe(1);
    const next = await providerKey("ES256", "es-2");
    server.keys = [next];
    const cookie = await login(where, { ...NAMED, session: "x5" });
    const token = signed(next, claims(where, { sid: "x5" }), { typ: "logout+jwt" });
    expect((await send(where, token)).status).toBe(200);
    expect(await isIn(where, cookie)).toBe(false);
    expect(server.asked).toBe(2);
    // The old key is withdrawn.
    expect((await send(where, logoutToken(where))).status).toBe(400);
  });

  test("are not fetched for a token that could not be right", async () => {
    const server = await keyServer(es);
    const where = await scene({ keys: createRemoteJWKSet(server.url) });
    const [, payload, signature] = (await logoutToken(where)).split(".");
    const head = Buffer.from('{"alg":"none","typ":"logout+jwt"}').toString("base64url");
    expect((await send(where, `${head}.${payload}.${signature}`)).status).toBe(400);
    expect(server.asked).toBe(0);
  });

  test("that are out of reach have the token sent again, and it is not used up", async () => {
    const server = await keyServer(es);
    server.status = 500;
    const where = await scene({ keys: createRemoteJWKSet(server.url) });
    const cookie = await login(where);
    const token = await logoutToken(where);
    const reply = await send(where, token);
    expect(reply.status).toBe(503);
    expect(reply.headers.get("retry-after")).toBe("5");
    expect(reply.headers.get("cache-control")).toBe("no-store");
    expect(where.refusals[0]?.cause).toBeInstanceOf(Error);
    server.status = 200;
    expect((await send(where, token)).status).toBe(200);
    expect(await isIn(where, cookie)).toBe(false);
  });

  test("may be a set of jose's, or the set itself", async () => {
    for (const keys of [createLocalJWKSet({ keys: [es.public] }), { keys: [es.public] }])
      expect((await send(await scene({ keys }), logoutToken(rig()))).status).toBe(200);
  });
});

describe("a logout token that comes again", () => {
  test("is refused, and ends nobody who logged in since", async () => {
    const where = await scene();
    const token = await logoutToken(where, { sid: undefined });
    expect((await send(where, token)).status).toBe(200);
    const cookie = await login(where);
    const reply = await send(where, token);
    expect(reply.status).toBe(400);
    expect(reply.body).toContain("before");
    expect(await isIn(where, cookie)).toBe(true);
  });

  test("is refused by another process too, for as long as its times allow it", async () => {
    const where = await scene({ maxAge: "10m" });
    const other = await scene({ maxAge: "10m" }, sibling(where));
    const iat = seconds(where) + 30;
    const token = await logoutToken(where, { iat, exp: iat + 3600 });
    expect((await send(where, token)).status).toBe(200);
    // The last moment at which its times alone would let it pass.
    where.clock.advance(660_000);
    const fresh = await logoutToken(where, { iat, exp: iat + 3600 });
    expect((await send(other, fresh)).status).toBe(200);
    expect((await send(other, token)).body).toContain("before");
    where.clock.advance(1000);
    expect((await send(other, token)).body).toContain("too old");
  });

  test("in parallel, to two processes over one store, is received once", async () => {
    const where = await scene();
    const other = await scene({}, sibling(where));
    await login(where);
    const token = await logoutToken(where);
    const replies = await Promise.all(
      Array.from({ length: 16 }, (_, turn) => send(turn % 2 === 0 ? where : other, token)),
    );
    const statuses = replies.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.every((status) => [200, 400, 503].includes(status))).toBe(true);
    expect([...where.of("revoked"), ...other.of("revoked")]).toHaveLength(1);
    expect((await send(other, token)).status).toBe(400);
  });

  test("while it is being worked on is to be sent again", async () => {
    const where = await scene();
    const other = await scene({}, sibling(where));
    await login(where);
    const token = await logoutToken(where);
    const hold = gate();
    where.faulty.next("deleteByLabel", waitsBefore(hold));
    const first = send(where, token);
    await hold.reached();
    const second = await send(other, token);
    expect(second.status).toBe(503);
    expect(second.headers.get("retry-after")).toBe("5");
    hold.open();
    expect((await first).status).toBe(200);
    expect((await send(other, token)).status).toBe(400);
  });

  test("of another issuer with the same jti is another token", async () => {
    const where = await scene();
    const other = await scene({ issuer: "https://other.example/" }, where);
    expect((await send(where, logoutToken(where, { jti: "same" }))).status).toBe(200);
    const token = logoutToken(where, { jti: "same", iss: "https://other.example/" });
    expect((await send(other, token)).status).toBe(200);
  });

  test("signed anew with the same jti is the same token", async () => {
    const where = await scene();
    expect((await send(where, logoutToken(where, { jti: "same" }))).status).toBe(200);
    expect((await send(where, logoutToken(where, { jti: "same", sid: "x2" }))).status).toBe(400);
  });

  test("after it was refused for something else is judged anew", async () => {
    const where = await scene();
    expect((await send(where, logoutToken(where, { jti: "same", nonce: "n" }))).status).toBe(400);
    expect((await send(where, logoutToken(where, { jti: "same" }))).status).toBe(200);
  });
});

describe("row 29: when the store fails, a logout token", () => {
  test.each(["create", "deleteByLabel", "update"] as const)(
    "is answered 503 at %s, and can be sent again with effect",
    async (operation) => {
      const where = await scene();
      const cookie = await login(where);
      const token = await logoutToken(where);
      where.faulty.always(operation, failsBefore());
      const reply = await send(where, token);
      expect(reply.status).toBe(503);
      expect(JSON.parse(reply.body)).toMatchObject({ error: "temporarily_unavailable" });
      expect(reply.body).not.toContain("down");
      expect(reply.headers.get("cache-control")).toBe("no-store");
      where.faulty.heal();
      // What it announced could not be taken back in every case; it lapses.
      where.clock.advance(30_000);
      expect((await send(where, token)).status).toBe(200);
      expect(await isIn(where, cookie)).toBe(false);
    },
  );

  test("can be sent again at once when the store took back what it announced", async () => {
    const where = await scene();
    const cookie = await login(where);
    const token = await logoutToken(where);
    where.faulty.always("deleteByLabel", failsBefore());
    expect((await send(where, token)).status).toBe(503);
    expect(await isIn(where, cookie)).toBe(true);
    where.faulty.heal();
    expect((await send(where, token)).status).toBe(200);
    expect(await isIn(where, cookie)).toBe(false);
  });

  test("is a mistake of the programmer's over a store without an index, and said to be", async () => {
    const whole = memoryStore();
    const store: AnyStore = {
      traits: whole.traits,
      create: whole.create.bind(whole),
      read: whole.read.bind(whole),
      update: whole.update.bind(whole),
      delete: whole.delete.bind(whole),
    };
    const where = await scene({}, rig({ store }));
    const reply = await send(where, logoutToken(where));
    expect(reply).toMatchObject({ status: 500, body: "ERR_SESSION_USE" });
  });
});

describe("F1: a logout that races its login", () => {
  const identity = NAMED;

  test("and comes first, voids it, also hours later and in another process", async () => {
    const where = await scene();
    expect((await send(where, logoutToken(where))).status).toBe(200);
    where.clock.advance(3 * 3_600_000);
    const late = done(sibling(where), undefined, (session) => session.login("ann", { identity }));
    expect(await codeOf(late)).toBe("ERR_SESSION_REVOKED");
    expect(await isIn(where, await login(where, { ...NAMED, session: "x2" }))).toBe(true);
  });

  test("and comes as the login is staged, voids it", async () => {
    const where = await scene();
    const one = await visit(where);
    one.session.login("ann", { identity });
    expect((await send(where, logoutToken(where))).status).toBe(200);
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_REVOKED");
    expect(one.exchange.cookies).toEqual([]);
  });

  test("and comes as the login is being stored, voids it", async () => {
    const where = await scene();
    const other = sibling(where);
    const hold = gate();
    where.faulty.next("create", waitsBefore(hold));
    const under = done(other, undefined, (session) => session.login("ann", { identity }));
    await hold.reached();
    expect((await send(where, logoutToken(where))).status).toBe(200);
    hold.open();
    expect(await codeOf(under)).toBe("ERR_SESSION_REVOKED");
  });

  test("and leaves its mark, whereupon the login is stored, voids it before the deletion", async () => {
    const where = await scene();
    const other = sibling(where);
    const hold = gate();
    where.faulty.next("deleteByLabel", waitsBefore(hold));
    const logout = send(where, logoutToken(where));
    await hold.reached();
    expect(await codeOf(done(other, undefined, (session) => session.login("ann", { identity })))).toBe(
      "ERR_SESSION_REVOKED",
    );
    hold.open();
    expect((await logout).status).toBe(200);
  });

  test("and comes when the login is stored and saw no mark, ends it", async () => {
    const where = await scene();
    const other = sibling(where);
    const one = await visit(other);
    one.session.login("ann", { identity });
    const hold = gate();
    // Everyone's mark, and one for each of the labels: user, session and subject.
    where.faulty.next("read", waitsAfter(hold), 4);
    const finishing = one.finish();
    await hold.reached(4);
    expect((await send(where, logoutToken(where))).status).toBe(200);
    hold.open();
    await finishing;
    expect(await isIn(where, `__Host-Http-sid=${one.exchange.cookies[0]?.value}`)).toBe(false);
  });

  test("of a subject, voids a login that authenticated there before it, and no later one", async () => {
    const where = await scene();
    const before = { issuer: ISSUER, subject: "s1", authenticatedAt: where.clock.now() };
    where.clock.advance(2000);
    expect((await send(where, logoutToken(where, { sid: undefined }))).status).toBe(200);
    where.clock.advance(2000);
    expect(await codeOf(login(where, before))).toBe("ERR_SESSION_REVOKED");
    const after = { issuer: ISSUER, subject: "s1", authenticatedAt: where.clock.now() };
    expect(await isIn(where, await login(where, after))).toBe(true);
  });
});

describe("the request that bears a logout token", () => {
  test.each([
    ["JSON", "application/json", (token: string) => JSON.stringify({ logout_token: token })],
    ["a bare token", "application/logout+jwt", (token: string) => token],
    ["a form of parts", "multipart/form-data; boundary=b", (token: string) => `--b\r\n\r\n${token}\r\n--b--`],
    ["nothing that it names", "", (token: string) => `logout_token=${token}`],
  ])("is refused when it is %s", async (_name, type, bodyOf) => {
    const where = await scene();
    const reply = await where.post(bodyOf(await logoutToken(where)), { "content-type": type });
    expect(reply.status).toBe(400);
    expect(reply.body).toContain("Content-Type");
  });

  test("is taken with a character set in its type", async () => {
    const where = await scene();
    const body = `logout_token=${await logoutToken(where)}`;
    const headers = { "content-type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8" };
    expect((await where.post(body, headers)).status).toBe(200);
  });

  test("is taken with parameters that nobody knows", async () => {
    const where = await scene();
    expect((await where.post(`a=1&logout_token=${await logoutToken(where)}&b=2`)).status).toBe(200);
  });

  test("is refused with two tokens, even twice the same, and both stay good", async () => {
    const where = await scene();
    const [one, two] = [await logoutToken(where), await logoutToken(where)];
    for (const other of [one, two, ""])
      expect((await where.post(`logout_token=${one}&logout_token=${other}`)).status).toBe(400);
    expect((await send(where, one)).status).toBe(200);
    expect((await send(where, two)).status).toBe(200);
  });

  test.each(["", "logout_token", "logout_token=", "token=a.b.c", "%", "logout_token[]=a.b.c"])(
    "is refused when it is %j",
    async (body) => {
      const where = await scene();
      expect((await where.post(body)).status).toBe(400);
    },
  );

  test("is refused when it is huge", async () => {
    const where = await scene();
    const reply = await where.post(`logout_token=${"x".repeat(MAX_BODY_BYTES)}`);
    expect(reply.status).toBe(413);
    expect(reply.headers.get("cache-control")).toBe("no-store");
    expect((await where.post(`logout_token=${"x".repeat(8 * 1024 * 1024)}`)).status).toBe(413);
  });

  test.each(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])("is refused by %s", async (method) => {
    const where = await scene();
    const token = await logoutToken(where);
    const cookie = await login(where);
    const handle = fetchEndpoint(
      backChannelLogout(where.manager, { issuer: ISSUER, audience: CLIENT, keys: { keys: [es.public] } }),
    );
    const reply = await handle(
      new Request(`https://shop.example/out?logout_token=${token}`, { method }),
      null,
    );
    expect(reply.status).toBe(405);
    expect(reply.headers.get("allow")).toBe("POST");
    expect(reply.headers.get("cache-control")).toBe("no-store");
    expect(await isIn(where, cookie)).toBe(true);
  });

  test("is answered the same by a function of the Fetch API", async () => {
    const where = rig();
    const options = { issuer: ISSUER, audience: CLIENT, keys: { keys: [es.public] }, clock: where.clock };
    const handle = fetchEndpoint(backChannelLogout(where.manager, options));
    const cookie = await login(where);
    const token = await logoutToken(where);
    const request = (): Request =>
      new Request("https://shop.example/out", {
        method: "POST",
        body: new URLSearchParams({ logout_token: token }),
      });
    const reply = await handle(request(), null);
    expect(reply.status).toBe(200);
    expect(reply.headers.get("cache-control")).toBe("no-store");
    expect(await isIn(where, cookie)).toBe(false);
    expect((await handle(request(), null)).status).toBe(400);
  });
});

describe("what is told of refusals and events", () => {
  test("holds nothing of the token", async () => {
    const where = await scene();
    await login(where);
    const secret = { sub: "subject-secret", sid: "session-secret", jti: "jti-secret" };
    await send(where, logoutToken(where, { ...secret, nonce: "nonce-secret" }));
    await send(where, logoutToken(where, { ...secret, iss: "iss-secret" }));
    await send(where, logoutToken(where, { ...secret, exp: 1 }));
    await send(where, logoutToken(where, secret));
    await send(where, logoutToken(where, secret));
    expect(where.refusals).toHaveLength(4);
    expect(JSON.stringify([where.refusals, where.happened])).not.toMatch(/secret/);
    expect(where.refusals.every(({ cause }) => cause === undefined)).toBe(true);
  });

  test("to a function that throws changes no answer", async () => {
    const where = await scene({
      onRefused: () => {
        throw new Error("logger");
      },
    });
    expect((await send(where, "x")).status).toBe(400);
  });
});

describe("backChannelLogout", () => {
  const good = (): BackChannelLogoutOptions => ({
    issuer: ISSUER,
    audience: CLIENT,
    keys: { keys: [es.public] },
  });
  const bad: Readonly<Record<string, () => object>> = {
    "no issuer": () => ({ issuer: undefined }),
    "an empty issuer": () => ({ issuer: "" }),
    "no audience": () => ({ audience: undefined }),
    "an empty audience": () => ({ audience: [] }),
    "an audience of blanks": () => ({ audience: [CLIENT, ""] }),
    "no keys": () => ({ keys: undefined }),
    "an empty set of keys": () => ({ keys: { keys: [] } }),
    "what is no set of keys": () => ({ keys: { keys: ["x"] } }),
    "a shared secret": () => ({ keys: { keys: [{ kty: "oct", k: "AAAA" }] } }),
    "a private key": () => ({ keys: { keys: [{ ...es.public, d: "AAAA" }] } }),
    "the key that the token brings": () => ({ keys: EmbeddedJWK }),
    "the algorithm none": () => ({ algorithms: ["none"] }),
    "an algorithm of shared secrets": () => ({ algorithms: ["ES256", "HS256"] }),
    "no algorithms": () => ({ algorithms: [] }),
    "an age of nothing": () => ({ maxAge: 0 }),
    "an age of a year": () => ({ maxAge: "365d" }),
    "a skew of an hour": () => ({ skew: "1h" }),
    "a skew below nothing": () => ({ skew: -1 }),
    "a wrong untyped": () => ({ untyped: "yes" }),
    "a wrong unbounded": () => ({ unbounded: 1 }),
    "a wrong by": () => ({ by: "user" }),
    "a wrong onRefused": () => ({ onRefused: "log" }),
    "a wrong clock": () => ({ clock: {} }),
    "an option that is none": () => ({ isuer: ISSUER }),
  };

  test.each(Object.entries(bad))("refuses %s", (_name, changes) => {
    const options = { ...good(), ...changes() } as BackChannelLogoutOptions;
    expect(() => backChannelLogout(rig().manager, options)).toThrow(
      expect.objectContaining({ code: "ERR_SESSION_CONFIG" }) as Error,
    );
  });

  test("refuses what is no manager, and what are no options", () => {
    for (const manager of [null, {}, { revokeWhere: () => 0 }])
      expect(() => backChannelLogout(manager as never, good())).toThrow(/SessionManager/);
    for (const options of [null, undefined, "x"])
      expect(() => backChannelLogout(rig().manager, options as never)).toThrow(/object of options/);
  });
});
