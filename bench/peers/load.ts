/** The load tool, in a process of its own: forked, it is sent slices and answers what came of each. */
import autocannon from "autocannon";
import type { Slice, SliceResult } from "../compare/words.ts";

process.on("disconnect", () => process.exit(0));
process.on("SIGINT", () => {});
process.on("message", (slice: Slice) => void run(slice).then((result) => process.send?.(result)));
process.send?.("ready");

async function run({ url, method, cookies, connections, seconds }: Slice): Promise<SliceResult> {
  const latencies: number[] = [];
  let errors = 0;
  let given = 0;
  const before = process.cpuUsage();
  const started = performance.now();
  const ended = Promise.withResolvers<void>();
  const settings: autocannon.Options = {
    url,
    method,
    connections,
    // It is stopped by the clock below: its own looks at the time only now and then.
    duration: 3600,
    sampleInt: 20,
    timeout: 30,
    setupClient(client) {
      const cookie = cookies[given % Math.max(1, cookies.length)];
      given += 1;
      if (cookie !== undefined) client.setHeaders({ cookie });
    },
  };
  const instance = autocannon(settings, () => ended.resolve());
  instance.on("response", (_client, status, _bytes, milliseconds) => {
    latencies.push(milliseconds);
    if (status !== 200) errors += 1;
  });
  instance.on("reqError", () => (errors += 1));
  await new Promise((resolve) => void setTimeout(resolve, seconds * 1000));
  const requests = latencies.length;
  const took = (performance.now() - started) / 1000;
  const used = process.cpuUsage(before);
  instance.stop();
  await ended.promise;
  const sorted = Float64Array.from(latencies.slice(0, requests)).sort();
  const at = (share: number): number => sorted[Math.min(requests - 1, Math.floor(requests * share))] ?? 0;
  return {
    requests,
    answered: latencies.length,
    errors,
    seconds: took,
    p50: at(0.5),
    p99: at(0.99),
    toolBusy: (used.user + used.system) / 1e6 / took,
  };
}
