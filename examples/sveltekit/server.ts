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

// By its origin SvelteKit tells its own forms from those of other sites, and it takes itself for https unless it is told.
process.env["PROTOCOL_HEADER"] = "x-forwarded-proto";
const { handler }: { handler: RequestListener } = await import(
  new URL("./build/handler.js", import.meta.url).href
);

const server = createServer((request, response) => {
  request.headers["x-forwarded-proto"] = "http";
  handler(request, response);
});
server.listen(Number(process.env["PORT"] ?? 3000), "localhost", () => {
  const { port } = server.address() as AddressInfo;
  console.log(`The Chandlery is open: http://localhost:${port}/`);
  console.log(`Sessions are in ${shown}. Stop with Ctrl+C and start again: they stay.`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, close);

function close(): void {
  // As adapter-node's own server does, for those who have something to close.
  server.close(() => void process.emit("sveltekit:shutdown" as "disconnect"));
  server.closeAllConnections();
}
