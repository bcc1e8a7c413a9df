/**
 * The shop of `examples/shop`, served by Bun: `bun examples/bun/server.ts` with `PORT` and `--store` as there, after
 * `npm run build`.
 */
import { parseArgs } from "node:util";
import { openStore } from "holdfast/open-store";
import { fileFor } from "../fetch/files.ts";
import { createShop } from "../fetch/shop.ts";
import { storeOf } from "../shop/store.ts";
import { Bun, type BunServer } from "./bun.ts";

const { values } = parseArgs({ options: { store: { type: "string" } } });
const { url, shown } = storeOf(values.store ?? process.env["STORE"]);
const shop = createShop<[server: BunServer]>({
  store: await openStore(url),
  platform: { clientAddress: (request, server) => (server as BunServer).requestIP(request)?.address },
});

const server = Bun.serve({
  hostname: "localhost",
  port: Number(process.env["PORT"] ?? 3000),
  fetch: async (request, server) => (await fileFor(request)) ?? (await shop.fetch(request, server)),
});
console.log(`The Chandlery is open: http://localhost:${server.port}/`);
console.log(`Sessions are in ${shown}. Stop with Ctrl+C and start again: they stay.`);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void close());

async function close(): Promise<void> {
  await server.stop(true);
  await shop.manager.close();
}
