import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SessionManager } from "holdfast";
import type { SessionsModuleOptions } from "holdfast/adapters/nestjs";
import { openStore } from "holdfast/open-store";
import type { Session } from "holdfast";
import { assets, type ShopData } from "../../shop/rules.ts";
import { storeOf } from "../../shop/store.ts";

/** Where the sessions are: as `--store` or `STORE` says, or else in a file of this folder. */
export function storeUrl(): { readonly url: string; readonly shown: string } {
  const { values } = parseArgs({ options: { store: { type: "string" } } });
  const wanted = values.store ?? process.env["STORE"];
  if (wanted !== undefined) return storeOf(wanted);
  const folder = join(import.meta.dirname, "../../../data");
  mkdirSync(folder, { recursive: true });
  return storeOf(`file:${join(folder, "shop.db")}`);
}

/** The manager of the shop's sessions, which closes with the application. */
export async function makeSessions(): Promise<SessionsModuleOptions<Session<ShopData>>> {
  const store = await openStore(storeUrl().url);
  return {
    manager: new SessionManager<ShopData>({ store, rotateEvery: "15m" }),
    closeManager: true,
    only: ({ url = "/" }) => !(url in assets),
  };
}
