/**
 * Starts the shop that `npm run build` has built: `PORT` (default 3000; 0 for any free one), and `--store` or the variable
 * `STORE` with the URL of where its sessions are, a file unless given.
 */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { storeOf } from "../shop/store.ts";

const { values } = parseArgs({ options: { store: { type: "string" } } });
const { url, shown } = storeOf(values.store ?? process.env["STORE"]);
process.env["STORE"] = url;

// Astro's own server takes no port that is free, and ends without closing what is open.
process.env["ASTRO_NODE_AUTOSTART"] = "disabled";
const entry = new URL("./build/server/entry.mjs", import.meta.url).href;
const { handler }: { handler: RequestListener } = await import(entry);

const server = createServer(handler);
server.listen(Number(process.env["PORT"] ?? 3000), "localhost", () => {
  const { port } = server.address() as AddressInfo;
  console.log(`The Chandlery is open: http://localhost:${port}/`);
  console.log(`Sessions are in ${shown}. Stop with Ctrl+C and start again: they stay.`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, close);

function close(): void {
  server.close(() => process.exit());
  server.closeAllConnections();
}
