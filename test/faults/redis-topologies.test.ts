import { outages } from "./support/suite.ts";
import { OF_CLUSTERS, OF_SENTINELS, redisCluster, redisSentinel } from "./support/topologies.ts";

outages(redisCluster(["redis6", "ioredis6"]), OF_CLUSTERS);
outages(redisSentinel(["ioredis6", "iovalkey"], 2), OF_SENTINELS);
outages(redisSentinel(["redis6", "ioredis5"], 0), OF_SENTINELS, { exact: false });
