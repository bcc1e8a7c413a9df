import { SessionManager } from "holdfast";
import { nextSessions } from "holdfast/adapters/next";
import { openStore } from "holdfast/open-store";
import type { ShopData } from "../../shop/rules.ts";

/**
 * Next loads this module once for pages and actions, once for route handlers, once for the proxy, and in development again after
 * every change. The manager and its store are to be one: they are kept where all of these find them.
 */
const kept = globalThis as { chandlery?: Promise<SessionManager<ShopData>> };

async function open(): Promise<SessionManager<ShopData>> {
  const store = await openStore(process.env["STORE"] ?? "file:shop.db");
  return new SessionManager<ShopData>({ store, rotateEvery: "15m" });
}

export const manager = await (kept.chandlery ??= open());

export const sessions = nextSessions(manager, {
  // Next puts the address there, unless somebody before it did. A proxy of your own has to.
  clientAddress: (headers) => headers.get("x-forwarded-for")?.split(",").at(-1)?.trim(),
});
