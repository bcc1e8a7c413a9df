import { redis } from "./support/deployments.ts";
import { EVERYWHERE, FORGOTTEN, OF_REDIS } from "./support/outages.ts";
import { outages } from "./support/suite.ts";

outages(redis(["redis6", "ioredis6"]), { ...EVERYWHERE, ...FORGOTTEN, ...OF_REDIS });
outages(redis(["redis5", "ioredis5"]), { ...EVERYWHERE, ...FORGOTTEN, ...OF_REDIS });
outages(redis(["ioredis6", "iovalkey"], "valkey"), { ...EVERYWHERE, ...FORGOTTEN });
