import type { Axis, Curve, GrowthResult } from "./growth.ts";
import { exponentOf } from "./statistics.ts";
import { bytes, grouped, shown, table } from "./tables.ts";

/** What each axis is, how its curves should run, and why. */
export const AXES: Readonly<
  Record<Axis, { readonly title: string; readonly shown: (x: number) => string; readonly why: string }>
> = {
  bytes: {
    title: "Size of the session",
    shown: bytes,
    why:
      "Ten fields from 1 kB on, one below. A read decodes the one field that is asked for, and a write sends the one that changed; what still grows is what the engine has to send for a read: the whole record, " +
      "once it is longer than what a request costs anyway. In memory nothing is sent, and the field that is looked at is a tenth of the session. express-session decodes and encodes all of it for each request.",
  },
  fields: {
    title: "Number of fields",
    shown: grouped,
    why: "Fields of about 65 bytes, of which a request touches one. A read brings the record with all of them, so it grows once they are longer than what a request costs anyway. A change in memory copies the list of fields, not their texts, and an object of more than a thousand names is a table for the engine of the language, which is copied and walked through far more slowly: hence the last step. SQLite writes the row of that field, Redis one field of a hash, PostgreSQL the row in which short texts lie together.",
  },
  stored: {
    title: "Number of stored sessions",
    shown: grouped,
    why: "A session is found by its key: a hash table does not grow, a tree by a level now and then. The curve is flat; garbage collection goes through more in memory, which shows in the slowest in a hundred.",
  },
  connections: {
    title: "Requests at once",
    shown: grouped,
    why: "Throughput rises until one processor is busy, and then stays; from there on a request waits for all that came before it, so latency grows as the connections do. PostgreSQL has ten connections of its own to share, and what overlaps travels together on them: that is why it gains longest. At one connection the processor time is high everywhere, for the process falls asleep between any two requests.",
  },
  processes: {
    title: "Processes",
    shown: grouped,
    why: "Processes share nothing but the engine, so throughput grows with them as long as there are processors. The load tool and the engine want one each: on a machine of two cores a second process has none, and the same work is only divided.",
  },
};

/** Makes the readable report of the curves. */
export function reportOnGrowth(result: GrowthResult): string {
  return ["# What grows with what", growthConditions(result), ...growthSections(result), ""].join("\n\n");
}

export function growthConditions({ command, date, minutes, machine, rounds, seconds }: GrowthResult): string {
  return (
    `\`${command}\`, ${date}, ${minutes} minutes: ${rounds} rounds of ${seconds} s; ${machine.cores} cores of ${machine.processor}, Node ${machine.node}; ` +
    `load of the machine before ${machine.loadBefore}, at the end ${machine.loadAfter ?? 0}. Express, sessions of 200 bytes, 64 connections and one process unless it is that which grows.`
  );
}

function growthSections({ curves }: GrowthResult): string[] {
  return (Object.keys(AXES) as Axis[]).flatMap((axis) => {
    const own = curves.filter((curve) => curve.axis === axis);
    return own.length === 0 ? [] : [`## ${AXES[axis].title}`, AXES[axis].why, growthTable(axis, own)];
  });
}

/** Requests a second, latency at the median, and processor time, with how fast the last grows. */
export function growthTable(axis: Axis, curves: readonly Curve[]): string {
  const xs = [...new Set(curves.flatMap(({ points }) => points.map(({ x }) => x)))].sort(
    (one, other) => one - other,
  );
  const rows = curves.map((curve) => [
    `${curve.sessions}, ${curve.store}, ${curve.work}`,
    ...xs.map((x) => {
      const point = curve.points.find((one) => one.x === x);
      if (point === undefined) return "–";
      return `${shown(point.perSecond.median)}/s, ${shown(point.p50.median)} ms, ${shown(point.cpu.median)} µs`;
    }),
    `${exponentOf(curve.points.map(({ x, cpu }) => ({ x, y: cpu.median })))}${curve.ended === undefined ? "" : `; ${curve.ended}`}`,
  ]);
  return table(["", ...xs.map(AXES[axis].shown), "processor time grows as the power"], rows);
}
