import { describe, expect, test } from "vitest";
import { type AnySession, Session, SessionError } from "../../src/index.ts";
import { failsBefore } from "../../src/testing/index.ts";
import {
  codeOf,
  done,
  loggedIn,
  noUnhandledRejections,
  recordsOf,
  rig,
  type Rig,
  seen,
  stored,
  visit,
  type Visit,
} from "../races/rig.ts";

noUnhandledRejections();

const WHY = "a page is only looked at";

function reading(where: Rig, cookie?: string): Promise<Visit> {
  return visit(where, cookie, { readOnly: WHY });
}

const VERBS: Readonly<Record<string, (session: AnySession) => unknown>> = {
  set: (session) => session.set("colour", "blue"),
  "an assignment": (session) => (session.data.colour = "blue"),
  delete: (session) => session.delete("colour"),
  "the operator delete": (session) => delete session.data.colour,
  update: (session) => session.update("colour", () => "blue"),
  increment: (session) => session.increment("count"),
  take: (session) => session.take("colour"),
  "take of what is not there": (session) => session.take("nothing"),
  claim: (session) => session.claim("colour"),
  "flash, to add": (session) => session.flash("notice", "hello"),
  "flash, to take": (session) => session.flash("notice"),
  login: (session) => session.login("ann"),
  reauthenticate: (session) => session.reauthenticate(),
  rotate: (session) => session.rotate(),
  logout: (session) => session.logout(),
  commit: (session) => session.commit(),
  createFormToken: (session) => session.createFormToken(),
  removeFormToken: (session) => session.removeFormToken("none"),
  "csrfToken, to make": (session) => session.csrfToken(),
};

describe.each([true, false])("where a session can only be read, stored or not (stored: %s)", (isStored) => {
  test.each(Object.keys(VERBS))("%s throws, and says why", async (name) => {
    const where = rig();
    const cookie = isStored ? await stored(where, { colour: "red" }) : undefined;
    const { session, finish, exchange } = await reading(where, cookie);
    const tried = async (): Promise<unknown> => await VERBS[name]?.(session);
    expect(await codeOf(tried)).toBe("ERR_SESSION_READ_ONLY");
    await expect(tried()).rejects.toMatchObject({ status: 500, message: expect.stringContaining(WHY) });
    await finish();
    expect(exchange.cookies).toEqual([]);
    expect(await seen(where, cookie)).toEqual(isStored ? { colour: "red" } : null);
  });
});

test("what only looks works as ever", async () => {
  const where = rig();
  const cookie = await loggedIn(where, "ann", { colour: "red" });
  let token = "";
  let form = "";
  await done(where, cookie, (session) => {
    token = session.csrfToken();
    form = session.createFormToken();
  });
  const { session } = await reading(where, cookie);
  expect([session.user, session.data.colour, session.has("colour"), session.keys()]).toEqual([
    "ann",
    "red",
    true,
    ["colour"],
  ]);
  expect([session.csrfToken(), session.isCsrfToken(token), session.hasFormToken(form)]).toEqual([
    token,
    true,
    true,
  ]);
  session.requireFresh("5m");
  expect(session.isNew).toBe(false);
});

describe("values", () => {
  async function values(fields: object): Promise<AnySession["data"]> {
    const where = rig();
    return (await reading(where, await stored(where, fields))).session.data;
  }

  test("cannot be changed in place, however deep", async () => {
    const data = await values({ cart: { items: [{ name: "rope" }] } });
    expect(() => data.cart.items.push({ name: "anchor" })).toThrow(TypeError);
    expect(() => (data.cart.total = 7)).toThrow(TypeError);
    expect(() => (data.cart.items[0].name = "anchor")).toThrow(TypeError);
    expect(() => data.cart.items.pop()).toThrow(TypeError);
    expect(data.cart).toEqual({ items: [{ name: "rope" }] });
  });

  test("that Object.freeze does not keep from changing cannot be changed either, and read as ever", async () => {
    const data = await values({
      date: new Date(0),
      map: new Map([["key", [1]]]),
      set: new Set([{ one: 1 }]),
      url: new URL("https://a.test/path?query=1"),
    });
    const changes: readonly (() => unknown)[] = [
      () => data.date.setTime(1),
      () => data.date.setFullYear(2000),
      () => data.map.set("key", 2),
      () => data.map.delete("key"),
      () => data.map.clear(),
      () => data.set.add(2),
      () => data.set.delete(2),
      () => data.set.clear(),
      () => (data.url.href = "https://b.test/"),
      () => (data.url.hash = "#here"),
      () => data.url.searchParams.set("query", "2"),
      () => data.url.searchParams.append("more", "2"),
      () => data.url.searchParams.delete("query"),
      () => data.url.searchParams.sort(),
    ];
    for (const change of changes) expect(await codeOf(change), String(change)).toBe("ERR_SESSION_READ_ONLY");
    expect(() => data.map.get("key").push(2)).toThrow(TypeError);
    expect(() => ([...data.set][0].one = 2)).toThrow(TypeError);
    expect(data.date).toEqual(new Date(0));
    expect(data.map).toEqual(new Map([["key", [1]]]));
    expect(data.set).toEqual(new Set([{ one: 1 }]));
    expect([String(data.url), data.url.searchParams.get("query"), data.url.pathname]).toEqual([
      "https://a.test/path?query=1",
      "1",
      "/path",
    ]);
  });

  test("of another request can be changed as ever", async () => {
    const where = rig();
    const cookie = await stored(where, { items: ["rope"] });
    expect((await reading(where, cookie)).session.data.items).toEqual(["rope"]);
    await done(where, cookie, (session) => session.data.items.push("anchor"));
    expect(await seen(where, cookie)).toEqual({ items: ["rope", "anchor"] });
  });

  test("that are bytes, which a codec of the application's may give, are handed out", async () => {
    const codec = {
      encode: (value: unknown) => JSON.stringify(value),
      decode: (text: string) => (text.startsWith('"') ? Buffer.from(JSON.parse(text)) : JSON.parse(text)),
    };
    const where = rig({ codec });
    const { session } = await reading(where, await stored(where, { bytes: "abc" }));
    expect(String(session.data.bytes)).toBe("abc");
  });
});

describe("a request that only reads", () => {
  const OPTIONS = { rotateEvery: "10m", rotationGrace: "30s" } as const;

  test("keeps the session alive", async () => {
    const where = rig({ idle: "30m" });
    const cookie = await stored(where);
    where.clock.advance(20 * 60_000);
    const one = await reading(where, cookie);
    await one.finish();
    await Promise.all(one.exchange.background);
    where.clock.advance(20 * 60_000);
    expect(await seen(where, cookie)).toEqual({ here: 1 });
  });

  test("leaves a new secret that is due to another", async () => {
    const where = rig(OPTIONS);
    const cookie = await stored(where);
    where.clock.advance(600_000);
    const one = await reading(where, cookie);
    await one.finish();
    await Promise.all(one.exchange.background);
    expect([where.of("rotated"), one.exchange.cookies]).toEqual([[], []]);
    const next = await done(where, cookie, () => undefined);
    expect(next).not.toBe(cookie);
    // Presented by one that only reads, the new secret is confirmed all the same.
    await (await reading(where, next)).finish();
    where.clock.advance(30_001);
    expect(await seen(where, cookie)).toBeNull();
    expect(await seen(where, next)).toEqual({ here: 1 });
  });

  test("does not end a session that has no information any more by what its class says today", async () => {
    class Forgetful extends Session {
      static forgets = false;
      override hasInfo(): boolean {
        return !Forgetful.forgets && super.hasInfo();
      }
    }
    const where = rig({ sessionClass: Forgetful });
    const cookie = await stored(where);
    Forgetful.forgets = true;
    const one = await reading(where, cookie);
    expect(one.session.data.here).toBe(1);
    await one.finish();
    expect([where.of("ended"), (await recordsOf(where)).length]).toEqual([[], 1]);
  });

  test("is told that it can only read before it is told of an outage", async () => {
    const where = rig({ onStoreFailure: "anonymous" });
    const cookie = await stored(where);
    where.faulty.next("read", failsBefore());
    const { session } = await reading(where, cookie);
    expect(await codeOf(() => session.set("a", 1))).toBe("ERR_SESSION_READ_ONLY");
  });
});

test("the error is an error of the application's", () => {
  expect(new SessionError("ERR_SESSION_READ_ONLY", "").status).toBe(500);
});
