/**
 * The shop of `examples/shop` with a counter that is live: `node examples/live/server.ts` with `PORT` and `--store` as there, after
 * `npm run build`. Open it in two tabs: what one counts the other shows, and signing out in one tells the other.
 */
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { openStore } from "holdfast/open-store";
import { createShop } from "../shop/shop.ts";
import { storeOf } from "../shop/store.ts";
import { serveLive } from "./live.ts";

const { values } = parseArgs({ options: { store: { type: "string" } } });
const { url, shown } = storeOf(values.store);
const { app, manager } = createShop(await openStore(url));

const script = readFileSync(new URL("./live.js", import.meta.url));
const server = createServer((request, response) => {
  // The shop's pages ask for this script; the live shop has its own.
  if (request.url === "/counter.js") response.setHeader("Content-Type", "text/javascript").end(script);
  else app(request, response);
});
serveLive(server, manager);

server.listen(Number(process.env["PORT"] ?? 3000), "localhost", () => {
  const { port } = server.address() as AddressInfo;
  console.log(`The Chandlery is open: http://localhost:${port}/`);
  console.log(`Sessions are in ${shown}. Stop with Ctrl+C and start again: they stay.`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, close);

function close(): void {
  server.close();
  server.closeAllConnections();
  // This closes the sockets, too.
  void manager.close();
}
