import type { SessionId, SessionRecord } from "../../core/record.ts";
import type { Call, Page, PageRequest } from "../../core/store.ts";
import type { Engine } from "./engine.ts";
import { type Keys, partitionOf, PARTITIONS } from "./keys.ts";
import { judgeHash } from "./meta.ts";
import { flatList, listOf } from "./replies.ts";

const LARGEST_PAGE = 500;

/** The most registries that are asked for at once. */
const WIDEST = 512;

/**
 * One page of all records in the order of their ids, partition by partition. Registries are read together, few at first
 * and more while they are empty, so that a small store costs a dozen round trips and a large one reads no more than it needs.
 */
export async function walk(
  engine: Engine,
  keys: Keys,
  { limit, after = "" }: PageRequest,
  call: Call,
): Promise<Page> {
  const most = Math.min(limit, LARGEST_PAGE);
  const ids = await idsAfter(engine, keys, after, most + 1, call);
  const taken = ids.slice(0, most);
  const records = (await Promise.all(taken.map((id) => readable(engine, keys, id, call)))).filter(
    (record) => record !== null,
  );
  const next = ids.length > most ? taken.at(-1) : undefined;
  return next === undefined ? { records } : { records, next };
}

async function idsAfter(
  engine: Engine,
  keys: Keys,
  after: string,
  wanted: number,
  call: Call,
): Promise<SessionId[]> {
  const ids: SessionId[] = [];
  const first = PARTITIONS.findIndex((partition) => partition >= partitionOf(after));
  let width = 1;
  for (
    let at = Math.max(first, 0);
    at < PARTITIONS.length && ids.length < wanted;
    at += width, width = wider(width)
  ) {
    const registries = PARTITIONS.slice(at, at + width).map((partition) => keys.registry(partition));
    const found = await Promise.all(
      registries.map(async (key) => listOf(await engine.command(key, ["ZRANGE", key, "0", "-1"], call))),
    );
    for (const members of found as SessionId[][]) ids.push(...members.filter((id) => id > after).sort());
  }
  return ids.slice(0, wanted);
}

function wider(width: number): number {
  return Math.min(width * 2, WIDEST);
}

async function readable(
  engine: Engine,
  keys: Keys,
  id: SessionId,
  call: Call,
): Promise<SessionRecord | null> {
  const key = keys.record(id);
  const reply = await engine.command(key, ["HGETALL", key], call).catch((error: unknown) => {
    if (error instanceof Error && error.message.startsWith("WRONGTYPE")) return [];
    throw error;
  });
  const judged = judgeHash(id, flatList(reply));
  return judged.verdict === "record" ? judged.record : null;
}
