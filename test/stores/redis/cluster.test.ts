import { contractOf } from "./subject.ts";

contractOf("redis", "cluster", [
  ["redis6", 0.2],
  ["redis5", 0.05],
  ["ioredis6", 0.05],
  ["ioredis5", 0.05],
  ["iovalkey", 0.05],
]);
contractOf("valkey", "cluster", [["iovalkey", 0.05]]);
