/**
 * The shop of `examples/shop`, served by Express: `node examples/express/server.ts` with `PORT` and `--store` as there, after
 * `npm run build`. `node examples/shop/check.ts --server examples/express/server.ts` walks through it.
 */
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { openStore } from "holdfast/open-store";
import { storeOf } from "../shop/store.ts";
import { createShop } from "./shop.ts";

const { values } = parseArgs({ options: { store: { type: "string" } } });
const { url, shown } = storeOf(values.store);
const { app, manager } = createShop(await openStore(url));

const server = app.listen(Number(process.env["PORT"] ?? 3000), "localhost", () => {
  const { port } = server.address() as AddressInfo;
  console.log(`The Chandlery is open: http://localhost:${port}/`);
  console.log(`Sessions are in ${shown}. Stop with Ctrl+C and start again: they stay.`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, close);

function close(): void {
  server.close(() => void manager.close());
  server.closeAllConnections();
}
