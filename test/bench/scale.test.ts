import { describe, expect, test } from "vitest";
import { type Effort, QUICK } from "../../bench/scale/effort.ts";
import { requestOf } from "../../bench/scale/options.ts";
import { EXPIRED, FIELD_BYTES, idOf, Population } from "../../bench/scale/population.ts";
import { reportOn } from "../../bench/scale/report.ts";
import { run } from "../../bench/scale/run.ts";

const FEW: Effort = {
  ...QUICK,
  sizes: [100, 300],
  samples: 20,
  seconds: 0.05,
  sweepable: 30,
  expired: 200,
  edge: 20,
  quietSeconds: 0.2,
  sweepers: 2,
  loaders: 2,
};

describe.each(["memory", "sqlite"] as const)("a run on %s", (engine) => {
  test("measures every operation at every size and balances its books", { timeout: 120_000 }, async () => {
    const result = await run(engine, FEW, "npm run bench:scale");

    expect(result.sizes.map(({ sessions, users }) => [sessions, users])).toEqual([
      [100, 10],
      [300, 30],
    ]);
    for (const { operations, bytesPerSession } of result.sizes) {
      expect(operations.map(({ name }) => name)).toEqual([
        "read",
        "update of one field",
        "touch",
        "create",
        "delete",
        "list by user",
        "deleteByLabel",
        "revokeUser",
        "page of 100 of all",
        "sweep that finds nothing",
        "sweep of 10",
      ]);
      expect(operations.every(({ latency }) => latency.count > 0 && latency.max >= latency.p50)).toBe(true);
      expect(Object.values(bytesPerSession)).not.toEqual([]);
    }
    const { books, besideRemoval } = result.removal;
    expect(books).toMatchObject({ balanced: true, wrongAnswers: 0, found: 300 + books.touchedInTime });
    expect(books.deleted).toBe(220 - books.touchedInTime);
    expect(besideRemoval.seconds).toBeGreaterThan(0);

    const report = reportOn([result]);
    expect(report).toContain(`## ${engine} ${result.version}`);
    expect(report).toContain("Books balanced");
    expect(report).not.toMatch(/undefined|NaN|Infinity/);
  });
});

describe("the population", () => {
  const population = new Population([100, 1000]);

  test("gives every user ten sessions, at each of its sizes", () => {
    for (const size of [100, 1000]) {
      const counts = new Map<string, number>();
      for (let index = 0; index < size; index += 1) {
        const user = population.userOf(index);
        counts.set(user, (counts.get(user) ?? 0) + 1);
      }
      expect(counts.size).toBe(size / 10);
      expect([...counts.values()].every((count) => count === 10)).toBe(true);
    }
  });

  test("knows which sessions are of one user", () => {
    for (const index of [0, 57, 100, 999]) {
      const beside = population.sessionsBeside(index);
      expect(beside).toContain(index);
      expect(new Set(beside.map((each) => population.userOf(each)))).toEqual(
        new Set([population.userOf(index)]),
      );
    }
  });

  test("has sessions of 500 bytes of fields under ids of their own", () => {
    for (const index of [0, 999, EXPIRED + 7]) {
      const { fields } = population.recordOf(index);
      const bytes = Object.entries(fields).reduce((sum, [name, text]) => sum + name.length + text.length, 0);
      expect(bytes).toBe(FIELD_BYTES);
    }
    expect(new Set(Array.from({ length: 1000 }, (_, index) => idOf(index))).size).toBe(1000);
  });
});

describe("the command line", () => {
  test("names engines, and says which there are when one is not known", () => {
    expect(requestOf(["redis", "sqlite"]).engines).toEqual(["redis", "sqlite"]);
    expect(() => requestOf(["oracle"])).toThrow(/memory, directory, sqlite/);
  });

  test("does not let a quick run take the place of a whole one", () => {
    expect(requestOf(["redis", "--quick"]).folder).not.toBe(requestOf(["redis"]).folder);
    expect(requestOf(["redis", "--quick"]).command("redis")).toBe("npm run bench:scale -- redis --quick");
  });

  test("refuses sizes that do not grow", () => {
    expect(requestOf(["redis", "--sizes", "100,200"]).effort("redis").sizes).toEqual([100, 200]);
    expect(() => requestOf(["redis", "--sizes", "200,100"])).toThrow(/growing/);
  });
});
