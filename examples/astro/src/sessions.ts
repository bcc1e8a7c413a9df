import { SessionManager } from "holdfast";
import { astroSessions } from "holdfast/adapters/astro";
import { openStore } from "holdfast/open-store";
import type { ShopData } from "$shop/rules.ts";
import { storeOf } from "$shop/store.ts";

const { url } = storeOf(process.env["STORE"]);

export const manager = new SessionManager<ShopData>({ store: await openStore(url), rotateEvery: "15m" });
export const sessions = astroSessions(manager);
