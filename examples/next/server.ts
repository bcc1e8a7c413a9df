/**
 * Starts the shop that `npm run build` has built: `PORT` (default 3000; 0 for any free one), and `--store` or `STORE` with the
 * URL of where its sessions are. `npx next start` serves it as well, by its own options; `--dev` is Next's development server.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import next from "next";
import { storeOf } from "../shop/store.ts";

const { values } = parseArgs({ options: { store: { type: "string" }, dev: { type: "boolean" } } });
const { url, shown } = storeOf(values.store ?? process.env["STORE"]);
process.env["STORE"] = url;
process.env["NEXT_TELEMETRY_DISABLED"] ??= "1";

const server = createServer();
await new Promise<void>((resolve) =>
  server.listen(Number(process.env["PORT"] ?? 3000), "localhost", resolve),
);
const { port } = server.address() as AddressInfo;

const app = next({
  dev: values.dev ?? false,
  dir: import.meta.dirname,
  hostname: "localhost",
  port,
  httpServer: server,
});
await app.prepare();
const handle = app.getRequestHandler();
server.on("request", (request, response) => void handle(request, response));
console.log(`The Chandlery is open: http://localhost:${port}/`);
console.log(`Sessions are in ${shown}. Stop with Ctrl+C and start again: they stay.`);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, close);

function close(): void {
  server.close(() => void app.close().then(() => process.exit()));
  server.closeAllConnections();
}
