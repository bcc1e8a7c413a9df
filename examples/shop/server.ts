/** Starts the shop: `PORT` (default 3000; 0 for any free one) and `SHOP_DATA`, the folder of its file of sessions. */
import { mkdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createShop } from "./shop.ts";

const folder = process.env["SHOP_DATA"] ?? join(import.meta.dirname, "data");
mkdirSync(folder, { recursive: true });
const file = join(folder, "shop.db");
const { app, manager } = createShop(file);

const server = app.listen(Number(process.env["PORT"] ?? 3000), "localhost", () => {
  const { port } = server.address() as AddressInfo;
  console.log(`The Chandlery is open: http://localhost:${port}/`);
  console.log(`Sessions are in ${file}. Stop with Ctrl+C and start again: they stay.`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, close);

function close(): void {
  server.close(() => void manager.close());
  server.closeAllConnections();
}
