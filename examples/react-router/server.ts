/**
 * Starts the shop that `npm run build` has built: `PORT` (default 3000; 0 for any free one), and `--store` or the variable
 * `STORE` with the URL of where its sessions are, a file unless given.
 */
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { createRequestHandler } from "@react-router/express";
import express from "express";
import { RouterContextProvider } from "react-router";
import { storeOf } from "../shop/store.ts";

const { values } = parseArgs({ options: { store: { type: "string" } } });
const { url, shown } = storeOf(values.store ?? process.env["STORE"]);
process.env["STORE"] = url;
const build = await import(new URL("./build/server/index.js", import.meta.url).href);
const { addressContext, manager } = build.entry.module;

const app = express();
app.disable("x-powered-by");
app.use(
  "/assets",
  express.static(new URL("./build/client/assets", import.meta.url).pathname, {
    immutable: true,
    maxAge: "1y",
  }),
);
app.all(
  "/{*path}",
  createRequestHandler({
    build,
    mode: "production",
    getLoadContext: (request) => new RouterContextProvider(new Map([[addressContext, request.ip]])),
  }),
);

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
