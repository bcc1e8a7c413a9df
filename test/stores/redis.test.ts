import { cachedContractOf, contractOf } from "./redis/subject.ts";

contractOf("redis", "standalone", [
  ["redis6", 0.5],
  ["redis5", 0.05],
  ["ioredis6", 0.05],
  ["ioredis5", 0.05],
  ["iovalkey", 0.05],
]);
contractOf("valkey", "standalone", [["redis6", 0.05]]);
cachedContractOf("redis", [["redis6", 0.05]]);
