import type { SessionId } from "../../../src/core/record.ts";
import { transportOf } from "../../../src/stores/redis/clients.ts";
import { Keys } from "../../../src/stores/redis/keys.ts";
import type { Transport } from "../../../src/stores/redis/transport.ts";
import { openClient, type RedisLocation } from "./clients.ts";

/** Ways of spoiling a record behind the store's back, by a connection of their own. */
export interface Damage {
  readonly ways: Readonly<Record<string, (id: SessionId) => Promise<void>>>;
  close(): Promise<void>;
}

const signal = new AbortController().signal;

/** Where less effort is wanted, two ways: the scripts judge them all alike, whoever calls. */
export async function damageOf(location: RedisLocation, effort: number): Promise<Damage> {
  const { client, end } = await openClient(location);
  const transport = transportOf(client);
  const keys = new Keys(location.prefix);
  const ways = {
    "of another type": spoiling(transport, keys, async (key, send) => {
      await send("DEL", key);
      await send("SET", key, "not ours");
    }),
    "without its meta text": spoiling(transport, keys, async (key, send) => {
      await send("HSET", key, ":a", "1");
      await send("HDEL", key, "=");
    }),
    emptied: meta(transport, keys, () => ""),
    "cut short in its numbers": meta(transport, keys, (text) => text.slice(0, 30)),
    "cut short in its labels": meta(transport, keys, (text) => text.slice(0, -3)),
    "with a version past all numbers": meta(transport, keys, (text) =>
      text.replace(/^1 (\d+) \d+/, "1 $1 9223372036854775807"),
    ),
    "with words for numbers": meta(transport, keys, (text) => text.replace(/^1 (\d+) \d+/, "1 $1 many")),
    "with a label of another alphabet": meta(transport, keys, (text) => text.replace(";", " {};")),
  };
  const few = {
    "of another type": ways["of another type"],
    "cut short in its labels": ways["cut short in its labels"],
  };
  return { ways: effort < 0.1 ? few : ways, close: end };
}

type Send = (...command: string[]) => Promise<unknown>;

function spoiling(
  transport: Transport,
  keys: Keys,
  work: (key: string, send: Send) => Promise<void>,
): (id: SessionId) => Promise<void> {
  return (id) => {
    const key = keys.record(id);
    return work(key, (...command) => transport.send(key, command, { signal }));
  };
}

function meta(
  transport: Transport,
  keys: Keys,
  change: (text: string) => string,
): (id: SessionId) => Promise<void> {
  return spoiling(transport, keys, async (key, send) => {
    await send("HSET", key, "=", change(String(await send("HGET", key, "="))));
  });
}
