import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { attributed, PARTS } from "../../bench/compare/attribution.ts";
import { judgeBudget } from "../../bench/compare/budget.ts";
import { growthCharts, peerCharts } from "../../bench/compare/charts.ts";
import { CountingProxy } from "../../bench/compare/counting-proxy.ts";
import type { GrowthResult } from "../../bench/compare/growth.ts";
import { reportOnGrowth } from "../../bench/compare/growth-report.ts";
import { regressionsOf } from "../../bench/compare/guard.ts";
import { countLosses } from "../../bench/compare/losses.ts";
import { requestOf } from "../../bench/compare/options.ts";
import { Unfinished } from "../../bench/compare/unfinished.ts";
import { between } from "../../bench/compare/pages.ts";
import { reportOnProfiles } from "../../bench/compare/profile-report.ts";
import { reportOnPeers } from "../../bench/compare/report.ts";
import type { CountedFigures, LoadFigures, PeersResult, SubjectResult } from "../../bench/compare/result.ts";
import { figuresOf, type Measured } from "../../bench/compare/rounds.ts";
import { exponentOf, orderOf, spreadOf } from "../../bench/compare/statistics.ts";
import { GROUPS } from "../../bench/compare/table.ts";
import { describeMachine } from "../../bench/scale/machine.ts";

describe("a profile", () => {
  const OWN = "file:///x/node_modules/holdfast/dist/";
  const tree: readonly (readonly [name: string, url: string, ...children: readonly number[]])[] = [
    ["(root)", "", 2, 3, 4, 5, 9],
    ["(idle)", ""],
    ["(garbage collector)", ""],
    ["writev", ""],
    ["onRequest", "node:_http_server", 6],
    ["next", "file:///x/node_modules/express/index.js", 7, 8],
    ["middleware", `${OWN}adapters/express.js`, 10],
    ["setHeader", "node:_http_outgoing"],
    ["sendCommand", "file:///x/node_modules/@redis/client/dist/index.js"],
    ["read", `${OWN}core/gate.js`, 11, 12],
    ["hash", "node:crypto"],
    ["read", `${OWN}stores/memory.js`],
  ];
  const nodes = tree.map(([functionName, url, ...children], place) => ({
    id: place + 1,
    callFrame: { functionName, url },
    children,
  }));
  const samples = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
  const { parts, functions } = attributed({
    nodes,
    samples,
    timeDeltas: [990, ...samples.slice(1).map(() => 10)],
  });

  test("attributes each sample once, idle ones not, and Node's to who called it", () => {
    expect(Object.fromEntries(PARTS.map((part) => [part, Number(parts[part].toFixed(3))]))).toEqual({
      "writing to sockets": 0.1,
      "the collector": 0.1,
      Node: 0.2,
      "Node, for Holdfast": 0.1,
      "the framework": 0.1,
      "the engine's client": 0.1,
      "the core": 0.1,
      "the adapter": 0.1,
      "the store": 0.1,
      "the rest": 0,
    });
  });

  test("names the functions of Holdfast alone, by file", () => {
    expect(functions.map(({ name }) => name).sort()).toEqual([
      "middleware in adapters/express.js",
      "read in core/gate.js",
      "read in stores/memory.js",
    ]);
  });

  test("is told by parts, with the functions below", () => {
    const profile = {
      framework: "express",
      store: "memory",
      sessions: "holdfast",
      work: "read",
      cpu: 30,
      parts,
      functions,
    } as const;
    const machine = { ...describeMachine(), loadAfter: 0 };
    const told = reportOnProfiles({
      command: "npm run bench -- profile",
      date: "2026-01-01",
      machine,
      seconds: 4,
      profiles: [profile],
    });
    expect(told).toContain("| the core | 3 |");
    expect(told).toContain("| **together** | **30** |");
    expect(told).toContain("| read in core/gate.js | 3 |");
  });
});

describe("statistics", () => {
  test("a spread is the median with the lowest and the highest", () => {
    expect(spreadOf([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5 });
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(spreadOf([])).toEqual({ median: Number.NaN, min: Number.NaN, max: Number.NaN });
  });

  test("each subject is measured at each place equally often over enough rounds", () => {
    const all = ["a", "b", "c"];
    const rounds = Array.from({ length: 6 }, (_, round) => orderOf(all, round));
    for (const place of [0, 1, 2])
      for (const name of all) expect(rounds.filter((order) => order[place] === name)).toHaveLength(2);
    expect(orderOf([], 3)).toEqual([]);
  });

  test("an exponent tells how fast a figure grows", () => {
    const along = (power: number) => [1, 10, 100].map((x) => ({ x, y: 3 * x ** power }));
    expect(exponentOf(along(0))).toBe(0);
    expect(exponentOf(along(1))).toBe(1);
    expect(exponentOf(along(0.5))).toBe(0.5);
  });
});

function slice(perSecond: number, cpu: number): Measured {
  return {
    requests: perSecond,
    answered: perSecond,
    errors: 0,
    seconds: 1,
    p50: cpu / 10,
    p99: cpu,
    toolBusy: 0.5,
    perSecond,
    cpu,
  };
}

test("ratios are taken within a round, so that a slow moment of the machine cancels", () => {
  const bare = [slice(1000, 10), slice(500, 20)];
  const half = [slice(500, 20), slice(250, 40)];
  const { throughputRatio, cpuRatio, perSecond } = figuresOf(half, bare);
  expect(throughputRatio).toEqual({ median: 0.5, min: 0.5, max: 0.5 });
  expect(cpuRatio).toEqual({ median: 2, min: 2, max: 2 });
  expect(perSecond).toEqual({ median: 375, min: 250, max: 500 });
});

test("the proxy counts round trips and bytes each way", async () => {
  const engine = createServer(
    (socket) => void socket.on("data", (bytes) => socket.write(`${String(bytes)}!`)),
  );
  engine.listen(0, "127.0.0.1");
  await once(engine, "listening");
  const proxy = await CountingProxy.start((engine.address() as AddressInfo).port);
  const client = connect(proxy.port, "127.0.0.1");
  for (const word of ["one", "three"]) {
    client.write(word);
    await once(client, "data");
  }
  expect(proxy.traffic).toEqual({ roundTrips: 2, bytesSent: 8, bytesReceived: 10 });
  client.destroy();
  await proxy.stop();
  engine.close();
});

describe("lost updates", () => {
  /** A counter under the paths of a subject. @param add reads and writes it. */
  async function counter(add: () => Promise<void>, total: () => number): Promise<HttpServer> {
    const server = createHttpServer((request, response) => {
      if (request.url === "/count") return void add().then(() => response.end("counted"));
      response.end(String(total()));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return server;
  }

  async function lossOf(add: () => Promise<void>, total: () => number) {
    const server = await counter(add, total);
    const loss = await countLosses(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 2);
    server.closeAllConnections();
    server.close();
    return loss;
  }

  test("are none where each request adds to what is there", async () => {
    let value = 0;
    const loss = await lossOf(
      async () => void (value += 1),
      () => value,
    );
    expect(loss).toEqual({ acknowledged: 128, refused: 0, lost: 0 });
  });

  test("are counted where overlapping requests write back what they read", async () => {
    let value = 0;
    const loss = await lossOf(
      async () => {
        const read = value;
        await new Promise((resolve) => void setTimeout(resolve, 20));
        value = read + 1;
      },
      () => value,
    );
    expect(loss.acknowledged).toBe(128);
    expect(loss.lost).toBeGreaterThan(0);
  });
});

function load(throughput: number, cpu: number): LoadFigures {
  const at = (median: number) => ({ median, min: median * 0.9, max: median * 1.1 });
  return {
    perSecond: at(throughput * 10_000),
    throughputRatio: at(throughput),
    p50: at(1),
    p50Ratio: at(1 / throughput),
    p99: at(2),
    p99Ratio: at(1),
    cpu: at(cpu * 50),
    cpuRatio: at(cpu),
    errors: 0,
    toolBusy: 0.4,
  };
}

const COUNTED: CountedFigures = { allocated: 40_000, roundTrips: 1, bytesSent: 60, bytesReceived: 400 };

function subject(name: string, throughput: number, counted: CountedFigures, lost: number): SubjectResult {
  const works = (["read", "write"] as const).map((work) => ({
    name: work,
    load: load(throughput, 1 / throughput),
    counted,
  }));
  return {
    name,
    works: [...works, { name: "write in 100 kB", cannot: "a cookie holds 4 kB" }],
    loss: { acknowledged: 100, refused: 0, lost },
  };
}

function resultWith(counted: CountedFigures, ratio = 0.9, lost = 0): PeersResult {
  return {
    command: "npm run bench",
    date: "2026-01-01",
    minutes: 1,
    machine: describeMachine(),
    rounds: 2,
    seconds: 1,
    connections: 64,
    tool: "autocannon",
    versions: { express: "5" },
    settings: { redis: "as it is" },
    groups: [
      {
        framework: "express",
        store: "redis",
        subjects: [
          subject("bare", 1, COUNTED, 0),
          subject("holdfast", ratio, counted, lost),
          subject("express-session", 0.5, COUNTED, 60),
        ],
      },
    ],
    singles: { coreSize: { minified: 100_000, compressed: 30_000 } },
  };
}

describe("the report", () => {
  test("shows ratios with their spread, what cannot be done and what was lost", () => {
    const text = reportOnPeers(resultWith(COUNTED));
    expect(text).toContain("| holdfast | 0.9 (0.81–0.99) | 0.9 (0.81–0.99) | cannot |");
    expect(text).toContain("| express, redis | express-session | 100 | 0 | 60 |");
    expect(text).toContain("40 kB; 1, 60 B, 400 B");
  });

  test("judges the budget", () => {
    const verdicts = judgeBudget(resultWith(COUNTED));
    expect(verdicts.map(({ row, holds }) => [row, holds])).toEqual([
      ["express, redis: read, as fast as the best peer", false],
      ["express, redis: write, as fast as the best peer", true],
      ["express, redis: read, round trips", true],
      ["express, redis: write, round trips", true],
      ["core, minified and compressed", false],
    ]);
  });

  test("goes between the markers of the page, and nowhere else", () => {
    const page = "before\n<!-- measured: peers -->\nold\n<!-- end -->\nafter";
    expect(between(page, "peers", "new")).toBe(
      "before\n<!-- measured: peers -->\n\nnew\n\n<!-- end -->\nafter",
    );
    expect(() => between(page, "growth", "new")).toThrow("no place for growth");
  });

  test("draws what was measured", () => {
    expect(peerCharts(resultWith(COUNTED)).map(({ name }) => name)).toEqual([
      "throughput-by-store",
      "bytes-sent",
    ]);
    expect(growthCharts(GROWTH).map(({ name }) => name)).toEqual(["growth-bytes"]);
  });

  test("tells how fast each curve grows, and why one ended", () => {
    const text = reportOnGrowth(GROWTH);
    expect(text).toContain("## Size of the session");
    expect(text).toContain(
      "| holdfast, memory, read | 100/s, 1 ms, 10 µs | 10/s, 1 ms, 100 µs | 1; 3 errors at 1000 |",
    );
  });
});

const one = (value: number) => ({ median: value, min: value, max: value });

const GROWTH: GrowthResult = {
  command: "npm run bench -- growth",
  date: "2026-01-01",
  minutes: 1,
  machine: describeMachine(),
  rounds: 1,
  seconds: 1,
  settings: {},
  curves: [
    {
      axis: "bytes",
      store: "memory",
      sessions: "holdfast",
      work: "read",
      points: [
        { x: 10, perSecond: one(100), p50: one(1), p99: one(1), cpu: one(10) },
        { x: 100, perSecond: one(10), p50: one(1), p99: one(1), cpu: one(100) },
      ],
      ended: "3 errors at 1000",
    },
  ],
};

describe("the guard", () => {
  const last = resultWith(COUNTED);

  test("is content with the same, with better and with what was not measured this time", () => {
    expect(regressionsOf(last, last)).toEqual([]);
    expect(regressionsOf(last, resultWith({ ...COUNTED, allocated: 10_000 }, 1.2))).toEqual([]);
    expect(regressionsOf(last, { ...last, groups: [], singles: {} })).toEqual([]);
  });

  test("tells one more round trip, more bytes and more allocations, each by itself", () => {
    for (const figure of ["roundTrips", "bytesSent", "bytesReceived", "allocated"] as const) {
      const worse = resultWith({ ...COUNTED, [figure]: (COUNTED[figure] ?? 0) * 2 });
      expect(regressionsOf(last, worse).map(({ what }) => what)).toEqual([figure, figure]);
    }
  });

  test("tells processor time only beyond the spread of then", () => {
    expect(regressionsOf(last, resultWith(COUNTED, 0.8))).toEqual([]);
    expect(regressionsOf(last, resultWith(COUNTED, 0.4)).map(({ what }) => what)).toEqual([
      "processor time as often as the bare server's",
      "processor time as often as the bare server's",
    ]);
  });

  test("tells a group that failed", () => {
    const [group] = last.groups;
    if (group === undefined) throw new Error("There is no group.");
    const failed = { ...last, groups: [{ ...group, subjects: [], failed: "no engine" }] };
    expect(regressionsOf(last, failed)).toMatchObject([{ what: "what could not be measured (no engine)" }]);
  });

  test("looks at no time where only counts are asked for", () => {
    const request = requestOf(["guard", "--counted"]);
    expect(request).toMatchObject({ counted: true, countedRequests: requestOf([]).countedRequests });
    expect(request.only.test("express redis holdfast read")).toBe(true);
    expect(request.only.test("express redis express-session, connect-redis read")).toBe(false);
    expect(() => requestOf(["growth", "--counted"])).toThrow("--counted goes with guard.");
  });

  test("tells a lost update of Holdfast, and none of others", () => {
    expect(regressionsOf(last, resultWith(COUNTED, 0.9, 1))).toEqual([
      { where: "holdfast on express, redis", what: "lost updates", before: 0, now: 1 },
    ]);
  });
});

describe("the command line", () => {
  test("says which part, how much and of what", () => {
    const request = requestOf(["growth", "--rounds", "2", "--seconds", "0.1", "--only", "redis", "--json"]);
    expect(request).toMatchObject({ part: "growth", rounds: 2, seconds: 0.1, json: true, quick: false });
    expect(request.only.test("express REDIS holdfast read")).toBe(true);
    expect(request.command).toBe("npm run bench -- growth --rounds 2 --seconds 0.1 --only redis --json");
  });

  test("puts no quick run and no part of one in the place of a whole one", () => {
    const { results } = requestOf([]);
    expect(requestOf([]).folder).toBe(results);
    for (const args of [["--quick"], ["--only", "redis"], ["guard"]])
      expect(requestOf(args).folder).not.toBe(results);
  });

  test("refuses what it does not know", () => {
    expect(() => requestOf(["speed"])).toThrow("no part of the bench");
    expect(() => requestOf(["--rounds", "none"])).toThrow("--rounds wants a number above 0");
    expect(() => requestOf(["--fast"])).toThrow();
  });
});

test("a run that was stopped goes on after what it had measured, where that is asked for", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-test-"));
  new Unfinished<number>("peers", { folder, resume: false }).add(1, 2);
  expect(new Unfinished<number>("peers", { folder, resume: false }).done).toEqual([]);
  const resumed = new Unfinished<number>("peers", { folder, resume: true });
  expect(resumed.done).toEqual([1, 2]);
  resumed.end();
  expect(new Unfinished<number>("peers", { folder, resume: true }).done).toEqual([]);
  rmSync(folder, { recursive: true });
});

test("every group has a bare server as the measure of all others, and Holdfast", () => {
  for (const { subjects } of GROUPS) {
    expect(subjects[0]?.sessions).toBe("bare");
    expect(subjects.some(({ sessions }) => sessions === "holdfast")).toBe(true);
  }
});
