/**
 * The shop of `examples/shop`, served by Fastify: `node examples/fastify/server.ts` with `PORT` and `--store` as there,
 * after `npm run build`. `node examples/shop/check.ts --server examples/fastify/server.ts` walks through it.
 */
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { openStore } from "holdfast/open-store";
import { storeOf } from "../shop/store.ts";
import { createShop } from "./shop.ts";

const { values } = parseArgs({ options: { store: { type: "string" } } });
const { url, shown } = storeOf(values.store);
const app = createShop(await openStore(url));

await app.listen({ host: "localhost", port: Number(process.env["PORT"] ?? 3000) });
const { port } = app.server.address() as AddressInfo;
console.log(`The Chandlery is open: http://localhost:${port}/`);
console.log(`Sessions are in ${shown}. Stop with Ctrl+C and start again: they stay.`);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void app.close());
