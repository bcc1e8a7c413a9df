/**
 * Serves the shop that `npm run build` has built: `PORT` (default 3000; 0 for any free one), and `--store` with the URL of
 * where its sessions are, or `STORE`.
 */
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { storeOf } from "../shop/store.ts";

const { values } = parseArgs({ options: { store: { type: "string" } } });
const { url, shown } = storeOf(values.store ?? process.env["STORE"]);
process.env["STORE"] = url;
const { listener } = await import("./.output/server/index.mjs");

const server = createServer(listener);
server.listen(Number(process.env["PORT"] ?? 3000), "localhost", () => {
  console.log(`The Chandlery is open: http://localhost:${server.address().port}/`);
  console.log(`Sessions are in ${shown}. Stop with Ctrl+C and start again: they stay.`);
});

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, close);

function close() {
  server.close(() => process.exit());
  server.closeAllConnections();
}
