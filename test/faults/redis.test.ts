import { redis } from "./support/deployments.ts";
import { EVERYWHERE, FORGOTTEN } from "./support/outages.ts";
import { outages } from "./support/suite.ts";

outages(redis(["redis6", "ioredis6"]), EVERYWHERE);
outages(redis(["redis5", "ioredis5"]), EVERYWHERE);
outages(redis(["ioredis6", "iovalkey"], "valkey"), { ...EVERYWHERE, ...FORGOTTEN });
