import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, test } from "vitest";
import { type Companion, CommitQueue } from "../../src/core/queue.ts";
import type { SessionError, SessionId, SessionRecord } from "../../src/index.ts";
import { gate, manualClock } from "../../src/testing/index.ts";
import { noUnhandledRejections, settled } from "../races/rig.ts";

noUnhandledRejections();

const ONE = "A".repeat(24) as SessionId;
const OTHER = "B".repeat(24) as SessionId;

type Together = (companions: readonly Companion<string>[]) => Promise<void>;

function queue(together: Together = async () => undefined) {
  const clock = manualClock();
  const lost: string[] = [];
  const rules = {
    patienceMs: 2000,
    togetherMs: 9000,
    together,
    lost: (name: string) => void lost.push(name),
  };
  const inLine = new CommitQueue<string>(clock, rules);
  const line = {
    get size() {
      return inLine.size;
    },
    // What is done at once is promised like the rest.
    run: async (...call: Parameters<typeof inLine.run>): Promise<void> => inLine.run(...call),
    isBusy: (id: SessionId): boolean => inLine.isBusy(id),
    latest: (id: SessionId): SessionRecord | null => inLine.latest(id),
    note: (record: SessionRecord): void => inLine.note(record),
  };
  return { clock, lost, inLine, line };
}

test("the commits of one session go one after the other, in the order they came", async () => {
  const { line } = queue();
  const first = gate();
  const order: number[] = [];
  const works = [0, 1, 2].map((number) =>
    line.run(ONE, async () => {
      if (number === 0) await first.passage();
      order.push(number);
    }),
  );
  await settled();
  expect(order).toEqual([]);
  first.open();
  await Promise.all(works);
  expect(order).toEqual([0, 1, 2]);
});

test("those of another session do not wait", async () => {
  const { line } = queue();
  const first = gate();
  const held = line.run(ONE, () => first.passage());
  await line.run(OTHER, async () => undefined);
  first.open();
  await held;
});

test("one that fails fails alone", async () => {
  const { line } = queue();
  const failing = line.run(ONE, () => Promise.reject(new Error("mine")));
  const next = line.run(ONE, async () => undefined);
  await expect(failing).rejects.toThrow("mine");
  await next;
});

test("nothing is kept of a session once its line is empty", async () => {
  const { line, clock } = queue();
  await line.run(ONE, async () => line.note({ id: ONE } as SessionRecord));
  expect(line.latest(ONE)).toBeNull();
  await expect(line.run(ONE, () => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
  expect(line.size).toBe(0);
  expect(clock.pending).toBe(0);
});

test("nothing is noted of a session that nobody stands in line for", () => {
  const { line } = queue();
  line.note({ id: ONE } as SessionRecord);
  expect(line.size).toBe(0);
});

test("what is done at once where nobody stands in line takes no turn", () => {
  const { inLine } = queue();
  expect(inLine.run(ONE, () => undefined)).toBeUndefined();
  expect(inLine.size).toBe(0);
});

test("what fails at once fails alone, and leaves the line", async () => {
  const { inLine } = queue();
  const failing = inLine.run(ONE, () => {
    throw new Error("mine");
  });
  await expect(failing).rejects.toThrow("mine");
  expect(inLine.size).toBe(0);
});

test("each is told the record that the one before it wrote", async () => {
  const { line } = queue();
  const record = { id: ONE } as SessionRecord;
  const seen: unknown[] = [];
  await Promise.all([
    line.run(ONE, async () => line.note(record)),
    line.run(ONE, async () => void seen.push(line.latest(ONE))),
  ]);
  expect(seen).toEqual([record]);
});

test("none waits in line for longer than the patience, however many are before it", async () => {
  const { line, clock } = queue();
  const never = gate();
  const works = Array.from({ length: 3 }, () => line.run(ONE, () => never.passage()));
  let ran = false;
  const last = line.run(ONE, async () => void (ran = true));
  await settled();
  clock.advance(1999);
  await settled();
  expect(ran).toBe(false);
  clock.advance(1);
  await last;
  expect(ran).toBe(true);
  never.open();
  await Promise.all(works);
  expect(line.size).toBe(0);
  expect(clock.pending).toBe(0);
});

describe("those that can be done together", () => {
  /** Has the first do its work until the gate opens, with others in line behind it: members by their names, else such that go alone. */
  async function standing(together: Together, ...names: string[]) {
    const { line, clock, lost } = queue(together);
    const first = gate();
    const alone: string[] = [];
    const works = [line.run(ONE, () => first.passage())];
    for (const name of names) {
      const member = name.startsWith("-") ? null : name;
      works.push(line.run(ONE, async () => void alone.push(name), member));
    }
    await settled();
    return { line, clock, lost, first, alone, works };
  }

  test("are taken together once their turn has come, up to one that goes alone", async () => {
    const taken: string[][] = [];
    const { first, alone, works, line, clock } = await standing(
      async (companions) => {
        taken.push(companions.map(({ member }) => member));
        for (const one of companions) one.done();
      },
      "a",
      "b",
      "-",
      "c",
      "-",
      "d",
      "e",
    );
    expect(taken).toEqual([]);
    first.open();
    await Promise.all(works);
    expect(taken).toEqual([
      ["a", "b"],
      ["d", "e"],
    ]);
    expect(alone).toEqual(["-", "c", "-"]);
    expect(line.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test("fail by themselves", async () => {
    const { first, works } = await standing(
      async (companions) => {
        for (const one of companions) {
          if (one.member === "b") one.fail(new Error("mine"));
          else one.done();
        }
      },
      "a",
      "b",
      "c",
    );
    first.open();
    expect((await Promise.allSettled(works)).map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
  });

  test("all fail when what does them throws, for none may wait for ever", async () => {
    const { first, works, line } = await standing(() => Promise.reject(new Error("a defect")), "a", "b");
    first.open();
    expect((await Promise.allSettled(works)).map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "rejected",
    ]);
    expect(line.size).toBe(0);
  });

  test("step back to the front of the line, in their order, and go alone", async () => {
    const { first, works, alone } = await standing(
      async (companions) => {
        for (const one of companions) {
          if (one.member === "b") one.done();
          else one.stepBack();
        }
      },
      "a",
      "b",
      "c",
      "d",
      "-",
    );
    first.open();
    await Promise.all(works);
    expect(alone).toEqual(["a", "c", "d", "-"]);
  });

  test("that step back have waited already: their patience is not longer for it", async () => {
    const never = gate();
    const { first, works, alone, clock } = await standing(
      async (companions) => {
        for (const one of companions) one.stepBack();
        await never.passage();
      },
      "a",
      "b",
    );
    clock.advance(1500);
    first.open();
    await settled();
    expect(alone).toEqual([]);
    clock.advance(500);
    await works[2];
    expect(alone).toEqual(["b"]);
    never.open();
    await Promise.all(works);
    expect(alone).toEqual(["b", "a"]);
    expect(clock.pending).toBe(0);
  });

  test("go ahead beside the line", async () => {
    const never = gate();
    const { first, works, alone, line } = await standing(
      async (companions) => {
        for (const one of companions) one.goAhead();
        await never.passage();
      },
      "a",
      "b",
      "-",
    );
    first.open();
    await works[2];
    expect(alone).toEqual(["b"]);
    never.open();
    await Promise.all(works);
    expect(alone).toEqual(["b", "-", "a"]);
    expect(line.size).toBe(0);
  });

  test("who loses patience takes along those behind it", async () => {
    const taken: string[][] = [];
    const { first, works, clock, line } = await standing(
      async (companions) => {
        taken.push(companions.map(({ member }) => member));
        for (const one of companions) one.done();
      },
      "a",
      "b",
    );
    clock.advance(2000);
    await Promise.all(works.slice(1));
    expect(taken).toEqual([["a", "b"]]);
    first.open();
    await Promise.all(works);
    expect(line.size).toBe(0);
  });

  test("each is called as its own request would be", async () => {
    const local = new AsyncLocalStorage<string>();
    const found: unknown[] = [];
    const { line } = queue(async (companions) => {
      for (const one of companions) {
        found.push(one.within(() => local.getStore()));
        one.done();
      }
    });
    const first = gate();
    const works = ["a", "b", "c"].map((name) =>
      local.run(name, () => line.run(ONE, () => first.passage(), name)),
    );
    first.open();
    await Promise.all(works);
    expect(found).toEqual(["b", "c"]);
  });

  test("each begins as its own request would, when its turn has come", async () => {
    const local = new AsyncLocalStorage<string>();
    const found: unknown[] = [];
    const { line } = queue();
    const begun = async (): Promise<void> => void found.push(local.getStore());
    await Promise.all(["a", "b", "c"].map((name) => local.run(name, () => line.run(ONE, () => begun()))));
    expect(found).toEqual(["a", "b", "c"]);
  });

  test("do not wait for ever for one whose request a platform ended while it did their work", async () => {
    const { first, works, clock, lost } = await standing(() => new Promise(() => {}), "a", "b", "c");
    first.open();
    await settled();
    clock.advance(2000);
    await settled();
    clock.advance(9000);
    const outcomes = await Promise.allSettled(works.slice(2));
    expect(
      outcomes.map((outcome) => outcome.status === "rejected" && (outcome.reason as SessionError).code),
    ).toEqual(["ERR_SESSION_UNKNOWN", "ERR_SESSION_UNKNOWN"]);
    expect(lost).toEqual(["a", "b", "c"]);
    expect(clock.pending).toBe(0);
  });
});
