import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, test } from "vitest";
import type { SessionChange, RecordStore } from "../../src/core/store.ts";
import type { AnySession } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { failsBefore, gate, hangs, losesReply, waitsAfter, waitsBefore } from "../../src/testing/index.ts";
import {
  codeOf,
  done,
  loggedIn,
  noUnhandledRejections,
  recordsOf,
  type Rig,
  rig,
  seen,
  setCookies,
  settled,
  sibling,
  stored,
  type TestExchange,
  type Visit,
  visit,
} from "../races/rig.ts";
import { cookieAfter } from "../support/exchange.ts";

noUnhandledRejections();

type Handler = (session: AnySession, number: number) => unknown;

interface Overlap {
  readonly visits: readonly Visit[];
  /** The answers of all, those that stand in line behind the first included. */
  readonly answers: readonly Promise<void>[];
  /** Lets the first one's write through. */
  open(): void;
}

/** Requests of one session, all loaded before any commits, of which the first one's write is held open. */
async function overlapping(where: Rig, cookie: string, count: number, handler: Handler): Promise<Overlap> {
  const visits = await Promise.all(Array.from({ length: count }, () => visit(where, cookie)));
  const held = gate();
  where.faulty.forget();
  where.faulty.next("update", waitsBefore(held));
  const answers: Promise<void>[] = [];
  for (const [number, one] of visits.entries()) {
    await handler(one.session, number);
    answers.push(one.finish());
    if (number === 0) await held.reached();
  }
  await settled();
  return { visits, answers, open: () => held.open() };
}

function codes(answers: readonly Promise<void>[]): Promise<string[]> {
  return Promise.all(
    answers.map((answer) =>
      answer.then(
        () => "saved",
        (error: unknown) => codeOf(Promise.reject(error)),
      ),
    ),
  );
}

/** The changes that reach the store from here on. */
function changesOf(store: RecordStore): SessionChange[] {
  const changes: SessionChange[] = [];
  const update = store.update.bind(store);
  store.update = (id, change, call) => {
    changes.push(change);
    return update(id, change, call);
  };
  return changes;
}

function numbers(length: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length }, (_, number) => [`f${number}`, number]));
}

const counting: Handler = (session) => session.increment("n");

describe("commits that wait for the same session", () => {
  test("64 increments are two writes, and all are counted", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const { answers, open, visits } = await overlapping(where, cookie, 64, counting);
    expect(where.faulty.count("update")).toBe(1);
    open();
    await Promise.all(answers);
    expect(where.faulty.calls.map(({ operation }) => operation)).toEqual(["update", "update"]);
    expect(await seen(where, cookie)).toEqual({ n: 64 });
    expect(visits.map(({ session }) => session.data.n)).toEqual(Array.from({ length: 64 }, (_, n) => n + 1));
    expect(where.names()).toEqual(["created"]);
  });

  test("no more than 64 are one write", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const { answers, open } = await overlapping(where, cookie, 130, counting);
    open();
    await Promise.all(answers);
    expect(where.faulty.count()).toBe(1 + 3);
    expect(await seen(where, cookie)).toEqual({ n: 130 });
  });

  test("different fields, read and changed, are one write", async () => {
    const where = rig();
    const cookie = await stored(where, { first: [] });
    const { answers, open } = await overlapping(where, cookie, 8, (session, number) => {
      session.data[`f${number}`] = session.has(`f${number}`) ? "no" : number;
    });
    open();
    await Promise.all(answers);
    expect(where.faulty.count()).toBe(2);
    expect(await seen(where, cookie)).toEqual({ first: [], ...numbers(8) });
    expect(where.of("conflict")).toEqual([]);
  });

  test("objects that updaters change in place come out as one after the other would leave them", async () => {
    const where = rig();
    const cookie = await stored(where, { list: [] });
    const { answers, open, visits } = await overlapping(where, cookie, 4, (session, number) => {
      session.update("list", (list) => [...(list as number[]), number]);
    });
    open();
    await Promise.all(answers);
    expect(await seen(where, cookie)).toEqual({ list: [0, 1, 2, 3] });
    expect(visits.map(({ session }) => session.data.list)).toEqual([[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]);
  });

  test("what one sets another takes away, in the order they came, and nothing is both set and taken away", async () => {
    const store = memoryStore();
    const changes = changesOf(store);
    const where = rig({ store });
    const cookie = await stored(where, { here: 1 });
    const { answers, open } = await overlapping(where, cookie, 5, (session, number) => {
      session.update("set", () => (number === 2 ? undefined : number));
      session.update("taken", () => (number === 4 ? undefined : number));
      if (number === 3) session.update("here", () => undefined);
    });
    open();
    await Promise.all(answers);
    expect(await seen(where, cookie)).toEqual({ set: 4 });
    const [, folded] = changes;
    expect(Object.keys(folded?.set ?? {}).sort()).toEqual(["set", "~commits"]);
    expect([...(folded?.remove ?? [])].sort()).toEqual(["here", "taken"]);
  });

  test("an updater that is applied again finds the context of its own request", async () => {
    const where = rig();
    const cookie = await stored(where, { log: [] });
    const local = new AsyncLocalStorage<number>();
    const visits = await Promise.all(Array.from({ length: 4 }, () => visit(where, cookie)));
    const held = gate();
    where.faulty.next("update", waitsBefore(held));
    const answers = visits.map(({ session, finish }, number) =>
      local.run(number, () => {
        session.update("log", (log) => [...(log as unknown[]), local.getStore()]);
        return finish();
      }),
    );
    held.open();
    await Promise.all(answers);
    expect(await seen(where, cookie)).toEqual({ log: [0, 1, 2, 3] });
  });

  test("the time of access is the latest", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const before = (await recordsOf(where))[0]?.expiresAt ?? 0;
    const { answers, open } = await overlapping(where, cookie, 3, counting);
    where.clock.advance(1500);
    open();
    await Promise.all(answers);
    const [record] = await recordsOf(where);
    expect(record?.accessedAt).toBe(where.clock.now());
    expect(record?.expiresAt).toBe(before + 1500);
  });

  test("a move is told once, by the request whose note of it is stored", async () => {
    const where = rig({ moves: { address: "exact" } });
    const moved: unknown[] = [];
    where.manager.on("moved", ({ from, address }) => void moved.push([from.address, address]));
    const there = (remoteAddress: string) => ({ remoteAddress, requestHeaders: { host: "shop.example" } });
    const first = await visit(where, undefined, there("192.0.2.1"));
    first.session.login("ann");
    first.session.data.n = 0;
    await first.finish();
    const cookie = cookieAfter(first.exchange);
    const at = (address: string): Promise<Visit> => visit(where, cookie, there(address));
    const visits = [await at("192.0.2.1"), await at("198.51.100.7"), await at("198.51.100.7")];
    const held = gate();
    where.faulty.next("update", waitsBefore(held));
    const answers = visits.map(({ session, finish }) => {
      session.increment("n");
      return finish();
    });
    held.open();
    await Promise.all(answers);
    expect(moved).toEqual([["192.0.2.1", "198.51.100.7"]]);
    expect(await seen(where, cookie)).toEqual({ n: 3 });
  });

  test("none is answered before the write that holds it is acknowledged", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const { answers, open } = await overlapping(where, cookie, 5, counting);
    const second = gate();
    where.faulty.next("update", waitsAfter(second));
    let answered = 0;
    for (const answer of answers) void answer.then(() => (answered += 1));
    open();
    await second.reached();
    await settled();
    expect(answered).toBe(1);
    second.open();
    await Promise.all(answers);
    expect(answered).toBe(5);
  });

  test("a lone one begins at once, and makes one write", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    where.faulty.forget();
    const one = await visit(where, cookie);
    one.session.increment("n");
    const answer = one.finish();
    expect(where.faulty.calls.map(({ operation }) => operation)).toEqual(["read", "update"]);
    await answer;
  });

  test("a value that was read, assigned, and overtaken within the write is told as a conflict, once", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const { answers, open } = await overlapping(where, cookie, 4, (session, number) => {
      session.data.n = (session.data.n as number) + 1 + number;
    });
    open();
    await Promise.all(answers);
    expect(where.faulty.count()).toBe(2);
    expect(await seen(where, cookie)).toEqual({ n: 4 });
    expect(where.of("conflict")).toHaveLength(3);
  });

  test("where that is to fail, it fails those alone, against what is stored", async () => {
    const where = rig({ onConflict: "fail" });
    const cookie = await stored(where, { n: 0, m: 0 });
    const { answers, open } = await overlapping(where, cookie, 6, (session, number) => {
      if (number === 0) session.increment("n");
      else if (number % 2 === 0) session.increment("n");
      else session.data.m = (session.data.m as number) + number;
    });
    open();
    expect(await codes(answers)).toEqual([
      "saved",
      "saved",
      "saved",
      "ERR_SESSION_CONFLICT",
      "saved",
      "ERR_SESSION_CONFLICT",
    ]);
    expect(await seen(where, cookie)).toEqual({ n: 3, m: 1 });
    expect(where.of("conflict")).toHaveLength(2);
  });

  test("an assignment that depends on nothing joins a write that others wait for", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const { answers, open } = await overlapping(where, cookie, 8, (session, number) => {
      if (number === 0) session.increment("n");
      else session.data[`f${number}`] = number;
    });
    expect(where.faulty.count()).toBe(1);
    open();
    await Promise.all(answers);
    expect(where.faulty.count()).toBe(2);
    expect(await seen(where, cookie)).toEqual({ n: 1, ...numbers(8), f0: undefined });
  });

  test("assignments that depend on nothing wait for nobody where nothing is under way", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const visits = await Promise.all(Array.from({ length: 4 }, () => visit(where, cookie)));
    where.faulty.forget();
    const answers = visits.map(({ session, finish }, number) => {
      session.data[`f${number}`] = number;
      return finish();
    });
    expect(where.faulty.count("update")).toBe(4);
    await Promise.all(answers);
  });

  test("a commit after a folded one starts from what all of them wrote", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const visits = await Promise.all(Array.from({ length: 4 }, () => visit(where, cookie)));
    const held = gate();
    where.faulty.next("update", waitsBefore(held));
    const commits = visits.map(({ session }) => {
      session.increment("n");
      return session.commit();
    });
    await held.reached();
    await settled();
    held.open();
    await Promise.all(commits);
    // One from the middle of the folded write first: what it knows is older than what is stored.
    for (const { session, finish } of [...visits.slice(1), ...visits.slice(0, 1)]) {
      session.increment("n");
      await finish();
    }
    expect(await seen(where, cookie)).toEqual({ n: 8 });
  });

  test("what is staged while the write is on its way is counted by the next", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const visits = await Promise.all(Array.from({ length: 3 }, () => visit(where, cookie)));
    const held = gate();
    const second = gate();
    where.faulty.next("update", waitsBefore(held));
    where.faulty.next("update", waitsAfter(second));
    const commits = visits.map(({ session }) => {
      session.increment("n");
      return session.commit();
    });
    await held.reached();
    held.open();
    await second.reached();
    for (const { session } of visits) session.increment("n");
    second.open();
    await Promise.all(commits);
    await Promise.all(visits.map(({ finish }) => finish()));
    expect(await seen(where, cookie)).toEqual({ n: 6 });
  });
});

describe("what cannot be folded", () => {
  test("goes alone, and keeps its place in the line", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0, ticket: "t" });
    const order: unknown[] = [];
    const visits = await Promise.all(Array.from({ length: 5 }, () => visit(where, cookie)));
    const held = gate();
    where.faulty.forget();
    where.faulty.next("update", waitsBefore(held));
    const answers = visits.map(async ({ session, finish }, number) => {
      if (number === 2) order.push(await session.claim("ticket"));
      else {
        session.increment("n");
        await finish();
        order.push(number);
      }
    });
    await held.reached();
    await settled();
    held.open();
    await Promise.all(answers);
    expect(order.slice(0, 3)).toEqual([0, 1, "t"]);
    expect(new Set(order.slice(3))).toEqual(new Set([3, 4]));
    expect(where.faulty.count("update")).toBe(4);
    expect(await seen(where, cookie)).toEqual({ n: 4 });
  });

  test("an update that throws for what it finds fails alone, and finds what is stored", async () => {
    const where = rig();
    const cookie = await stored(where, { seats: 3, n: 0 });
    const { answers, open } = await overlapping(where, cookie, 6, (session) => {
      session.update("seats", (left) => {
        if (left === 0) throw new RangeError("sold out");
        return (left as number) - 1;
      });
    });
    open();
    const outcomes = await Promise.allSettled(answers);
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...Array<string>(3).fill("fulfilled"),
      ...Array<string>(3).fill("rejected"),
    ]);
    expect(await seen(where, cookie)).toEqual({ seats: 0, n: 0 });
  });

  test("what would make the record too large fails alone, and the rest goes on", async () => {
    const where = rig({ maxRecordBytes: 1024 });
    const cookie = await stored(where, { n: 0 });
    const { answers, open } = await overlapping(where, cookie, 5, (session, number) => {
      session.increment("n");
      if (number === 2) session.data.large = "x".repeat(2000);
    });
    open();
    expect(await codes(answers)).toEqual(["saved", "saved", "ERR_SESSION_LIMIT", "saved", "saved"]);
    expect(await seen(where, cookie)).toEqual({ n: 4 });
  });

  test("the size is that of the record with what those before it add", async () => {
    const where = rig({ maxRecordBytes: 1024 });
    const cookie = await stored(where, { n: 0 });
    const { answers, open } = await overlapping(where, cookie, 4, (session, number) => {
      session.increment("n");
      session.data[`f${number}`] = "x".repeat(300);
    });
    open();
    expect(await codes(answers)).toEqual(["saved", "saved", "saved", "ERR_SESSION_LIMIT"]);
  });

  test("a value that its schema refuses fails alone", async () => {
    const upToTwo = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value: unknown) =>
          typeof value === "number" && value > 2 ? { issues: [{ message: "too many" }] } : { value },
      },
    } as const;
    const where = rig({ fields: { n: upToTwo } });
    const cookie = await stored(where, { n: 0 });
    const { answers, open } = await overlapping(where, cookie, 4, counting);
    open();
    expect(await codes(answers)).toEqual(["saved", "saved", "ERR_SESSION_VALUE", "ERR_SESSION_VALUE"]);
    expect(await seen(where, cookie)).toEqual({ n: 2 });
  });

  test("a field that two take is one's, and the other fails", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0, ticket: "t" });
    const { answers, open } = await overlapping(where, cookie, 4, (session, number) => {
      session.increment("n");
      if (number > 1) session.take("ticket");
    });
    open();
    expect(await codes(answers)).toEqual(["saved", "saved", "saved", "ERR_SESSION_CONFLICT"]);
    expect(await seen(where, cookie)).toEqual({ n: 3 });
  });
});

describe("when others are first", () => {
  test("all of a folded write start again from what is stored", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0, m: 0 });
    const { answers, open, visits } = await overlapping(where, cookie, 6, (session, number) => {
      session.increment("n");
      if (number === 3) session.data.m = (session.data.m as number) + 1;
    });
    const second = gate();
    where.faulty.next("update", waitsBefore(second));
    open();
    await second.reached();
    await done(sibling(where), cookie, (session) => void session.increment("n", 100));
    second.open();
    await Promise.all(answers);
    expect(await seen(where, cookie)).toEqual({ n: 106, m: 1 });
    expect(visits.map(({ session }) => session.data.n)).toEqual([1, 102, 103, 104, 105, 106]);
    expect(where.of("conflict")).toEqual([]);
  });

  test("a conflict is told of what was stored, not of what a refused write would have stored", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0, m: 0 });
    const { answers, open } = await overlapping(where, cookie, 4, (session, number) => {
      if (number === 0) session.increment("n");
      else session.data.m = (session.data.m as number) + number;
    });
    const second = gate();
    where.faulty.next("update", waitsBefore(second));
    open();
    await second.reached();
    await done(sibling(where), cookie, (session) => void session.increment("n", 100));
    second.open();
    await Promise.all(answers);
    expect(await seen(where, cookie)).toEqual({ n: 101, m: 3 });
    expect(where.of("conflict")).toHaveLength(2);
  });

  test("an assignment that depends on nothing goes by itself once the write that held it was refused", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const { answers, open } = await overlapping(where, cookie, 3, (session, number) => {
      if (number === 2) session.data.blind = true;
      else session.increment("n");
    });
    const second = gate();
    where.faulty.next("update", waitsBefore(second));
    open();
    await second.reached();
    await done(sibling(where), cookie, (session) => void session.increment("n", 100));
    const again = gate();
    where.faulty.next("update", waitsBefore(again));
    const answered: number[] = [];
    for (const [number, answer] of answers.entries()) void answer.then(() => answered.push(number));
    second.open();
    await settled();
    expect(answered).toEqual([0, 2]);
    again.open();
    await Promise.all(answers);
    expect(await seen(where, cookie)).toEqual({ n: 102, blind: true });
  });

  test("logout wins: each is told that the session is gone, as it would be alone", async () => {
    const where = rig();
    const cookie = await loggedIn(where, "ann", { n: 0 });
    const { answers, open, visits } = await overlapping(where, cookie, 5, (session, number) => {
      if (number < 3) session.increment("n");
      else session.data[`f${number}`] = session.has("n");
    });
    const second = gate();
    where.faulty.next("update", waitsBefore(second));
    open();
    await second.reached();
    await done(where, cookie, (session) => void session.logout());
    second.open();
    expect(await codes(answers)).toEqual(["saved", "ERR_SESSION_GONE", "ERR_SESSION_GONE", "saved", "saved"]);
    expect(await seen(where, cookie)).toBeNull();
    expect(where.of("gone").map(({ reason, fields }) => [reason, fields])).toEqual([
      ["gone", ["n"]],
      ["gone", ["n"]],
      ["gone", ["f3"]],
      ["gone", ["f4"]],
    ]);
    expect(visits.slice(1).every(({ exchange }) => exchange.cookies.length === 0)).toBe(true);
  });

  test("a privilege change refuses those of the older epoch, each by itself", async () => {
    const where = rig({ onGone: "fail" });
    const cookie = await stored(where, { n: 0 });
    const { answers, open } = await overlapping(where, cookie, 4, counting);
    const second = gate();
    where.faulty.next("update", waitsBefore(second));
    open();
    await second.reached();
    const newer = await done(where, cookie, (session) => void session.login("ann"));
    second.open();
    expect(await codes(answers)).toEqual([
      "saved",
      "ERR_SESSION_GONE",
      "ERR_SESSION_GONE",
      "ERR_SESSION_GONE",
    ]);
    expect(where.of("gone").map(({ reason }) => reason)).toEqual(["stale", "stale", "stale"]);
    expect(await seen(where, newer)).toEqual({ n: 1 });
  });

  test("those from before a privilege change do not take those from after it with them", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const old = await Promise.all([1, 2, 3].map(() => visit(where, cookie)));
    const held = gate();
    where.faulty.next("update", waitsBefore(held));
    const count = ({ session, finish }: Visit): Promise<void> => {
      session.increment("n");
      return finish();
    };
    const answers = old.map(count);
    await held.reached();
    const newer = await done(where, cookie, (session) => void session.login("ann"));
    const fresh = await Promise.all([1, 2, 3].map(() => visit(where, newer)));
    answers.push(...fresh.map(count));
    held.open();
    expect(await codes(answers)).toEqual([
      ...Array<string>(3).fill("ERR_SESSION_GONE"),
      ...Array<string>(3).fill("saved"),
    ]);
    expect(await seen(where, newer)).toEqual({ n: 3 });
  });

  test("a request that logs out while its folded commit is on its way ends the session, and the others keep their answers", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const visits = await Promise.all(Array.from({ length: 3 }, () => visit(where, cookie)));
    const held = gate();
    const second = gate();
    where.faulty.next("update", waitsBefore(held));
    where.faulty.next("update", waitsAfter(second));
    const commits = visits.map(({ session }) => {
      session.increment("n");
      return session.commit();
    });
    await held.reached();
    held.open();
    await second.reached();
    visits[1]?.session.logout();
    second.open();
    await Promise.all(commits);
    expect(visits[1]?.session.id).toBeNull();
    await Promise.all(visits.map(({ finish }) => finish()));
    expect(await recordsOf(where)).toEqual([]);
    expect(setCookies(visits[1]?.exchange as TestExchange)).toEqual([""]);
    expect(where.of("gone")).toEqual([]);
  });

  test("a request that logs out while it waits in line ends the session", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const visits = await Promise.all(Array.from({ length: 4 }, () => visit(where, cookie)));
    const held = gate();
    where.faulty.next("update", waitsBefore(held));
    const commits = visits.map(({ session }) => {
      session.increment("n");
      return session.commit();
    });
    await held.reached();
    visits[1]?.session.logout();
    held.open();
    expect(await codes(commits)).toEqual(["saved", "saved", "saved", "saved"]);
    await Promise.all(visits.map(({ finish }) => finish()));
    expect(await recordsOf(where)).toEqual([]);
    expect(visits[1]?.session.id).toBeNull();
  });
});

describe("when the store fails", () => {
  test("a folded write whose answer was lost is known by its mark, and counted once", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const { answers, open } = await overlapping(where, cookie, 8, counting);
    where.faulty.next("update", losesReply());
    open();
    await Promise.all(answers);
    expect(await seen(where, cookie)).toEqual({ n: 8 });
  });

  test("one that never arrived is sent again", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const { answers, open } = await overlapping(where, cookie, 8, counting);
    where.faulty.next("update", failsBefore());
    open();
    await Promise.all(answers);
    expect(await seen(where, cookie)).toEqual({ n: 8 });
  });

  test("of one whose outcome stays unknown each learns so, by an error of its own, and none is counted twice", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const visits = await Promise.all(Array.from({ length: 4 }, () => visit(where, cookie)));
    const held = gate();
    where.faulty.next("update", waitsBefore(held));
    const commits = visits.map(({ session }) => {
      session.increment("n");
      return session.commit();
    });
    await held.reached();
    where.faulty.next("update", losesReply());
    where.faulty.always("read", failsBefore());
    held.open();
    const outcomes = await Promise.allSettled(commits);
    const errors = outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [outcome.reason as Error] : [],
    );
    expect(await codes(commits)).toEqual(["saved", ...Array<string>(3).fill("ERR_SESSION_UNKNOWN")]);
    expect(new Set(errors).size).toBe(3);
    expect(errors.every(({ cause }) => cause !== undefined)).toBe(true);
    where.faulty.heal();
    // A handler that caught the error goes on, and must not add what it may have added.
    await Promise.all(visits.map(({ finish }) => finish()));
    expect(await seen(where, cookie)).toEqual({ n: 4 });
  });

  test("what was not known to be stored is not shown after the failure", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0, m: 0 });
    const visits = await Promise.all(Array.from({ length: 3 }, () => visit(where, cookie)));
    const held = gate();
    where.faulty.next("update", waitsBefore(held));
    const commits = visits.map(({ session }, number) => {
      session.increment(number === 1 ? "m" : "n");
      return session.commit();
    });
    await held.reached();
    where.faulty.always("update", failsBefore());
    where.faulty.always("read", failsBefore());
    held.open();
    await Promise.allSettled(commits);
    expect(visits[2]?.session.data).toEqual({ n: 1, m: 0 });
  });

  test("a store that does not answer holds up none for longer than the patience and its own calls", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const { answers } = await overlapping(where, cookie, 5, counting);
    where.clock.advance(2000);
    await settled();
    expect(await codes(answers.slice(1))).toEqual(Array<string>(4).fill("saved"));
    expect(await seen(where, cookie)).toEqual({ n: 4 + 1 });
    await Promise.all(answers);
  });

  test("one that does not answer to the folded write either fails each by its deadline", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const { answers, open } = await overlapping(where, cookie, 4, counting);
    where.faulty.always("update", hangs());
    where.faulty.always("read", hangs());
    const outcome = codes(answers);
    open();
    for (let round = 0; round < 8; round += 1) {
      await settled();
      where.clock.advance(1000);
    }
    expect(await outcome).toEqual(["saved", ...Array<string>(3).fill("ERR_SESSION_UNKNOWN")]);
    expect(where.clock.pending).toBe(0);
  });
});
