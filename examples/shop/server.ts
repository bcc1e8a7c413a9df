/**
 * Starts the shop: `PORT` (default 3000; 0 for any free one), and `--store` with the URL of where its sessions are, a file
 * beside it unless given: `--store redis://localhost`, `--store postgres://me@localhost/shop`.
 */
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { openStore } from "holdfast/open-store";
import { createShop } from "./shop.ts";
import { storeOf } from "./store.ts";

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
