import { contractOf } from "./subject.ts";

contractOf("redis", "sentinel", [
  ["redis6", 0.05],
  ["redis5", 0.05],
  ["ioredis6", 0.05],
  ["ioredis5", 0.05],
  ["iovalkey", 0.05],
]);
