import { refuseConfig, SessionError } from "../core/errors.ts";
import { checkedLimit } from "../core/limit.ts";
import { checkOptionNames } from "../core/option-names.ts";
import type { SessionId, SessionRecord } from "../core/record.ts";
import type {
  Call,
  DeleteCondition,
  DeleteOutcome,
  DisposableStore,
  IterableStore,
  LabelIndex,
  Page,
  PageRequest,
  SessionChange,
  SessionStore,
  Setup,
  StoreTraits,
  Subscribable,
  Trackable,
  UpdateOutcome,
} from "../core/store.ts";
import { Background } from "./redis/background.ts";
import { type RedisStoreClient, transportOf } from "./redis/clients.ts";
import { Engine, type ReplicaDemand } from "./redis/engine.ts";
import { Entries } from "./redis/entries.ts";
import { Keys } from "./redis/keys.ts";
import { Labels } from "./redis/labels.ts";
import { Records } from "./redis/records.ts";
import { checkServers } from "./redis/setup.ts";
import { Subscription } from "./redis/subscription.ts";
import { Tracking } from "./redis/tracking.ts";
import type { Transport } from "./redis/transport.ts";
import { walk } from "./redis/walk.ts";

export type {
  IoredisClient,
  IoredisCluster,
  NodeRedisClient,
  NodeRedisCluster,
  NodeRedisSentinel,
  NodeRedisSentinelClient,
  RedisStoreClient,
} from "./redis/clients.ts";

export interface RedisStoreOptions {
  /** What the names of all keys begin with; `"holdfast:"` unless said otherwise. Without braces. */
  readonly prefix?: string;
  /**
   * What acknowledged writes survive on this server: `"none"` (default), a killed process (`"process"`: `appendonly yes`),
   * or a power cut (`"power"`: `appendfsync always` too). `setup` rejects when the server is not set so.
   */
  readonly durability?: "none" | "process" | "power";
  /**
   * How many replicas must have confirmed a write before it counts as done; 0 unless said otherwise. A fail-over to one
   * of them then loses nothing acknowledged. A write that they do not confirm within a second rejects, though the primary has it. Not with `createSentinel` of node-redis.
   */
  readonly replicas?: number;
  /** Accept a server that evicts keys when its memory is full, which ends sessions and lets revocations miss some. */
  readonly allowEviction?: boolean;
  /** Take version, durability and eviction policy on trust, for a server that forbids `INFO` or `CONFIG`. */
  readonly trustServer?: boolean;
}

/** All that a Redis store can do; with one server also `track`. */
export type RedisStore = SessionStore &
  LabelIndex &
  IterableStore &
  Setup &
  Subscribable &
  Partial<Trackable> &
  DisposableStore;

const DEFAULT_PREFIX = "holdfast:";
const REPLICAS_WITHIN_MS = 1000;

/**
 * A store in Redis 6.2 or newer, or Valkey: one server, a Sentinel set-up or a Cluster. Each session is one hash, and
 * each change one script that carries what changed. The engine removes expired sessions by itself.
 *
 * @param client A connected client of `redis` 5 or newer (`createClient`, `createCluster`, `createSentinel`), or a `Redis`
 *   or `Cluster` of `ioredis` or `iovalkey`. It stays the application's: `close` leaves it open.
 * @throws {SessionError} `ERR_SESSION_CONFIG` for what is no such client, and for options that cannot work. What is wrong
 *   with the server is learned by `setup`, which rejects.
 */
export function redisStore(client: RedisStoreClient, options: RedisStoreOptions = {}): RedisStore {
  checkOptionNames(
    options,
    ["prefix", "durability", "replicas", "allowEviction", "trustServer"],
    "redisStore",
  );
  const { prefix = DEFAULT_PREFIX, durability = "none", replicas = 0 } = options;
  if (typeof prefix !== "string" || /[{}]/.test(prefix)) {
    refuseConfig("prefix is a text without braces: they would put every key into one slot of a cluster.");
  }
  if (!["none", "process", "power"].includes(durability)) {
    refuseConfig('durability is "none", "process" or "power".');
  }
  if (!Number.isSafeInteger(replicas) || replicas < 0) refuseConfig("replicas is a whole number, 0 or more.");
  const transport = transportOf(client);
  if (replicas > 0 && !transport.sharesConnection) {
    refuseConfig(
      "replicas does not go with createSentinel of node-redis, which lends its connection to one call at a time. Use a Redis of ioredis with sentinels, or drop replicas.",
    );
  }
  const demand = replicas === 0 ? null : { count: replicas, withinMs: REPLICAS_WITHIN_MS };
  return new Redis(transport, prefix, demand, { ...options, durability });
}

class Redis implements RedisStore {
  readonly traits: StoreTraits;
  readonly #transport: Transport;
  readonly #options: RedisStoreOptions & { readonly durability: StoreTraits["durability"] };
  readonly #keys: Keys;
  readonly #engine: Engine;
  readonly #background = new Background();
  readonly #records: Records;
  readonly #labels: Labels;
  readonly #subscription: Subscription;
  readonly #tracking: Tracking | null;
  /** Tells of changes on a connection of its own, from when that stands. There with one server; not in a cluster, nor by Sentinel. */
  readonly track?: Trackable["track"];
  #closing: Promise<void> | undefined;

  constructor(
    transport: Transport,
    prefix: string,
    replicas: ReplicaDemand | null,
    options: RedisStoreOptions & { readonly durability: StoreTraits["durability"] },
  ) {
    this.traits = { durability: options.durability, shared: true, expires: true, resends: transport.resends };
    this.#transport = transport;
    this.#options = options;
    this.#keys = new Keys(prefix);
    this.#engine = new Engine(transport, replicas);
    const entries = new Entries(this.#engine, this.#keys, this.#background);
    this.#records = new Records(this.#engine, this.#keys, entries);
    this.#labels = new Labels(this.#engine, this.#keys, entries, this.#records);
    this.#subscription = new Subscription(transport, this.#keys.channel);
    const { track } = transport;
    const tracking = track === undefined ? null : new Tracking(track, this.#keys);
    this.#tracking = tracking;
    if (tracking === null) return;
    this.track = (listener) => {
      this.#requireOpen();
      return tracking.add(listener);
    };
  }

  create(record: SessionRecord, call: Call): Promise<boolean> {
    if (this.#closing !== undefined) return closed();
    return this.#records.create(record, call);
  }

  read(id: SessionId, call: Call): Promise<SessionRecord | null> {
    if (this.#closing !== undefined) return closed();
    return this.#records.read(id, call);
  }

  update(id: SessionId, change: SessionChange, call: Call): Promise<UpdateOutcome> {
    if (this.#closing !== undefined) return closed();
    return this.#records.update(id, change, call);
  }

  delete(id: SessionId, when: DeleteCondition, call: Call): Promise<DeleteOutcome> {
    if (this.#closing !== undefined) return closed();
    return this.#records.delete(id, when, call);
  }

  async listByLabel(label: string, page: PageRequest, call: Call): Promise<Page> {
    this.#requireOpen();
    return this.#labels.list(label, checkedPage(page), call);
  }

  async deleteByLabel(label: string, except: readonly SessionId[], call: Call): Promise<number> {
    this.#requireOpen();
    return this.#labels.delete(label, except, call);
  }

  async all(page: PageRequest, call: Call): Promise<Page> {
    this.#requireOpen();
    return walk(this.#engine, this.#keys, checkedPage(page), call);
  }

  async setup(call: Call): Promise<void> {
    this.#requireOpen();
    const { durability, allowEviction = false, trustServer = false } = this.#options;
    if (!trustServer) await checkServers(this.#transport, { durability, allowEviction }, call);
  }

  /** Hears of deletions on a connection of its own, from when that stands; what happens while it is cut is not heard. */
  subscribe(listener: (id: SessionId) => void): () => void {
    this.#requireOpen();
    return this.#subscription.add(listener);
  }

  /** Lets what is under way finish, for a while, and closes the connections that heard of ends and changes. The client stays open. Later calls reject. */
  close(): Promise<void> {
    const connections = [this.#subscription, this.#tracking];
    this.#closing ??= Promise.all([
      this.#background.drained(),
      ...connections.map((connection) => connection?.close()),
    ]).then(() => this.#transport.close());
    return this.#closing;
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw wasClosed();
  }
}

function wasClosed(): SessionError {
  return new SessionError("ERR_SESSION_USE", "This Redis store was closed.");
}

/** The methods on the way of a request are no async functions: each of those is a promise more. */
function closed(): Promise<never> {
  return Promise.reject(wasClosed());
}

function checkedPage(page: PageRequest): PageRequest {
  return { ...page, limit: checkedLimit(page.limit) };
}
