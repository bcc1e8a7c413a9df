import { describe, expect, test } from "vitest";
import type { Session, SessionEvents } from "../../src/index.ts";
import { SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { failsBefore, faultyStore, manualClock } from "../../src/testing/index.ts";
import { cookieAfter, testExchange } from "../support/exchange.ts";
import { refusal } from "../support/site.ts";

type Options = Partial<ConstructorParameters<typeof SessionManager>[0]>;
type Place = { readonly address?: string; readonly agent?: string; readonly host?: boolean };

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const NEWER_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";
const CHROME =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const HOME = { address: "192.0.2.1", agent: FIREFOX };
const CAFE = { address: "198.51.100.7", agent: FIREFOX };

/** A shop whose store counts its calls, and visits to it from places. */
function shop(options: Options = {}) {
  const clock = manualClock();
  const faulty = faultyStore(memoryStore());
  const { store } = faulty;
  const manager = new SessionManager({ store, clock, ...options });
  const told: SessionEvents["moved"][] = [];
  manager.on("moved", (event) => void told.push(event));
  const arrive = async (cookie: string | undefined, { address, agent, host = true }: Place) => {
    const exchange = testExchange({
      ...(cookie !== undefined && { cookie }),
      ...(address !== undefined && { remoteAddress: address }),
      requestHeaders: {
        ...(host && { host: "shop.example" }),
        ...(agent !== undefined && { "user-agent": agent }),
      },
    });
    return { exchange, session: await manager.startRequest(exchange) };
  };
  const visit = async (
    cookie: string | undefined,
    place: Place,
    work: (session: Session) => unknown = () => undefined,
  ): Promise<string> => {
    const { exchange, session } = await arrive(cookie, place);
    await work(session);
    await manager.finishSuccessfulRequest(exchange);
    await Promise.all(exchange.background);
    return exchange.cookies.length > 0 ? cookieAfter(exchange) : (cookie ?? "");
  };
  const login = (place: Place): Promise<string> => visit(undefined, place, (session) => session.login("ann"));
  const info = async () => (await manager.sessionsOf("ann"))[0];
  return { clock, faulty, store, manager, told, arrive, visit, login, info };
}

/** How often each method of the store is called while work is done. */
async function callsOf({ faulty }: ReturnType<typeof shop>, work: () => Promise<unknown>): Promise<string[]> {
  const before = faulty.calls.length;
  await work();
  return faulty.calls.slice(before).map((call) => call.operation);
}

describe("S15: a session that is presented from another place", () => {
  test("tells so once, with both addresses, and the list tells the latest and the first", async () => {
    const where = shop();
    const cookie = await where.login(HOME);
    await where.visit(cookie, HOME);
    expect(where.told).toEqual([]);
    const { id } = (await where.info())!;
    await where.visit(cookie, CAFE);
    await where.visit(cookie, CAFE);
    const from = { address: HOME.address };
    expect(where.told).toEqual([
      { id, user: "ann", address: CAFE.address, from, addressChanged: true, userAgentChanged: false },
    ]);
    const startedFrom = { address: HOME.address, userAgent: FIREFOX };
    expect(await where.info()).toMatchObject({ address: CAFE.address, userAgent: FIREFOX, startedFrom });
    await where.visit(cookie, HOME);
    expect(where.told.map(({ address }) => address)).toEqual([CAFE.address, HOME.address]);
  });

  test("is refused nothing, and keeps the address that it was logged in from", async () => {
    const where = shop();
    const cookie = await where.login(HOME);
    await where.visit(cookie, CAFE, (session) => {
      expect(session.user).toBe("ann");
      expect(session.remoteAddress).toBe(HOME.address);
    });
    await where.visit(cookie, CAFE, (session) => expect(session.remoteAddress).toBe(HOME.address));
  });

  test("tells of a user agent by itself", async () => {
    const where = shop();
    const cookie = await where.login(HOME);
    await where.visit(cookie, { ...HOME, agent: CHROME });
    expect(where.told).toMatchObject([
      {
        address: HOME.address,
        from: { address: HOME.address },
        addressChanged: false,
        userAgentChanged: true,
      },
    ]);
    expect(await where.info()).toMatchObject({ userAgent: CHROME, startedFrom: { userAgent: FIREFOX } });
    // One that no longer says what it is has changed too.
    await where.visit(cookie, { address: HOME.address });
    expect(where.told).toHaveLength(2);
    await where.visit(cookie, HOME);
    expect(where.told).toHaveLength(2);
  });

  test("has not moved where nothing is shown of the request but its cookie", async () => {
    const where = shop();
    const cookie = await where.login(HOME);
    await where.visit(cookie, { host: false });
    where.clock.advance(61_000);
    await where.visit(cookie, { host: false });
    expect(where.told).toEqual([]);
    expect(await where.info()).toMatchObject({ address: HOME.address, userAgent: FIREFOX });
  });

  test("without a user is one too", async () => {
    const where = shop();
    const cookie = await where.visit(undefined, HOME, ({ data }) => void (data["cart"] = ["tea"]));
    await where.visit(cookie, CAFE);
    expect(where.told).toMatchObject([{ user: null, address: CAFE.address }]);
  });

  test("moves its last seen time along", async () => {
    const where = shop();
    const cookie = await where.login(HOME);
    where.clock.advance(1000);
    await where.visit(cookie, CAFE);
    expect((await where.info())?.accessedAt).toBe(where.clock.now());
  });

  test("tells once, however many requests from there overlap", async () => {
    const where = shop();
    const cookie = await where.login(HOME);
    const arrived = await Promise.all(Array.from({ length: 8 }, () => where.arrive(cookie, CAFE)));
    await Promise.all(arrived.map(async ({ exchange }) => where.manager.finishSuccessfulRequest(exchange)));
    await Promise.all(arrived.flatMap(({ exchange }) => exchange.background));
    expect(where.told).toHaveLength(1);
  });

  test("tells once, in whichever of two processes", async () => {
    const where = shop();
    const other = new SessionManager({ store: where.store, clock: where.clock });
    other.on("moved", (event) => void where.told.push(event));
    const cookie = await where.login(HOME);
    const exchanges = [where.manager, other].map((manager) => ({
      manager,
      exchange: testExchange({
        cookie,
        remoteAddress: CAFE.address,
        requestHeaders: { "user-agent": FIREFOX },
      }),
    }));
    for (const { manager, exchange } of exchanges) await manager.startRequest(exchange);
    await Promise.all(
      exchanges.map(async ({ manager, exchange }) => manager.finishSuccessfulRequest(exchange)),
    );
    await Promise.all(exchanges.flatMap(({ exchange }) => exchange.background));
    expect(where.told).toHaveLength(1);
  });

  test("while it is locked tells so, and is not used by it", async () => {
    const where = shop({ preset: "aal2" });
    const cookie = await where.login(HOME);
    const { accessedAt } = (await where.info())!;
    where.clock.advance(2 * 3_600_000);
    await where.visit(cookie, CAFE, (session) => expect(session.lockedUser).toBe("ann"));
    await where.visit(cookie, CAFE);
    expect(where.told).toHaveLength(1);
    expect(await where.info()).toMatchObject({ state: "locked", accessedAt, address: CAFE.address });
  });

  test("does not tell of a login from there, which tells by itself, and begins anew with it", async () => {
    const where = shop();
    const first = await where.login(HOME);
    const again = await where.visit(first, CAFE, (session) => session.login("ann"));
    await where.visit(again, CAFE);
    expect(where.told).toEqual([]);
    await where.visit(again, HOME);
    const third = await where.visit(again, HOME, (session) => session.login("ann"));
    const startedFrom = { address: HOME.address };
    expect(await where.info()).toMatchObject({ address: HOME.address, startedFrom });
    await where.visit(third, HOME);
    expect(where.told).toHaveLength(1);
  });

  test("tells of an authentication and of an unlocking from there", async () => {
    const where = shop();
    const cookie = await where.login(HOME);
    await where.visit(cookie, CAFE, (session) => session.reauthenticate());
    expect(where.told).toHaveLength(1);
    expect(await where.info()).toMatchObject({ startedFrom: { address: HOME.address } });
  });

  test("says nothing when its request fails, and says it with the next", async () => {
    const where = shop();
    const cookie = await where.login(HOME);
    const { exchange } = await where.arrive(cookie, CAFE);
    await where.manager.finishFailedRequest(exchange);
    expect(where.told).toEqual([]);
    await where.visit(cookie, CAFE);
    expect(where.told).toHaveLength(1);
  });

  test("answers all the same when the note cannot be stored", async () => {
    const where = shop();
    const cookie = await where.login(HOME);
    where.faulty.always("update", failsBefore());
    await where.visit(cookie, CAFE, (session) => expect(session.user).toBe("ann"));
    expect(where.told).toEqual([]);
  });
});

describe("S15 with a rotation that is due", () => {
  test("both are stored by one update", async () => {
    const where = shop({ rotateEvery: "1h" });
    const cookie = await where.login(HOME);
    where.clock.advance(3_600_000);
    const calls = await callsOf(where, () => where.visit(cookie, CAFE));
    expect(calls).toEqual(["read", "update"]);
    expect(where.told).toHaveLength(1);
  });

  test("the request is answered when neither can be stored", async () => {
    const where = shop({ rotateEvery: "1h" });
    const cookie = await where.login(HOME);
    where.clock.advance(3_600_000);
    where.faulty.always("update", failsBefore());
    expect(await where.visit(cookie, CAFE)).toBe(cookie);
    where.faulty.heal();
    expect(await where.visit(cookie, CAFE)).not.toBe(cookie);
    expect(where.told).toHaveLength(1);
  });
});

describe("P6: noticing costs", () => {
  test("nothing when nothing changed, nor within the same network or product", async () => {
    const where = shop();
    const cookie = await where.login(HOME);
    const near = { address: "192.0.2.200", agent: NEWER_FIREFOX };
    const calls = await callsOf(where, async () => {
      await where.visit(cookie, HOME);
      await where.visit(cookie, near);
      await where.visit(cookie, { agent: FIREFOX });
    });
    expect(calls).toEqual(["read", "read", "read"]);
    expect(where.told).toEqual([]);
  });

  test("one update when something did, which a change of the request goes along with", async () => {
    const where = shop();
    const cookie = await where.login(HOME);
    expect(await callsOf(where, () => where.visit(cookie, CAFE))).toEqual(["read", "update"]);
    const busy = (session: Session): void => void (session.data["a"] = 1);
    expect(await callsOf(where, () => where.visit(cookie, HOME, busy))).toEqual(["read", "update"]);
    expect(where.told).toHaveLength(2);
  });

  test("nothing beside the touch that is due, which takes a near address along without an event", async () => {
    const where = shop();
    const cookie = await where.login(HOME);
    where.clock.advance(61_000);
    const near = { address: "192.0.2.200", agent: NEWER_FIREFOX };
    expect(await callsOf(where, () => where.visit(cookie, near))).toEqual(["read", "update"]);
    expect(where.told).toEqual([]);
    expect(await where.info()).toMatchObject({
      address: near.address,
      userAgent: NEWER_FIREFOX,
      accessedAt: where.clock.now(),
    });
  });

  test("no wait for the answer, where work may go on beside it", async () => {
    const where = shop();
    const cookie = await where.login(HOME);
    const { exchange } = await where.arrive(cookie, CAFE);
    expect(where.manager.finishSuccessfulRequest(exchange)).toBeUndefined();
    expect(exchange.background).toHaveLength(1);
    await Promise.all(exchange.background);
    expect(where.told).toHaveLength(1);
  });
});

describe("the option moves", () => {
  test("compares exactly where it is asked to", async () => {
    const where = shop({ moves: { address: "exact", userAgent: "exact" } });
    const cookie = await where.login(HOME);
    await where.visit(cookie, { ...HOME, address: "::ffff:192.0.2.1" });
    expect(where.told).toEqual([]);
    await where.visit(cookie, { ...HOME, address: "192.0.2.2" });
    await where.visit(cookie, { address: "192.0.2.2", agent: NEWER_FIREFOX });
    expect(where.told).toMatchObject([{ addressChanged: true }, { userAgentChanged: true }]);
  });

  test("leaves out what it is told to", async () => {
    const where = shop({ moves: { address: false } });
    const cookie = await where.login(HOME);
    await where.visit(cookie, CAFE);
    expect(where.told).toEqual([]);
    await where.visit(cookie, { ...CAFE, agent: CHROME });
    expect(where.told).toMatchObject([{ addressChanged: false, userAgentChanged: true }]);
    const blind = shop({ moves: { userAgent: false } });
    const other = await blind.login(HOME);
    await blind.visit(other, { ...HOME, agent: CHROME });
    expect(blind.told).toEqual([]);
  });

  test("notes nothing at all when it is false", async () => {
    const where = shop({ moves: false });
    const cookie = await where.login(HOME);
    where.clock.advance(61_000);
    await where.visit(cookie, { address: CAFE.address, agent: CHROME });
    expect(where.told).toEqual([]);
    expect(await where.info()).toMatchObject({ address: HOME.address, userAgent: FIREFOX });
    expect(where.manager.describePolicy().moves).toBeNull();
  });

  test.each([{ address: "near" }, { address: true }, { userAgent: "network" }, { addresses: "exact" }, 7])(
    "is refused when it cannot work: %j",
    (moves) => {
      expect(
        refusal(() => new SessionManager({ store: memoryStore(), moves: moves as never })),
      ).toMatchObject({
        code: "ERR_SESSION_CONFIG",
      });
    },
  );
});

test("an address of any length is cut", async () => {
  const where = shop();
  const cookie = await where.login(HOME);
  await where.visit(cookie, { ...HOME, address: "x".repeat(100_000) });
  expect((await where.info())?.address).toHaveLength(100);
});
