import type { GroupResult, LoadFigures, PeersResult, SubjectResult } from "./result.ts";
import type { FrameworkName, StoreName, WorkName } from "./table.ts";
import { bytes, shown } from "./tables.ts";

/** One row of what Holdfast allows itself to cost, beside what it does cost. */
export interface Verdict {
  readonly row: string;
  readonly wanted: string;
  readonly measured: string;
  readonly holds: boolean;
}

/** Frameworks whose rows are promised; the others are shown. */
const PROMISED: readonly FrameworkName[] = ["express", "fastify"];

/** The least share of the bare server's throughput, sessions in memory. */
const SHARES: readonly (readonly [WorkName, number])[] = [
  ["anonymous", 0.97],
  ["read", 0.95],
  ["write", 0.85],
];

/** The most round trips to the store a request. */
const ROUND_TRIPS: readonly (readonly [WorkName, number])[] = [
  ["anonymous", 0],
  ["read", 1],
  ["write", 2],
  ["login", 3],
];

/** How many times as fast as the best peer, by work; everything else must be ahead. */
const TIMES: Partial<Record<WorkName, number>> = { read: 2, "write in 100 kB": 10 };

const CORE_BYTES = 10_000;

/** Judges what was measured of the budget; what was not measured has no row. */
export function judgeBudget(result: PeersResult): Verdict[] {
  const groups = result.groups.filter(({ framework }) => PROMISED.includes(framework));
  return [
    ...groups.filter(({ store }) => store === "memory").flatMap(sharesOf),
    ...groups.flatMap(besideByHand),
    ...groups.flatMap(besidePeers),
    ...groups.flatMap(roundTripsOf),
    ...fieldOnly(result),
    ...sizeOf(result),
  ];
}

function sharesOf(group: GroupResult): Verdict[] {
  return SHARES.flatMap(([work, least]) => {
    const load = loadOf(group, isHoldfast, work);
    if (load === undefined) return [];
    const { median } = load.throughputRatio;
    return [
      {
        row: `${placeOf(group)}: ${work}, share of the bare server's throughput`,
        wanted: `≥ ${least}`,
        measured: shown(median),
        holds: median >= least,
      },
    ];
  });
}

/** What somebody could write by hand who only wants to read. */
const BY_HAND: Partial<Record<StoreName, number>> = { redis: 0.95, postgres: 1 };

function besideByHand(group: GroupResult): Verdict[] {
  const least = BY_HAND[group.store];
  const own = loadOf(group, isHoldfast, "read");
  const other = loadOf(group, ({ name }) => name === "by hand", "read");
  if (least === undefined || own === undefined || other === undefined) return [];
  const share = own.throughputRatio.median / other.throughputRatio.median;
  return [
    {
      row: `${placeOf(group)}: read, share of the throughput of one look-up by hand`,
      wanted: `≥ ${least}`,
      measured: shown(share),
      holds: share >= least,
    },
  ];
}

function besidePeers(group: GroupResult): Verdict[] {
  const peers = group.subjects.filter(
    ({ name }) => !name.startsWith("holdfast") && !["bare", "by hand"].includes(name),
  );
  return (["anonymous", "read", "write", "write in 100 kB", "login", "64 on one session"] as const).flatMap(
    (work) => {
      // By way of the bare server, whose slices lie beside both.
      const own = loadOf(group, isHoldfast, work)?.throughputRatio.median;
      const best = Math.max(
        ...peers.map(
          ({ name }) => loadOf(group, (one) => one.name === name, work)?.throughputRatio.median ?? 0,
        ),
      );
      if (own === undefined || best <= 0) return [];
      const least = TIMES[work] ?? 1;
      return [
        {
          row: `${placeOf(group)}: ${work}, as fast as the best peer`,
          wanted: least === 1 ? "> 1" : `≥ ${least}`,
          measured: shown(own / best) + (work === SHARED ? lossesOf(peers) : ""),
          holds: least === 1 ? own > best : own / best >= least,
        },
      ];
    },
  );
}

const SHARED: WorkName = "64 on one session";

/** Who need not keep every update is faster. */
function lossesOf(peers: readonly SubjectResult[]): string {
  const lost = peers.reduce((sum, { loss }) => sum + (loss?.lost ?? 0), 0);
  const acknowledged = peers.reduce((sum, { loss }) => sum + (loss?.acknowledged ?? 0), 0);
  return lost > 0 ? `; of ${acknowledged} updates they lost ${lost}, Holdfast none` : "";
}

function roundTripsOf(group: GroupResult): Verdict[] {
  return ROUND_TRIPS.flatMap(([work, most]) => {
    const trips = countedOf(group, work)?.roundTrips;
    if (trips === undefined) return [];
    return [
      {
        row: `${placeOf(group)}: ${work}, round trips`,
        wanted: `≤ ${most}`,
        measured: shown(trips),
        // A touch now and then, off the way of the request.
        holds: trips <= most + 0.05,
      },
    ];
  });
}

/** A changed field travels, and not the session around it. */
function fieldOnly({ groups }: PeersResult): Verdict[] {
  return groups.flatMap((group) => {
    const small = countedOf(group, "write")?.bytesSent;
    const large = countedOf(group, "write in 100 kB")?.bytesSent;
    if (small === undefined || large === undefined) return [];
    return [
      {
        row: `${placeOf(group)}: bytes sent for one field of a session of 100 kB`,
        wanted: `as for a small one: ${bytes(small)}`,
        measured: bytes(large),
        holds: large <= small * 1.1,
      },
    ];
  });
}

function sizeOf({ singles: { coreSize } }: PeersResult): Verdict[] {
  if (coreSize === undefined) return [];
  const { compressed } = coreSize;
  return [
    {
      row: "core, minified and compressed",
      wanted: `≤ ${bytes(CORE_BYTES)}`,
      measured: bytes(compressed),
      holds: compressed <= CORE_BYTES,
    },
  ];
}

function placeOf({ framework, store }: GroupResult): string {
  return `${framework}, ${store}`;
}

function isHoldfast({ name }: SubjectResult): boolean {
  return name === "holdfast";
}

type Which = (subject: SubjectResult) => boolean;

function loadOf({ subjects }: GroupResult, which: Which, work: WorkName): LoadFigures | undefined {
  return subjects.find(which)?.works.find(({ name }) => name === work)?.load;
}

function countedOf({ subjects }: GroupResult, work: WorkName) {
  return subjects.find(isHoldfast)?.works.find(({ name }) => name === work)?.counted;
}
