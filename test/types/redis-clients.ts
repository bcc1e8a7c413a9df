// Every client that the store takes fits its types, at the oldest version and at the newest.
import { Cluster as Cluster6, Redis as Redis6 } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis5";
import { Cluster as ValkeyCluster, Redis as Valkey } from "iovalkey";
import * as redis6 from "redis";
import * as redis5 from "redis5";
import type { RedisStoreClient } from "../../src/stores/redis.ts";

const sentinel = { name: "a", sentinelRootNodes: [] };

export const clients = (): readonly RedisStoreClient[] => [
  redis6.createClient(),
  redis6.createCluster({ rootNodes: [] }),
  redis6.createSentinel(sentinel),
  redis5.createClient(),
  redis5.createCluster({ rootNodes: [] }),
  redis5.createSentinel(sentinel),
  new Redis6(),
  new Cluster6([]),
  new Redis5(),
  new Cluster5([]),
  new Valkey(),
  new ValkeyCluster([]),
];
