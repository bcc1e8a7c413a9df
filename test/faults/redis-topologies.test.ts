import { outages } from "./support/suite.ts";
import { OF_CLUSTERS, OF_SENTINELS, redisCluster, redisSentinel } from "./support/topologies.ts";

outages(redisCluster(["redis6", "ioredis6"]), OF_CLUSTERS);
outages(redisSentinel(["redis6", "ioredis6"]), OF_SENTINELS);
