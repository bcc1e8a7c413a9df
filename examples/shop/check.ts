/**
 * `npm run demo -- --check`: opens the shop on a free port and walks through it as browsers without JavaScript would, with
 * real cookies, overlapping requests and a killed server. Says what it saw at each step; exits 0 when all was as promised,
 * else 1. With `--store` the sessions are where that URL says. With `--server` the shop is another framework's, such as
 * `examples/hono/server.ts`; `--runtime bun` or `--runtime "deno run -A"` runs it, in the folder `--cwd`, with the variables
 * `--env NAME=VALUE`. `--uncounted` is for a store that no other process can open.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { OpenShop } from "./check/open-shop.ts";
import { Report } from "./check/report.ts";
import { walk } from "./check/walk.ts";
import { storeOf } from "./store.ts";

const { values } = parseArgs({
  options: {
    store: { type: "string" },
    server: { type: "string", default: join(import.meta.dirname, "server.ts") },
    runtime: { type: "string" },
    cwd: { type: "string" },
    env: { type: "string", multiple: true, default: [] },
    uncounted: { type: "boolean", default: false },
  },
});
const folder = mkdtempSync(join(tmpdir(), "holdfast-shop-"));
const store = values.store ?? `file:${join(folder, "shop.db")}`;
const report = new Report();

try {
  const shop = await OpenShop.open({
    server: resolve(values.server),
    store,
    ...(values.runtime !== undefined && { runtime: values.runtime.split(" ") }),
    ...(values.cwd !== undefined && { cwd: values.cwd }),
    env: Object.fromEntries(values.env.map((each) => each.split(/=(.*)/s, 2))),
  });
  // Whoever stops the walk stops the shop as well.
  process.once("SIGTERM", () => void shop.close().finally(() => process.exit(1)));
  console.log(`The Chandlery is open at ${shop.origin}; sessions are in ${storeOf(store).shown}.\n`);
  await walk(shop, values.uncounted ? null : store, report).finally(() => shop.close());
} catch (error) {
  console.error(error);
  report.fail();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(report.isAllRight ? "\nAll as promised." : "\nNot as promised.");
process.exit(report.isAllRight ? 0 : 1);
