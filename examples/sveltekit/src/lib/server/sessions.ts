import { building } from "$app/env";
import { SessionManager } from "holdfast";
import { sveltekitSessions } from "holdfast/adapters/sveltekit";
import { openStore } from "holdfast/open-store";
import type { ShopData } from "$shop/rules.ts";
import { storeOf } from "$shop/store.ts";

// While the application is built there is nothing to remember, and no store to open.
const url = building ? "memory:" : storeOf(process.env["STORE"]).url;

export const manager = new SessionManager<ShopData>({ store: await openStore(url), rotateEvery: "15m" });
export const sessions = sveltekitSessions(manager);

process.once("sveltekit:shutdown" as "exit", () => void manager.close());
