import { SessionError } from "../../core/errors.ts";
import { ioredisRouter, refuseIoredisOptions } from "./ioredis.ts";
import { nodeRedisClusterRouter, nodeRedisRouter, nodeRedisSentinelRouter } from "./node-redis.ts";
import type { Router } from "./router.ts";
import { Transport } from "./transport.ts";

/** What is called of a client by `createClient` of node-redis 5 or newer. */
export interface NodeRedisClient {
  sendCommand(command: string[], options?: object): Promise<unknown>;
  duplicate(options?: never): NodeRedisClient;
  connect(): Promise<unknown>;
  subscribe(channel: string, heard: (message: string) => void): Promise<unknown>;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  destroy(): unknown;
  readonly options?: { readonly socket?: object } | undefined;
  readonly isOpen: boolean;
  readonly isReady: boolean;
  /** Not public: keep it from writing for a while, where they are there. */
  _pause?(): void;
  _unpause?(): void;
}

/** A node of a node-redis cluster; `client` is there once it was connected. */
export interface NodeRedisNode {
  readonly client?: NodeRedisClient;
}

/** What is called of a cluster by `createCluster` of node-redis 5 or newer. */
export interface NodeRedisCluster {
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    command: string[],
    options?: object,
  ): Promise<unknown>;
  subscribe(channel: string, heard: (message: string) => void): Promise<unknown>;
  unsubscribe(channel: string, heard: never): Promise<unknown>;
  nodeClient(node: never): unknown;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  readonly masters: readonly NodeRedisNode[];
  readonly slots: readonly { readonly master: NodeRedisNode }[];
  /** Not public: there from version 6 on. */
  readonly _executeWithPolicies?: unknown;
  /** Not public: asked to look where the slots are, if it is there. */
  readonly _slots?: { rediscover?(startWith: never): Promise<unknown> };
}

/** What is called of a client by `createSentinel` of node-redis 5 or newer. */
export interface NodeRedisSentinel {
  sendCommand(isReadonly: boolean | undefined, command: string[], options?: object): Promise<unknown>;
  subscribe(channel: string, heard: (message: string) => void): Promise<unknown>;
  unsubscribe(channel: string, heard: never): Promise<unknown>;
  use(work: (client: NodeRedisSentinelClient) => Promise<unknown>): Promise<unknown>;
  getSentinelNode(): unknown;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  readonly isOpen: boolean;
  readonly isReady: boolean;
}

/** The connection that `use` of a node-redis Sentinel lends. */
export interface NodeRedisSentinelClient {
  sendCommand(isReadonly: boolean | undefined, command: string[], options?: object): Promise<unknown>;
}

/** What is called of a `Redis` of ioredis or iovalkey, by Sentinel or not. */
export interface IoredisClient {
  call(command: string, ...parts: string[]): Promise<unknown>;
  duplicate(options?: never): IoredisClient;
  connect(): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  on(event: string, listener: object): unknown;
  off(event: string, listener: object): unknown;
  disconnect(): void;
  readonly status: string;
  readonly options: object;
  /** The socket, once there is one. */
  readonly stream?: object;
}

/** What is called of a `Cluster` of ioredis or iovalkey. */
export interface IoredisCluster extends IoredisClient {
  readonly isCluster: boolean;
  readonly slots: string[][];
  nodes(role: "master" | "all"): IoredisClient[];
  /** Not public: asked to look where the slots are, if it is there. */
  refreshSlotsCache?(done: () => void): void;
}

/** Every client that the store takes. */
export type RedisStoreClient =
  | NodeRedisClient
  | NodeRedisCluster
  | NodeRedisSentinel
  | IoredisClient
  | IoredisCluster;

/** Tells by its methods which kind of client it is. Throws `ERR_SESSION_CONFIG` for anything else. */
export function transportOf(client: unknown): Transport {
  return new Transport(routerOf(client));
}

function routerOf(client: unknown): Router {
  if (has(client, "call") && typeof client["status"] === "string") {
    refuseIoredisOptions(client["options"]);
    return ioredisRouter(client as unknown as IoredisClient);
  }
  if (has(client, "sendCommand")) {
    if (has(client, "nodeClient")) return nodeRedisClusterRouter(client as unknown as NodeRedisCluster);
    if (has(client, "getSentinelNode")) return nodeRedisSentinelRouter(client);
    if (has(client, "duplicate")) return nodeRedisRouter(client);
  }
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    "redisStore needs a client: createClient, createCluster or createSentinel of redis 5 or newer, or a Redis or Cluster of ioredis or iovalkey.",
  );
}

function has(value: unknown, method: string): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, method) === "function";
}
