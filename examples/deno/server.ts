/**
 * The shop of `examples/shop`, served by Deno: `deno run -A examples/deno/server.ts` with `PORT` and `--store` as there, after
 * `npm run build`.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { openStore } from "holdfast/open-store";
import { fileFor } from "../fetch/files.ts";
import { createShop } from "../fetch/shop.ts";
import { storeOf } from "../shop/store.ts";
import { type ConnectionInfo, Deno } from "./deno.ts";

const { values } = parseArgs({ options: { store: { type: "string" } } });
const { url, shown } = storeOf(values.store ?? process.env["STORE"]);
const shop = createShop<[info: ConnectionInfo]>({
  store: await openStore(url),
  platform: { clientAddress: (_request, info) => (info as ConnectionInfo).remoteAddr.hostname },
});

const stop = new AbortController();
const options = {
  hostname: "localhost",
  port: Number(process.env["PORT"] ?? 3000),
  signal: stop.signal,
  onListen: () => undefined,
};
const server = Deno.serve(
  options,
  async (request, info) => (await fileFor(request)) ?? (await shop.fetch(request, info)),
);
console.log(`The Chandlery is open: http://localhost:${server.addr.port}/`);
console.log(`Sessions are in ${shown}. Stop with Ctrl+C and start again: they stay.`);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void close());

async function close(): Promise<void> {
  stop.abort();
  await server.finished;
  await shop.manager.close();
}
