import { describeMachine, load } from "../scale/machine.ts";
import { tell } from "../scale/progress.ts";
import { LoadTool, Subject } from "./children.ts";
import { type RunningEngine, SETTINGS, startEngine } from "./engines.ts";
import type { Request } from "./options.ts";
import { Unfinished } from "./unfinished.ts";
import { alternate, type Measured } from "./rounds.ts";
import { rounded, type Spread, spreadOf } from "./statistics.ts";
import type { StoreName } from "./table.ts";
import { preparedCookies } from "./visitor.ts";
import type { Machine } from "../scale/machine.ts";

/** What a figure is drawn against. */
export type Axis = "bytes" | "fields" | "stored" | "connections" | "processes";

export interface Point {
  readonly x: number;
  readonly perSecond: Spread;
  readonly p50: Spread;
  readonly p99: Spread;
  /** Microseconds of the server's processor a request. */
  readonly cpu: Spread;
}

export interface Curve {
  readonly axis: Axis;
  readonly store: StoreName;
  readonly sessions: string;
  readonly work: "read" | "write";
  readonly points: readonly Point[];
  /** Why it ends where it does. */
  readonly ended?: string;
}

export interface GrowthResult {
  readonly command: string;
  readonly date: string;
  readonly minutes: number;
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly curves: readonly Curve[];
}

/** One line of what is measured: all points of it, for the subjects together. */
interface Sweep {
  readonly axis: Axis;
  readonly store: StoreName;
  readonly subjects: readonly string[];
  readonly points: readonly number[];
}

const BYTES = [100, 1000, 10_000, 100_000, 1_000_000];
const FIELDS = [1, 10, 100, 1000];
const CONNECTIONS = [1, 4, 16, 64, 256, 512];
const BOTH = ["holdfast", "express-session"];
const OWN = ["holdfast"];

function sweeps({ quick }: Request, cores: number): readonly Sweep[] {
  const stored = quick ? [1000, 10_000, 100_000] : [1000, 10_000, 100_000, 1_000_000];
  const processes = Array.from({ length: cores }, (_, place) => place + 1);
  return [
    { axis: "bytes", store: "memory", subjects: BOTH, points: BYTES },
    { axis: "bytes", store: "redis", subjects: BOTH, points: BYTES },
    { axis: "bytes", store: "sqlite", subjects: OWN, points: BYTES },
    { axis: "bytes", store: "postgres", subjects: OWN, points: BYTES },
    { axis: "fields", store: "memory", subjects: BOTH, points: FIELDS },
    { axis: "fields", store: "redis", subjects: BOTH, points: FIELDS },
    { axis: "fields", store: "sqlite", subjects: OWN, points: FIELDS },
    { axis: "fields", store: "postgres", subjects: OWN, points: FIELDS },
    { axis: "stored", store: "memory", subjects: OWN, points: stored },
    { axis: "stored", store: "redis", subjects: OWN, points: stored },
    { axis: "stored", store: "sqlite", subjects: OWN, points: stored },
    { axis: "stored", store: "postgres", subjects: OWN, points: stored },
    { axis: "connections", store: "memory", subjects: BOTH, points: CONNECTIONS },
    { axis: "connections", store: "redis", subjects: BOTH, points: CONNECTIONS },
    { axis: "connections", store: "postgres", subjects: BOTH, points: CONNECTIONS },
    { axis: "processes", store: "redis", subjects: BOTH, points: processes },
    { axis: "processes", store: "sqlite", subjects: OWN, points: processes },
    { axis: "processes", store: "postgres", subjects: OWN, points: processes },
  ];
}

/** What the other things are while one of them grows. */
const USUAL = { bytes: 200, fields: 1, connections: 64, processes: 1 };

/** Of each item in the cart of a session; a field holds one at least. */
const ITEM_BYTES = 65;

const WORKS = [
  { name: "read", method: "GET", path: "/read" },
  { name: "write", method: "POST", path: "/write" },
] as const;

/** Draws throughput and latency of Holdfast on Express against everything that may grow. */
export async function measureGrowth(request: Request, stop: AbortSignal): Promise<GrowthResult> {
  const machine = describeMachine();
  const started = performance.now();
  const unfinished = new Unfinished<Curve>("growth", request);
  const tool = await LoadTool.start();
  try {
    for (const sweep of sweeps(request, machine.cores)) {
      if (!request.only.test(`${sweep.axis} ${sweep.store}`)) continue;
      if (unfinished.done.some(({ axis, store }) => axis === sweep.axis && store === sweep.store)) continue;
      const engine = await startEngine(sweep.store);
      try {
        unfinished.add(...(await draw(sweep, { request, tool, stop, engine })));
      } finally {
        await engine.stop();
      }
      tell(`  ${Math.round((performance.now() - started) / 1000)} s so far`);
    }
  } finally {
    await tool.stop();
  }
  unfinished.end();
  const { command, rounds, seconds } = request;
  return {
    command,
    date: new Date().toISOString().slice(0, 10),
    minutes: Number(((performance.now() - started) / 60_000).toFixed(1)),
    machine: { ...machine, loadAfter: load() },
    rounds,
    seconds,
    settings: SETTINGS,
    curves: unfinished.done,
  };
}

interface Run {
  readonly request: Request;
  readonly tool: LoadTool;
  readonly stop: AbortSignal;
  readonly engine: RunningEngine;
}

async function draw(sweep: Sweep, run: Run): Promise<Curve[]> {
  const { axis, store, subjects, points } = sweep;
  const drawn = new Map<string, { readonly points: Point[]; ended?: string }>();
  const lineOf = (sessions: string, work: string) => {
    const key = `${sessions} ${work}`;
    const line = drawn.get(key) ?? { points: [] };
    drawn.set(key, line);
    return line;
  };
  const stand = standing(sweep, run);
  let stored = 0;
  try {
    for (const x of points) {
      tell(`${axis} ${x}, ${store}`);
      const up = await stand.at(x);
      if (axis === "stored") {
        for (const { subject } of up) await subject.fill(x - stored);
        stored = x;
      }
      const sized = {
        bytes: axis === "bytes" ? x : USUAL.bytes,
        fields: axis === "fields" ? x : fieldsFor(axis, x),
      };
      const bytes = axis === "fields" ? x * ITEM_BYTES : sized.bytes;
      const connections = axis === "connections" ? x : USUAL.connections;
      const runners = await Promise.all(
        up.map(async ({ name, subject }) => ({
          name,
          subject,
          cookies: await preparedCookies(subject.url, Math.min(connections, bytes > 500_000 ? 16 : 64), {
            ...sized,
            bytes,
          }),
        })),
      );
      for (const work of WORKS) {
        const slices = await alternate(run.tool, runners, work, {
          ...run.request,
          connections,
          stop: run.stop,
        });
        for (const [name, own] of slices) {
          const line = lineOf(name, work.name);
          const errors = own.reduce((sum, slice) => sum + slice.errors, 0);
          if (errors > 0) line.ended = `${errors} errors at ${x}`;
          else if (own.some(({ requests }) => requests === 0))
            line.ended = `nothing answered in time at ${x}`;
          else line.points.push(pointOf(x, own));
        }
      }
    }
  } finally {
    await stand.end();
  }
  return subjects.flatMap((sessions) =>
    WORKS.map(({ name: work }): Curve => ({ axis, store, sessions, work, ...lineOf(sessions, work) })),
  );
}

/** Sessions that grow by their bytes have ten fields, so that it is not the number that grows. */
function fieldsFor(axis: Axis, x: number): number {
  return axis === "bytes" && x >= 1000 ? 10 : USUAL.fields;
}

interface Up {
  readonly name: string;
  readonly subject: Subject;
}

/** Keeps the subjects of a sweep; where it is their number of processes that grows, each point has new ones. */
function standing({ axis, store, subjects }: Sweep, { engine }: Run) {
  let up: Up[] = [];
  const end = async (): Promise<void> => {
    await Promise.all(up.map(({ subject }) => subject.stop()));
    up = [];
  };
  return {
    async at(x: number): Promise<readonly Up[]> {
      if (axis === "processes") await end();
      if (up.length > 0) return up;
      for (const sessions of subjects) {
        const engines = await engine.addresses();
        const processes = axis === "processes" ? x : USUAL.processes;
        up.push({
          name: sessions,
          subject: await Subject.start({ framework: "express", sessions, store, engines, processes }),
        });
      }
      return up;
    },
    end,
  };
}

function pointOf(x: number, slices: readonly Measured[]): Point {
  const spread = (figure: (slice: Measured) => number): Spread => spreadOf(slices.map(figure));
  return {
    x,
    perSecond: spread((slice) => slice.perSecond),
    p50: spread((slice) => rounded(slice.p50)),
    p99: spread((slice) => rounded(slice.p99)),
    cpu: spread((slice) => slice.cpu),
  };
}
