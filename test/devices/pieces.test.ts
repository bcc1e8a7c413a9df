import Bowser from "bowser";
import { describe, expect, test } from "vitest";
import {
  bowserParser,
  type DeviceManager,
  devices,
  type DevicesOptions,
  listDevices,
  type UserAgentParser,
} from "../../src/devices.ts";
import { NullSessionManager, Session, type SessionId, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { testExchange } from "../support/exchange.ts";
import { refusal, rejection, site } from "../support/site.ts";
import { FIREFOX, IPHONE } from "./rig.ts";

async function used(where: ReturnType<typeof site>, agent: string, address = "192.0.2.1") {
  const requestHeaders = { "user-agent": agent };
  const exchange = testExchange({ requestHeaders, remoteAddress: address });
  const session = await where.manager.startRequest(exchange);
  session.login("ann", { methods: ["pwd", "otp"], level: "aal2" });
  await where.manager.finishSuccessfulRequest(exchange);
  return session;
}

describe("S16: the list for pages that are rendered on the server", () => {
  test("has this session first, and then the latest used", async () => {
    const where = site();
    const phone = await used(where, IPHONE);
    where.clock.advance(1000);
    const tablet = await used(where, IPHONE);
    where.clock.advance(1000);
    await used(where, FIREFOX);
    const list = await listDevices(where.manager, phone);
    expect(list.map(({ handle }) => handle).slice(0, 1)).toEqual([phone.id]);
    expect(list.map(({ current }) => current)).toEqual([true, false, false]);
    expect(list[2]?.handle).toBe(tablet.id);
    expect(list[0]).toEqual({
      handle: phone.id,
      createdAt: phone.createdAt,
      authenticatedAt: phone.authenticatedAt,
      lastSeen: phone.accessedAt,
      expiresAt: phone.expiresAt,
      address: "192.0.2.1",
      startedFrom: "192.0.2.1",
      device: { browser: null, os: null, kind: null, text: `${IPHONE.slice(0, 79)}…` },
      methods: ["pwd", "otp"],
      level: "aal2",
      state: "active",
      current: true,
    });
  });

  test("is empty for a visitor, and calls no store", async () => {
    const where = site();
    const { session } = await where.open();
    const never = { sessionsOf: () => Promise.reject(new Error("called")) };
    expect(await listDevices(never, session)).toEqual([]);
    expect(await devices(where.manager).list(session)).toEqual([]);
  });

  test("tells where a session moved to, and where it started", async () => {
    const where = site();
    const { cookie } = await where.visit(undefined, (session) => session.login("ann"));
    const phone = await used(where, IPHONE, "192.0.2.1");
    const [mine] = (await listDevices(where.manager, phone)).filter(({ current }) => current);
    expect(mine).toMatchObject({ address: "192.0.2.1", startedFrom: "192.0.2.1" });
    const [other] = (await listDevices(where.manager, phone)).filter(({ current }) => !current);
    expect(other).toMatchObject({ address: null, startedFrom: null, device: { text: null } });
    expect(cookie).toBeDefined();
  });
});

describe("ending by handlers of one's own", () => {
  test("ends what is named, the user's alone, and the current one as a logout", async () => {
    const where = site();
    const desk = devices(where.manager);
    const [phone, bob] = [await used(where, IPHONE), await where.visit(undefined, (it) => it.login("bob"))];
    const laptop = await used(where, FIREFOX);
    expect(await desk.end(laptop, bob.session.id)).toBe(false);
    expect(await desk.end(laptop, phone.id)).toBe(true);
    expect(await desk.end(laptop, phone.id)).toBe(false);
    for (const handle of [null, undefined, 7, {}, "", "a".repeat(24) as SessionId])
      expect(await desk.end(laptop, handle)).toBe(false);
    await used(where, IPHONE);
    expect(await desk.endOthers(laptop)).toBe(1);
    const { cookie } = await where.visit(undefined, (session) => session.login("ann"));
    const { session, result } = await where.visit(cookie, (it) => desk.end(it, it.id));
    expect([result, session.user]).toEqual([true, null]);
    expect(await where.read(cookie, ({ user }) => user)).toBeNull();
  });

  test("is refused when the authentication is too old, and for visitors", async () => {
    const where = site();
    const desk = devices(where.manager, { freshness: "1m" });
    const laptop = await used(where, FIREFOX);
    where.clock.advance(60_001);
    for (const session of [laptop, (await where.open()).session]) {
      expect(await rejection(desk.end(session, laptop.id))).toMatchObject({ code: "ERR_SESSION_NOT_FRESH" });
      expect(await rejection(desk.endOthers(session))).toMatchObject({ code: "ERR_SESSION_NOT_FRESH" });
    }
    expect(laptop.user).toBe("ann");
  });
});

describe("a user agent", () => {
  const parsedBy = async (agent: string, parseUserAgent?: UserAgentParser) => {
    const where = site();
    const session = await used(where, agent);
    const [mine] = await listDevices(where.manager, session, parseUserAgent && { parseUserAgent });
    return mine?.device;
  };

  test.each([
    [FIREFOX, { browser: "Firefox", os: "Linux", kind: "desktop" }],
    [IPHONE, { browser: "Safari", os: "iOS", kind: "mobile" }],
    ["curl/8.5.0", { browser: null, os: null, kind: null, text: "curl/8.5.0" }],
    ["!", { browser: null, os: null, kind: null }],
    ["\u0000<script>alert(1)</script>", { os: null, kind: null }],
  ])("is recognised by bowser: %s", async (agent, expected) => {
    expect(await parsedBy(agent, bowserParser(Bowser))).toMatchObject(expected);
  });

  test("without a parser is its text, shortened, on one line", async () => {
    expect(await parsedBy("short")).toEqual({ browser: null, os: null, kind: null, text: "short" });
    expect(await parsedBy("  a\r\nb\u0000\u202ec \ud800")).toMatchObject({ text: "a b c" });
    const long = (await parsedBy(`${"x".repeat(78)}${"🦊".repeat(50)}`))?.text ?? "";
    expect(long).toBe(`${"x".repeat(78)}…`);
  });

  test.each<[string, unknown]>([
    ["throws", () => expect.fail("on purpose")],
    ["gives nothing", () => undefined],
    ["gives a promise", () => Promise.resolve({ browser: "Firefox" })],
    ["gives other things than texts", () => ({ browser: 7, os: {}, kind: [] })],
  ])("that a parser %s for is not recognised", async (_what, parse) => {
    const device = await parsedBy(FIREFOX, parse as UserAgentParser);
    expect(device).toEqual({ browser: null, os: null, kind: null, text: FIREFOX });
  });

  test("has names of a bounded length", async () => {
    const device = await parsedBy(FIREFOX, () => ({ browser: "F".repeat(1000), os: "\n" }));
    expect(device).toMatchObject({ browser: `${"F".repeat(39)}…`, os: null });
  });
});

describe("options that cannot work", () => {
  const manager = new SessionManager({ store: memoryStore() });

  test.each<[unknown, RegExp]>([
    [null, /object/],
    [{ fresh: "5m" }, /no option "fresh".*freshness/],
    [{ freshness: "soon" }, /freshness/],
    [{ freshness: false }, /freshness/],
    [{ freshness: {} }, /freshness/],
    [{ freshness: { maxage: "5m" } }, /freshness/],
    [{ parseUserAgent: Bowser }, /bowserParser/],
    [{ pages: "/account" }, /pages/],
    [{ pages: {} }, /pages\.devices is missing/],
    [{ pages: { devices: "/a", home: "/" } }, /no option "home"/],
    [{ pages: { devices: "account" } }, /pages\.devices must be a path/],
    [{ pages: { devices: "//evil.example" } }, /path/],
    [{ pages: { devices: "/\\evil.example" } }, /path/],
    [{ pages: { devices: "https://evil.example" } }, /path/],
    [{ pages: { devices: "/a\r\nX: y" } }, /path/],
    [{ pages: { devices: "/a", login: 7 } }, /pages\.login/],
  ])("are refused: %j", (options, message) => {
    const error = refusal(() => devices(manager, options as DevicesOptions));
    expect(error.code).toBe("ERR_SESSION_CONFIG");
    expect(error.message).toMatch(message);
  });

  test("a manager of any data and any class of sessions is taken", async () => {
    class Visit extends Session<{ cart: string[] }> {}
    const typed = new SessionManager({ store: memoryStore(), sessionClass: Visit });
    const exchange = testExchange();
    const session = await typed.startRequest(exchange);
    session.login("ann");
    session.data.cart = ["tea"];
    await typed.finishSuccessfulRequest(exchange);
    expect(await devices(typed).list(session)).toHaveLength(1);
    expect(await listDevices(typed, session)).toHaveLength(1);
  });

  test("a manager that manages nothing is refused, and one whose store has no index", () => {
    const none = new NullSessionManager() as unknown as DeviceManager;
    expect(refusal(() => devices(none)).message).toMatch(/SessionManager/);
    const { create, read, update, delete: drop, traits } = memoryStore();
    const bare = new SessionManager({ store: { create, read, update, delete: drop, traits } as never });
    expect(refusal(() => devices(bare)).message).toMatch(/listByLabel/);
  });
});
