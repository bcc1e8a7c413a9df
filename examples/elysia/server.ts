/**
 * The shop of `examples/shop`, served by Elysia on Bun: `bun server.ts` with `PORT` and `--store` (or `STORE`) as there, after
 * `npm install`.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openStore } from "holdfast/open-store";
import { storeOf } from "../shop/store.ts";
import { createShop } from "./shop.ts";

const { values } = parseArgs({ options: { store: { type: "string" } } });
const { url, shown } = storeOf(values.store ?? process.env["STORE"] ?? ownStore());
const { app, manager } = createShop(await openStore(url));

app.listen({ hostname: "localhost", port: Number(process.env["PORT"] ?? 3000) });
console.log(`The Chandlery is open: http://localhost:${app.server?.port}/`);
console.log(`Sessions are in ${shown}. Stop with Ctrl+C and start again: they stay.`);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void close());

async function close(): Promise<void> {
  await app.stop(true);
  await manager.close();
  process.exit(0);
}

function ownStore(): string {
  const folder = join(import.meta.dirname, "data");
  mkdirSync(folder, { recursive: true });
  return `file:${join(folder, "shop.db")}`;
}
