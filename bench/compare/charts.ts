import { AXES } from "./growth-report.ts";
import type { Axis, GrowthResult } from "./growth.ts";
import type { GroupResult, PeersResult } from "./result.ts";
import { WORKS } from "./table.ts";

/** A chart to be drawn: the name of its file, and what it is in the words of Vega-Lite. */
export interface Chart {
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Told apart by people who do not see all colours, too. */
const COLOURS = { holdfast: "#0b6e4f", peer: "#d9822b", "by hand": "#6b7a8f" };

const SHAPES = { holdfast: "circle", peer: "square", "by hand": "diamond" };

const LOOK = {
  background: "white",
  // Each point would be a sentence of its own; the pages have the figures as tables.
  aria: false,
  font: "system-ui, sans-serif",
  axis: { labelFontSize: 12, titleFontSize: 12, gridColor: "#e6e6e6", labelLimit: 240 },
  header: { labelFontSize: 13, labelFontWeight: "bold", titleFontSize: 0 },
  legend: { labelFontSize: 12, title: null, orient: "top", symbolStrokeWidth: 2, labelLimit: 300 },
  view: { stroke: "#d0d0d0" },
};

const SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json";

export function peerCharts(result: PeersResult): Chart[] {
  const groups = result.groups.map(withOneOfEach);
  const express = groups.filter(({ framework }) => framework === "express");
  const inMemory = groups.filter(({ store }) => store === "memory");
  return [
    ratioChart("throughput-by-store", express, ({ store }) => store),
    ratioChart("throughput-by-framework", inMemory, ({ framework }) => framework),
    bytesChart(
      "bytes-sent",
      groups.filter(
        ({ framework, store }) => framework === "express" && (store === "redis" || store === "postgres"),
      ),
    ),
  ].flatMap((chart) => chart ?? []);
}

/** A bar is of one subject: Holdfast upon another store beside that of the group is in the tables alone. */
function withOneOfEach(group: GroupResult): GroupResult {
  return { ...group, subjects: group.subjects.filter(({ name }) => !name.startsWith("holdfast,")) };
}

function kindOf(name: string): keyof typeof COLOURS {
  if (name === "holdfast") return "holdfast";
  return name === "by hand" ? "by hand" : "peer";
}

/** Bars of throughput as a share of the bare server's, with the whole spread as a line. */
function ratioChart(
  name: string,
  groups: readonly GroupResult[],
  facetOf: (group: GroupResult) => string,
): Chart | undefined {
  const values = groups.flatMap((group) =>
    group.subjects
      .filter((subject) => subject.name !== "bare")
      .flatMap((subject) =>
        subject.works.flatMap(({ name: work, load }) => {
          if (load === undefined) return [];
          const { median, min, max } = load.throughputRatio;
          return [{ facet: facetOf(group), work, kind: kindOf(subject.name), median, min, max }];
        }),
      ),
  );
  if (values.length === 0) return undefined;
  const y = { field: "work", type: "nominal", sort: WORKS.map((work) => work.name), title: null };
  const offset = { yOffset: { field: "kind", sort: Object.keys(COLOURS) } };
  return {
    name,
    spec: {
      $schema: SCHEMA,
      config: LOOK,
      data: { values },
      facet: {
        field: "facet",
        type: "nominal",
        sort: [...new Set(values.map(({ facet }) => facet))],
        title: null,
      },
      columns: 2,
      spec: {
        width: 320,
        height: { step: 13 },
        layer: [
          {
            mark: { type: "bar", clip: true },
            encoding: {
              y,
              ...offset,
              x: {
                field: "median",
                type: "quantitative",
                title: "share of the bare server's throughput",
                scale: { domain: [0, 1.2] },
              },
              color: colour([...new Set(values.map(({ kind }) => kind))]),
            },
          },
          {
            mark: { type: "rule", color: "#333", clip: true },
            encoding: { y, ...offset, x: { field: "min", type: "quantitative" }, x2: { field: "max" } },
          },
          { mark: { type: "rule", strokeDash: [4, 3], color: "#888" }, encoding: { x: { datum: 1 } } },
        ],
      },
    },
  };
}

type Kind = keyof typeof COLOURS;

function colour(kinds: readonly Kind[]): Record<string, unknown> {
  const domain = inOrder(kinds);
  return { field: "kind", type: "nominal", scale: { domain, range: domain.map((kind) => COLOURS[kind]) } };
}

/** The same as the colours say, for who does not tell them apart. */
function shape(kinds: readonly Kind[]): Record<string, unknown> {
  const domain = inOrder(kinds);
  return { field: "kind", type: "nominal", scale: { domain, range: domain.map((kind) => SHAPES[kind]) } };
}

function inOrder(kinds: readonly Kind[]): Kind[] {
  return (Object.keys(COLOURS) as Kind[]).filter((kind) => kinds.includes(kind));
}

/** What is sent for one small field, in small and large sessions, on a logarithmic axis. */
function bytesChart(name: string, groups: readonly GroupResult[]): Chart | undefined {
  const values = groups.flatMap(({ store, subjects }) =>
    subjects.flatMap((subject) =>
      subject.works.flatMap(({ name: work, counted }) =>
        (work === "write" || work === "write in 100 kB") &&
        counted?.bytesSent !== undefined &&
        counted.bytesSent > 0
          ? [{ facet: store, work, kind: kindOf(subject.name), bytes: counted.bytesSent }]
          : [],
      ),
    ),
  );
  if (values.length === 0) return undefined;
  const kinds = [...new Set(values.map(({ kind }) => kind))];
  return {
    name,
    spec: {
      $schema: SCHEMA,
      config: LOOK,
      data: { values },
      facet: { field: "facet", type: "nominal", title: null },
      columns: 2,
      spec: {
        width: 320,
        height: { step: 28 },
        mark: { type: "point", filled: true, opacity: 0.9 },
        encoding: {
          y: { field: "work", type: "nominal", title: null },
          x: {
            field: "bytes",
            type: "quantitative",
            scale: { type: "log", domain: [100, 200_000] },
            title: "bytes sent to the engine for one small field",
            axis: { format: "~s", values: POWERS },
          },
          color: colour(kinds),
          shape: shape(kinds),
          size: { value: 110 },
        },
      },
    },
  };
}

/** What logarithmic axes say; a line for each of all ten would be too many. */
const POWERS = Array.from({ length: 10 }, (_, power) => 10 ** (power - 2));

const SOLID = [1, 0];
const DASHED = [5, 3];

/** A chart an axis and figure: a facet a store, a line for each library and work. */
export function growthCharts({ curves }: GrowthResult): Chart[] {
  return (Object.keys(AXES) as Axis[]).flatMap((axis) => {
    const own = curves.filter((curve) => curve.axis === axis);
    return [growthChart(`growth-${axis}`, axis, own)].flatMap((chart) => chart ?? []);
  });
}

function growthChart(name: string, axis: Axis, curves: GrowthResult["curves"]): Chart | undefined {
  const values = curves.flatMap(({ store, sessions, work, points }) =>
    points.map(({ x, perSecond, p50 }) => ({
      store,
      kind: kindOf(sessions),
      work,
      x,
      perSecond: perSecond.median,
      ms: p50.median,
    })),
  );
  if (values.length === 0) return undefined;
  const x = {
    field: "x",
    type: "quantitative",
    title: AXES[axis].title,
    scale: { type: axis === "processes" ? "linear" : "log", nice: false },
    axis: { format: "~s", values: [...new Set(values.map((value) => value.x))], labelOverlap: true },
  };
  const row = (field: string, title: string): Record<string, unknown> => ({
    facet: {
      column: {
        field: "store",
        type: "nominal",
        title: null,
        sort: [...new Set(values.map(({ store }) => store))],
      },
    },
    spec: {
      width: 170,
      height: 150,
      mark: { type: "line", point: { size: 25 } },
      encoding: {
        x,
        y: {
          field,
          type: "quantitative",
          title,
          scale: { type: "log", nice: true },
          axis: { format: "~s", values: POWERS },
        },
        color: colour([...new Set(values.map(({ kind }) => kind))]),
        strokeDash: {
          field: "work",
          type: "nominal",
          scale: { domain: ["read", "write"], range: [SOLID, DASHED] },
          legend: { symbolType: "stroke", symbolSize: 400, symbolStrokeWidth: 2, symbolStrokeColor: "#444" },
        },
      },
    },
  });
  return {
    name,
    spec: {
      $schema: SCHEMA,
      config: LOOK,
      data: { values },
      vconcat: [row("perSecond", "requests a second"), row("ms", "ms at the median")],
    },
  };
}
