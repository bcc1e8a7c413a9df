import { SessionManager } from "holdfast";
import { reactRouterSessions } from "holdfast/adapters/react-router";
import { openStore } from "holdfast/open-store";
import { createContext } from "react-router";
import type { ShopData } from "../../shop/rules.ts";

const store = await openStore(process.env["STORE"] ?? "memory:");

export const manager = new SessionManager<ShopData>({ store, rotateEvery: "15m" });

/** The client's address, which the server puts there. */
export const addressContext = createContext<string | undefined>();

export const sessions = reactRouterSessions(manager, {
  clientAddress: ({ context }) => context.get(addressContext),
});
