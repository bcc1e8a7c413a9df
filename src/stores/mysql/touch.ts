import type { SessionId } from "../../core/record.ts";
import type { Call, SessionChange, UpdateOutcome } from "../../core/store.ts";
import { filled } from "./batches.ts";
import { type Engine, rowsOf } from "./engine.ts";
import { isForbidden, tookNoPlace } from "./failures.ts";
import { type Gathered, SharedSignal } from "./gathered.ts";
import { Gathering } from "./gathering.ts";
import type { Prepared, Result, Row } from "./pool.ts";
import type { Sql } from "./sql.ts";
import { LOWEST, updateRecord, versionIn } from "./update.ts";
import { isId } from "./values.ts";

/** A change that moves times and asks for nothing else. */
export interface Touch {
  readonly id: SessionId;
  readonly now: number;
  readonly epoch: number;
  readonly accessedAt: number;
  readonly expiresAt: number;
}

type Touching = Gathered<Touch, UpdateOutcome>;

/** A session that was read, and the touches of it that would change it. */
interface Standing {
  readonly id: SessionId;
  readonly epoch: number;
  readonly version: number;
  readonly touches: readonly Touching[];
}

/** A copy of what the caller gave when it is a touch that may travel with others; anything else is a change of its own. */
export function touchOf(id: SessionId, change: SessionChange): Touch | undefined {
  const { now, epoch, accessedAt = LOWEST, expiresAt = LOWEST, ifVersion, set, remove, renew } = change;
  if (!isId(id)) return undefined;
  if ([ifVersion, set, remove, renew].some((asked) => asked !== undefined)) return undefined;
  const touch = { id, now, epoch, accessedAt, expiresAt };
  return [now, epoch, accessedAt, expiresAt].every(Number.isSafeInteger) ? touch : undefined;
}

/** Touches, which travel together while others are under way. */
export function touchesOf(engine: Engine): Gathering<Touch, UpdateOutcome> {
  let forbidden = false;
  return new Gathering<Touch, UpdateOutcome>({
    // The engines make the writes of several connections durable by one flush, so that more of them cost little.
    atOnce: 8,
    // A batch takes two statements, the second of which costs as much as so many touches.
    least: 8,
    alone: ({ id, ...change }, call) => updateRecord(engine, id, change, call),
    together: async (batch) => {
      // They go one by one then.
      if (forbidden) return;
      await touchTogether(engine, batch).catch((error: unknown) => {
        forbidden ||= isForbidden(error);
        throw error;
      });
    },
  });
}

/**
 * Reads the sessions, then touches those that are as they were read, by one statement which waits for no lock. What the read decides is
 * decided; everything that needs another look, such as a session that somebody has locked or changed meanwhile, is left open.
 */
async function touchTogether(engine: Engine, batch: readonly Touching[]): Promise<void> {
  const { signal } = new SharedSignal(batch);
  const call = { signal };
  const standing = await standingOf(engine, batch, call);
  if (standing.length === 0) return;

  let sent: readonly Standing[] = [];
  let known = true;
  try {
    const result = await engine.caller.writeMade((): Prepared | undefined => {
      sent = standing.filter(({ touches }) => touches.some(({ open }) => open));
      if (sent.length === 0) return undefined;
      known = false;
      for (const one of openOf(sent)) one.send();
      return prepared(engine.sql, sent);
    }, call);
    if (result !== undefined) tell(sent, result);
  } catch (error) {
    if (known || tookNoPlace(error)) throw error;
    // It may have taken place for each of them.
    for (const one of openOf(sent)) one.reject(error);
  }
}

/** Each session that is touched once, in the order of the ids. Touches which change nothing are done by that. */
async function standingOf(engine: Engine, batch: readonly Touching[], call: Call): Promise<Standing[]> {
  const groups = groupsOf(batch);
  const ids = filled([...groups.keys()].sort());
  const rows = await rowsOf(engine, engine.sql.standing(ids.length), ids, call);
  const found: Standing[] = [];
  for (const [id, touches] of groups) {
    const row = rows.find(([own]) => String(own) === id);
    if (row === undefined) continue;
    const needed = touches.filter((one) => one.open && isNeeded(one, row));
    if (needed.length > 0)
      found.push({ id, epoch: Number(row[1]), version: Number(row[2]), touches: needed });
  }
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The touches of each session. Where some are of another epoch than the first, those are left to go alone. */
function groupsOf(batch: readonly Touching[]): ReadonlyMap<SessionId, readonly Touching[]> {
  const groups = new Map<SessionId, Touching[]>();
  for (const one of batch) {
    const those = groups.get(one.item.id);
    if (those === undefined) groups.set(one.item.id, [one]);
    else if (those[0]?.item.epoch === one.item.epoch) those.push(one);
  }
  return groups;
}

/** Whether the touch may take place and changes the row. One that may and changes nothing is done. */
function isNeeded(one: Touching, row: Row): boolean {
  const [epoch, version, accessedAt, expiresAt, sound] = row.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const { item } = one;
  if (sound !== 1 || !Number.isSafeInteger(version)) return false;
  if (epoch !== item.epoch || !(expiresAt > item.now)) return false;
  if (accessedAt < item.accessedAt || expiresAt < item.expiresAt) return true;
  one.resolve({ kind: "done", version });
  return false;
}

function openOf(standing: readonly Standing[]): readonly Touching[] {
  return standing.flatMap(({ touches }) => touches.filter(({ open }) => open));
}

/** Numbers go as text: a driver would make each a floating-point number, and a list of those loses digits. */
function prepared(sql: Sql, standing: readonly Standing[]): Prepared {
  const rows = filled(standing);
  const ids = rows.map(({ id }) => id);
  const read = rows.map(({ epoch, version }) => `${epoch} ${version}`);
  const latest = (name: "now" | "accessedAt" | "expiresAt"): string[] =>
    rows.map((row) => String(Math.max(...openOf([row]).map(({ item }) => item[name]))));
  const lists = [ids, ids, read, latest("now"), ids, ids, latest("accessedAt"), latest("expiresAt")];
  return { sql: sql.touches(rows.length), values: lists.flat() };
}

/** The answer has a bit for each session that was touched. Those that were not go alone. */
function tell(sent: readonly Standing[], result: Result): void {
  const mask = versionIn(result) ?? 0;
  for (const [index, { version, touches }] of sent.entries()) {
    if (((mask >>> index) & 1) === 0) continue;
    for (const one of touches) if (one.open) one.resolve({ kind: "done", version });
  }
}
