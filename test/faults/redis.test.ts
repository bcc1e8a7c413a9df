import { redis } from "./support/deployments.ts";
import { CUTTING, EVERYWHERE, FORGOTTEN, LEAVING, OF_REDIS } from "./support/outages.ts";
import { outages } from "./support/suite.ts";

outages(redis(["redis6", "ioredis6"]), { ...EVERYWHERE, ...OF_REDIS });
outages(redis(["redis5", "ioredis5"]), LEAVING);
// node-redis 5 was seen to stay silent after a cut for as long as there was traffic; why is not known yet.
outages(redis(["redis5", "ioredis5"]), CUTTING, { recovers: false });
outages(redis(["ioredis6", "iovalkey"], "valkey"), { ...EVERYWHERE, ...FORGOTTEN });
