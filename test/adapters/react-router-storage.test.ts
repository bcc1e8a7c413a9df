import { describe, expect, test } from "vitest";
import { reactRouterSessionStorage, type RouterSessionStorage } from "../../src/adapters/react-router.ts";
import {
  NullSessionManager,
  SessionError,
  SessionManager,
  type SessionManagerOptions,
} from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { failsBefore, faultyStore, manualClock } from "../../src/testing/index.ts";
import { type AnySessionStorage, sentBack, sessionStorageRules } from "./support/session-storage-rules.ts";

const MINUTE = 60_000;
const COOKIE = "__Host-Http-sid";
// oxlint-disable-next-line typescript/no-explicit-any -- data of any kind
type AnyData = any;

interface Rig extends RouterSessionStorage<AnyData, AnyData> {
  readonly manager: SessionManager;
  readonly store: ReturnType<typeof faultyStore>;
  readonly clock: ReturnType<typeof manualClock>;
  /** A stored session with the field `colour` at `red`, as a Cookie header. */
  visitor(): Promise<string>;
  colourOf(cookie: string): Promise<unknown>;
}

function rigOf(options: Partial<SessionManagerOptions<Record<never, never>, AnyData>> = {}): Rig {
  const clock = manualClock();
  const store = faultyStore(memoryStore());
  const manager = new SessionManager({ sweepEvery: false, ...options, clock, store: store.store } as never);
  const storage = reactRouterSessionStorage<AnyData>(manager as AnyData) as RouterSessionStorage<AnyData>;
  return {
    ...storage,
    manager: manager as SessionManager,
    store,
    clock,
    async visitor() {
      const session = await storage.getSession();
      session.set("colour", "red");
      return sentBack(await storage.commitSession(session));
    },
    colourOf: async (cookie) => (await storage.getSession(cookie)).get("colour"),
  };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => new Error("it was no error"),
    (error: unknown) => error,
  );
  return SessionError.is(error) ? error.code : String(error);
}

sessionStorageRules("the storage", () => rigOf() as unknown as AnySessionStorage);

describe("what a commit gives", () => {
  test("is empty for a new session with nothing in it, which is not stored", async () => {
    const { store, getSession, commitSession } = rigOf();
    expect(await commitSession(await getSession("theme=dark"))).toBe("");
    expect(store.count()).toBe(0);
  });

  test("is empty where the client's cookie stays good, and costs one read without a change", async () => {
    const rig = rigOf();
    const cookie = await rig.visitor();
    rig.store.forget();
    const unchanged = await rig.getSession(cookie);
    expect([unchanged.get("colour"), await rig.commitSession(unchanged)]).toEqual(["red", ""]);
    expect([rig.store.count("read"), rig.store.count()]).toEqual([1, 1]);
    const changed = await rig.getSession(cookie);
    changed.set("colour", "blue");
    expect(await rig.commitSession(changed)).toBe("");
    expect(await rig.colourOf(cookie)).toBe("blue");
  });

  test("is the whole cookie of the manager's policy for a new one", async () => {
    const { getSession, commitSession } = rigOf();
    const session = await getSession();
    session.set("colour", "red");
    expect(await commitSession(session)).toMatch(
      /^__Host-Http-sid=[\w-]{56}; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
    );
    expect(session.id).toMatch(/^[\w-]{24}$/);
  });

  test("is empty when the session ended meanwhile, which stays ended, and the cookie is left alone", async () => {
    const rig = rigOf();
    const cookie = await rig.visitor();
    const slow = await rig.getSession(cookie);
    slow.set("colour", "blue");
    expect(await rig.destroySession(await rig.getSession(cookie))).toContain("Max-Age=0");
    // A newer login may have set its cookie by now: this answer comes late, and must not overwrite it.
    expect(await rig.commitSession(slow)).toBe("");
    expect(await rig.commitSession(slow, { maxAge: 60 })).toBe("");
    expect(await rig.destroySession(slow)).toBe("");
    expect([await rig.colourOf(cookie), rig.store.count("create")]).toEqual([undefined, 1]);
  });

  test("is empty, and harmless, for the end of a session that never was", async () => {
    const rig = rigOf();
    expect(await rig.destroySession(await rig.getSession())).toBe("");
    expect(await rig.destroySession(await rig.getSession(`${COOKIE}=${"A".repeat(56)}`))).toBe("");
    expect(rig.store.count("delete")).toBe(0);
  });

  test("is a new session's cookie after the end of one, where there is something to keep", async () => {
    const rig = rigOf();
    const cookie = await rig.visitor();
    const session = await rig.getSession(cookie);
    await rig.destroySession(session);
    expect(session.data).toEqual({});
    session.set("colour", "green");
    const fresh = sentBack(await rig.commitSession(session));
    expect(fresh).not.toBe(cookie);
    expect([await rig.colourOf(fresh), await rig.colourOf(cookie)]).toEqual(["green", undefined]);
  });
});

test("a cookie is given once, and its age is no age of what revokes it", async () => {
  const { getSession, commitSession, destroySession } = rigOf();
  const session = await getSession();
  session.set("colour", "red");
  expect(await commitSession(session, { maxAge: 60 })).toContain("Max-Age=60");
  expect(await commitSession(session)).toBe("");
  session.rotate();
  expect(await commitSession(session)).toContain("Max-Age=60");
  const revoked = await destroySession(session);
  expect([revoked.includes("Max-Age=0"), revoked.includes("Max-Age=60")]).toEqual([true, false]);
});

describe("the age of the cookie", () => {
  test("may be given for a session that the client has already: the same cookie again", async () => {
    const rig = rigOf();
    const cookie = await rig.visitor();
    const again = await rig.commitSession(await rig.getSession(cookie), { maxAge: 90.7 });
    expect(again).toBe(`${cookie}; Path=/; Max-Age=90; Secure; HttpOnly; SameSite=Lax`);
    const until = new Date(Date.now() + 100_500);
    expect(await rig.commitSession(await rig.getSession(cookie), { expires: until })).toContain(
      "Max-Age=100",
    );
    const past = await rig.commitSession(await rig.getSession(cookie), { expires: new Date(0) });
    expect(past).toContain("Max-Age=0");
  });

  test("is no reason to store or to send anything", async () => {
    const { store, getSession, commitSession } = rigOf();
    expect(await commitSession(await getSession(), { maxAge: 60 })).toBe("");
    expect(store.count()).toBe(0);
  });

  test("is refused when it is no age, as is every attribute that is the manager's to say", async () => {
    const { getSession, commitSession, destroySession } = rigOf();
    const session = await getSession();
    for (const options of [
      { maxAge: Number.NaN },
      { expires: new Date("never") },
      { path: "/shop" },
      { secure: false },
    ]) {
      expect(await codeOf(commitSession(session, options as object))).toBe("ERR_SESSION_USE");
      expect(await codeOf(destroySession(session, options as object))).toBe("ERR_SESSION_USE");
    }
    expect(await codeOf(getSession("", { decode: String }))).toBe("ERR_SESSION_USE");
    await commitSession(session, { maxAge: undefined, domain: undefined } as object);
  });
});

describe("a store that fails", () => {
  test("fails the commit, and what was staged can be committed again", async () => {
    const rig = rigOf();
    const cookie = await rig.visitor();
    const session = await rig.getSession(cookie);
    session.set("colour", "blue");
    rig.store.always("update", failsBefore(new Error("down")));
    expect(await codeOf(rig.commitSession(session))).toMatch(/^ERR_SESSION_(UNKNOWN|STORE_UNAVAILABLE)$/);
    rig.store.heal();
    expect([await rig.colourOf(cookie), await rig.commitSession(session)]).toEqual(["red", ""]);
    expect(await rig.colourOf(cookie)).toBe("blue");
  });

  test("fails the end of a session, which can be repeated", async () => {
    const rig = rigOf();
    const cookie = await rig.visitor();
    const session = await rig.getSession(cookie);
    rig.store.always("delete", failsBefore(new Error("down")));
    expect(await codeOf(rig.destroySession(session))).toMatch(/^ERR_SESSION_/);
    rig.store.heal();
    expect(await rig.colourOf(cookie)).toBe("red");
    expect(await rig.destroySession(await rig.getSession(cookie))).toContain("Max-Age=0");
  });

  test("is never taken for an empty session", async () => {
    const rig = rigOf();
    const cookie = await rig.visitor();
    rig.store.always("read", failsBefore(new Error("down")));
    expect(await codeOf(rig.getSession(cookie))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
  });

  test("gives a session to read, and none to change, where the manager asks for that", async () => {
    const rig = rigOf({ onStoreFailure: "anonymous" });
    const cookie = await rig.visitor();
    rig.store.always("read", failsBefore(new Error("down")));
    const session = await rig.getSession(cookie);
    expect([session.data, await rig.commitSession(session)]).toEqual([{}, ""]);
    expect(() => session.set("colour", "blue")).toThrow(/could not be read/);
  });

  test("a value that does not come back as it is fails the commit and names the field", async () => {
    const { store, getSession, commitSession } = rigOf();
    const session = await getSession();
    session.set("odd", () => "no value");
    await expect(commitSession(session)).rejects.toThrow(/"odd"/);
    session.set("odd", "x".repeat(2_000_000));
    expect(await codeOf(commitSession(session))).toBe("ERR_SESSION_LIMIT");
    expect(store.count("create")).toBe(0);
  });
});

describe("secrets", () => {
  test("a login gives a new one, and the cookie from before opens nothing any more", async () => {
    const rig = rigOf();
    const cookie = await rig.visitor();
    const session = await rig.getSession(cookie);
    expect(session.user).toBeNull();
    session.login("ada", { methods: ["pwd"] });
    const fresh = sentBack(await rig.commitSession(session));
    expect([session.user, fresh === cookie]).toEqual(["ada", false]);
    expect([await rig.colourOf(cookie), await rig.colourOf(fresh)]).toEqual([undefined, "red"]);
    expect(await rig.manager.sessionsOf("ada")).toHaveLength(1);
  });

  test("rotate and reauthenticate give a new one too", async () => {
    const rig = rigOf();
    const session = await rig.getSession();
    session.login("ada");
    let cookie = sentBack(await rig.commitSession(session));
    for (const verb of ["rotate", "reauthenticate"] as const) {
      const next = await rig.getSession(cookie);
      next[verb]();
      const fresh = sentBack(await rig.commitSession(next));
      expect([fresh.length, fresh === cookie]).toEqual([cookie.length, false]);
      expect((await rig.getSession(cookie)).user).toBeNull();
      cookie = fresh;
    }
  });

  test("the session underneath has all the verbs, and commits with the rest", async () => {
    const rig = rigOf();
    const cookie = await rig.visitor();
    const { session } = await rig.getSession(cookie);
    session.login("ada");
    await session.commit();
    const shown = await rig.getSession(cookie);
    expect(shown.data).toEqual({});
  });

  test("a remembered login's cookie has its age without being told", async () => {
    const rig = rigOf();
    const session = await rig.getSession();
    session.login("ada", { remember: "30d" });
    expect(await rig.commitSession(session)).toContain(`Max-Age=${30 * 86_400}`);
  });

  test("a rotation that is due waits for a commit, for nobody would send what reading made", async () => {
    const rig = rigOf({ rotateEvery: "10m" });
    const cookie = await rig.visitor();
    const rotated: unknown[] = [];
    rig.manager.on("rotated", (event) => void rotated.push(event));
    rig.clock.advance(11 * MINUTE);
    expect([await rig.colourOf(cookie), rotated]).toEqual(["red", []]);
    const fresh = sentBack(await rig.commitSession(await rig.getSession(cookie)));
    expect([fresh.startsWith(`${COOKIE}=`), fresh === cookie]).toEqual([true, false]);
    expect(await rig.colourOf(fresh)).toBe("red");
  });

  test("a lost answer that brought a rotation is given once more", async () => {
    const rig = rigOf({ rotateEvery: "10m" });
    const cookie = await rig.visitor();
    rig.clock.advance(11 * MINUTE);
    const lost = await rig.commitSession(await rig.getSession(cookie));
    expect(await rig.commitSession(await rig.getSession(cookie))).toBe(lost);
  });
});

describe("overlapping requests", () => {
  test("that change different fields both survive", async () => {
    const rig = rigOf();
    const cookie = await rig.visitor();
    const [one, other] = [await rig.getSession(cookie), await rig.getSession(cookie)];
    one.set("one", 1);
    other.set("other", 2);
    await Promise.all([rig.commitSession(one), rig.commitSession(other)]);
    expect((await rig.getSession(cookie)).data).toEqual({ colour: "red", one: 1, other: 2 });
  });

  test("lose none of what they add by the session underneath", async () => {
    const rig = rigOf();
    const cookie = await rig.visitor();
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const shown = await rig.getSession(cookie);
        shown.session.increment("hits");
        await rig.commitSession(shown);
      }),
    );
    expect((await rig.getSession(cookie)).get("hits")).toBe(20);
  });

  test("may read a flash value twice, and neither fails", async () => {
    const rig = rigOf();
    const first = await rig.getSession(await rig.visitor());
    first.flash("notice", "hello");
    await rig.commitSession(first);
    const cookie = await rig.visitor();
    const setting = await rig.getSession(cookie);
    setting.flash("notice", "hello");
    await rig.commitSession(setting);
    const [one, other] = [await rig.getSession(cookie), await rig.getSession(cookie)];
    expect([one.get("notice"), other.get("notice")]).toEqual(["hello", "hello"]);
    await Promise.all([rig.commitSession(one), rig.commitSession(other)]);
    expect((await rig.getSession(cookie)).has("notice")).toBe(false);
  });
});

describe("the header", () => {
  test("with the same cookie twice counts once, and a good one beside bad ones is used", async () => {
    const rig = rigOf();
    const cookie = await rig.visitor();
    rig.store.forget();
    expect(await rig.colourOf(`${cookie}; ${cookie}`)).toBe("red");
    expect(rig.store.count("read")).toBe(1);
    expect(await rig.colourOf(`${COOKIE}=junk; ${cookie}`)).toBe("red");
  });

  test("with two cookies that open different sessions opens none", async () => {
    const rig = rigOf();
    const [one, other] = [await rig.visitor(), await rig.visitor()];
    expect(await rig.colourOf(`${one}; ${other}`)).toBeUndefined();
    expect([await rig.colourOf(one), await rig.colourOf(other)]).toEqual(["red", "red"]);
  });
});

describe("the life of a session", () => {
  test("goes on while it is only read, by a throttled touch", async () => {
    const rig = rigOf({ idle: "10m" } as object);
    const cookie = await rig.visitor();
    for (let turn = 0; turn < 4; turn += 1) {
      rig.clock.advance(6 * MINUTE);
      expect(await rig.colourOf(cookie)).toBe("red");
    }
    rig.store.forget();
    expect(await rig.colourOf(cookie)).toBe("red");
    expect(rig.store.count("update")).toBe(0);
    rig.clock.advance(11 * MINUTE);
    expect(await rig.colourOf(cookie)).toBeUndefined();
  });
});

test("a session of another storage, or of none, is refused", async () => {
  const [one, other] = [rigOf(), rigOf()];
  const session = await one.getSession();
  expect(await codeOf(other.commitSession(session))).toBe("ERR_SESSION_USE");
  expect(await codeOf(other.destroySession({ ...session }))).toBe("ERR_SESSION_USE");
});

test("a path that is where the application is mounted is the cookie's", async () => {
  const manager = new SessionManager({ store: memoryStore(), cookie: { path: "mount", name: "sid" } });
  const storage = reactRouterSessionStorage(manager, { mountPath: "/shop" });
  const session = await storage.getSession();
  session.set("colour", "red");
  expect(await storage.commitSession(session)).toContain("Path=/shop/;");
});

test("without a manager, or with an unknown option, nothing is made", () => {
  expect(() => reactRouterSessionStorage({} as never)).toThrow(/SessionManager/);
  expect(() => reactRouterSessionStorage(new NullSessionManager(), { cookie: {} } as object)).toThrow(
    /"cookie"/,
  );
});

test("a manager that manages nothing gives sessions that end with their request", async () => {
  const storage = reactRouterSessionStorage<AnyData>(new NullSessionManager());
  const session = await storage.getSession();
  session.set("colour", "red");
  expect([await storage.commitSession(session), session.get("colour")]).toEqual(["", "red"]);
});
