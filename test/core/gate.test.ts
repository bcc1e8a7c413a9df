import { describe, expect, test } from "vitest";
import { Events } from "../../src/core/events.ts";
import { Gate } from "../../src/core/gate.ts";
import type { SessionId } from "../../src/index.ts";
import { SessionError } from "../../src/index.ts";
import type { AnyStore } from "../../src/core/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import {
  answers,
  failsBefore,
  faultyStore,
  hangs,
  manualClock,
  throwsAtOnce,
} from "../../src/testing/index.ts";
import { codeOf, noUnhandledRejections, settled } from "../races/rig.ts";

noUnhandledRejections();

const ID = "A".repeat(24) as SessionId;
const CHANGE = { now: 0, epoch: 1, set: { a: "1" } };

function gated(options: { setup?: boolean; store?: AnyStore } = {}) {
  const clock = manualClock();
  const faulty = faultyStore(options.store ?? memoryStore());
  const events = new Events();
  const failures: unknown[] = [];
  const corrupt: unknown[] = [];
  events.on("storeFailure", ({ error }) => void failures.push(error));
  events.on("corrupt", ({ id }) => void corrupt.push(id));
  const door = new Gate(faulty.store, clock, 2000, events, { setup: options.setup ?? false });
  return { clock, faulty, events, door, failures, corrupt };
}

const RECORD = {
  id: ID,
  epoch: 1,
  version: 1,
  secretHash: "h",
  labels: [],
  createdAt: 0,
  accessedAt: 0,
  expiresAt: Number.MAX_SAFE_INTEGER,
  endsAt: Number.MAX_SAFE_INTEGER,
  fields: {},
};

describe("whatever a store throws becomes one kind of error, and one event", () => {
  for (const thrown of [undefined, null, "text", 7, {}, new Error("x"), Symbol("s")]) {
    for (const [how, fault] of [
      ["rejects with", (): Promise<never> => Promise.reject(thrown)],
      ["throws", throwsAtOnceAs(thrown)],
    ] as const) {
      test(`a store that ${how} ${typeof thrown === "object" ? JSON.stringify(thrown) : String(thrown)}`, async () => {
        const { door, faulty, failures } = gated();
        for (const operation of ["read", "create", "update", "delete"] as const)
          faulty.always(operation, fault);
        for (const work of [
          () => door.read(ID),
          () => door.create(RECORD),
          () => door.update(ID, CHANGE),
          () => door.delete(ID, {}),
        ]) {
          const error: unknown = await Promise.resolve(work()).catch((reason: unknown) => reason);
          expect(SessionError.is(error) && error.code).toBe("ERR_SESSION_STORE_UNAVAILABLE");
          expect((error as SessionError).cause).toBe(thrown);
        }
        expect(failures).toHaveLength(4);
      });
    }
  }
});

describe("what a store returns is checked", () => {
  const garbage: unknown[] = [undefined, null, 0, "done!", [], {}, { kind: "else" }, { kind: 1 }, () => 1];

  test("an outcome that the contract does not know is a failure", async () => {
    for (const value of garbage) {
      const { door, faulty } = gated();
      for (const operation of ["create", "update", "delete"] as const)
        faulty.always(operation, answers(value));
      expect(await codeOf(() => door.create(RECORD))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
      expect(await codeOf(() => door.update(ID, CHANGE))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
      expect(await codeOf(() => door.delete(ID, {}))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    }
  });

  test("a record that is none reads as none, with an event", async () => {
    for (const value of [0, "x", [], {}, { ...RECORD, version: "1" }, { ...RECORD, fields: { a: 1 } }]) {
      const { door, faulty, corrupt } = gated();
      faulty.always("read", answers(value));
      expect(await door.read(ID)).toBeNull();
      expect(corrupt).toEqual([ID]);
    }
  });

  test("a record of a newer format is an outage", async () => {
    const { door, faulty } = gated();
    faulty.always("read", answers({ ...RECORD, fields: { "~format": "2" } }));
    expect(await codeOf(() => door.read(ID))).toBe("ERR_SESSION_FORMAT");
  });

  test("a listing that is none is a failure, and a record in it that is none is left out", async () => {
    for (const value of [undefined, null, 0, "x", [], {}, { records: 1 }]) {
      const { door, faulty } = gated();
      faulty.always("listByLabel", answers(value));
      faulty.always("all", answers(value));
      expect(await codeOf(door.listByLabel("user:a", undefined))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
      expect(await codeOf(door.all(undefined))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    }
    const { door, faulty } = gated();
    faulty.always("all", answers({ records: [null, 1, {}, RECORD, { ...RECORD, labels: 0 }] }));
    expect((await door.all(undefined)).records).toEqual([RECORD]);
  });

  test("a count that is none is a failure", async () => {
    const { door, faulty } = gated();
    faulty.always("deleteByLabel", answers("many"));
    faulty.always("sweep", answers({ deleted: "some" }));
    expect(await codeOf(door.deleteByLabel("user:a", []))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(await codeOf(door.sweep(0, 10))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
  });
});

describe("a store call", () => {
  test("is given up at the deadline, not before, and leaves no timer", async () => {
    const { door, faulty, clock } = gated();
    faulty.always("read", hangs());
    let code = "";
    const reading = codeOf(() => door.read(ID)).then((found) => (code = found));
    await settled();
    clock.advance(1999);
    await settled();
    expect(code).toBe("");
    clock.advance(1);
    await reading;
    expect(code).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(clock.pending).toBe(0);
    faulty.heal();
    await door.read(ID);
    expect(clock.pending).toBe(0);
  });

  test("that is given up is told to the store, also when that asks only then", async () => {
    const signals: (() => AbortSignal)[] = [];
    const inner = memoryStore();
    const store = Object.assign(Object.create(inner) as AnyStore, {
      traits: inner.traits,
      read: (_id: SessionId, call: { signal: AbortSignal }) => {
        signals.push(() => call.signal);
        return new Promise<never>(() => {});
      },
    });
    const { door, clock } = gated({ store });
    const reading = codeOf(() => door.read(ID));
    await settled();
    clock.advance(2000);
    await reading;
    expect(signals[0]?.().aborted).toBe(true);
  });

  test("that answers or fails after its deadline is dropped without a trace", async () => {
    for (const late of ["answers", "fails"] as const) {
      const { door, faulty, clock, failures } = gated();
      let settle = (): void => {};
      faulty.always(
        "read",
        () =>
          new Promise((resolve, reject) => {
            settle = () => (late === "answers" ? resolve(RECORD) : reject(new Error("late")));
          }),
      );
      const reading = codeOf(() => door.read(ID));
      await settled();
      clock.advance(2000);
      expect(await reading).toBe("ERR_SESSION_STORE_UNAVAILABLE");
      settle();
      await settled();
      expect(failures).toHaveLength(1);
    }
  });
});

describe("set-up", () => {
  test("happens once, also when many calls come at once", async () => {
    const { door, faulty } = gated({ setup: true });
    await Promise.all(Array.from({ length: 20 }, async () => await door.read(ID)));
    expect(faulty.count("setup")).toBe(1);
    expect(faulty.count("read")).toBe(20);
  });

  test("that fails fails the calls that wait for it, and is tried again by the next", async () => {
    const { door, faulty } = gated({ setup: true });
    faulty.next("setup", failsBefore());
    const codes = await Promise.all(Array.from({ length: 5 }, () => codeOf(() => door.read(ID))));
    expect(new Set(codes)).toEqual(new Set(["ERR_SESSION_STORE_UNAVAILABLE"]));
    expect(faulty.count("setup")).toBe(1);
    expect(await door.read(ID)).toBeNull();
    expect(faulty.count("setup")).toBe(2);
    await door.read(ID);
    expect(faulty.count("setup")).toBe(2);
  });

  test("that throws, or hangs, is tried again too", async () => {
    const { door, faulty, clock } = gated({ setup: true });
    faulty.next("setup", throwsAtOnce());
    expect(await codeOf(() => door.read(ID))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    faulty.next("setup", hangs());
    const waiting = codeOf(() => door.read(ID));
    await settled();
    clock.advance(2000);
    expect(await waiting).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(await door.read(ID)).toBeNull();
  });

  test("begun by a request whose work the platform ended holds up the others no longer than their deadline", async () => {
    const { door, faulty, clock } = gated({ setup: true });
    faulty.next("setup", hangs());
    const { after } = clock;
    // Its timers end with it, as a worker's do.
    clock.after = () => () => undefined;
    void door.read(ID);
    clock.after = after;
    await settled();
    const waiting = codeOf(() => door.read(ID));
    await settled();
    clock.advance(2000);
    expect(await waiting).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(await door.read(ID)).toBeNull();
    expect(faulty.count("setup")).toBe(2);
  });
});

describe("an ability that the store lacks", () => {
  test("is a mistake of the caller and not an outage", async () => {
    const { create, read, update, delete: remove, traits } = memoryStore();
    const store = { create, read, update, delete: remove, traits } as AnyStore;
    const { door, failures } = gated({ store });
    for (const work of [
      () => door.listByLabel("user:a", undefined),
      () => door.deleteByLabel("user:a", []),
      () => door.all(undefined),
      () => door.sweep(0, 10),
    ])
      expect(await codeOf(work)).toBe("ERR_SESSION_USE");
    expect(failures).toEqual([]);
  });
});

function throwsAtOnceAs(thrown: unknown): () => never {
  return () => {
    throw thrown;
  };
}

describe("a sweep that is slower than the deadline", () => {
  const asked = (sweep: NonNullable<AnyStore["sweep"]>) => gated({ store: { sweep } as unknown as AnyStore });

  test("is asked to end in time to tell what it deleted", async () => {
    const { door, clock, failures } = asked(async (_now, _limit, { signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return { deleted: 10, more: true };
    });
    const swept = door.sweep(0, 1000);
    await settled();
    clock.advance(1999);
    expect(await swept).toEqual({ deleted: 10, more: true });
    expect(failures).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test("fails at the deadline when it does not end", async () => {
    const { door, clock, failures } = asked(() => new Promise(() => {}));
    const swept = codeOf(door.sweep(0, 1000));
    await settled();
    clock.advance(2000);
    expect(await swept).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(failures).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});
