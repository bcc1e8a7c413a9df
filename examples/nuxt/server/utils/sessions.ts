import { type Session, SessionManager } from "holdfast";
import { h3Sessions } from "holdfast/adapters/h3";
import { openStore } from "holdfast/open-store";
import type { ShopData } from "../../../shop/rules.ts";

export const manager = new SessionManager<ShopData>({
  store: await openStore(process.env["STORE"] ?? "memory:"),
  rotateEvery: "15m",
});

/** What Nuxt has built needs no session. */
export const sessions = h3Sessions(manager, { only: (event) => !event.path.startsWith("/_nuxt/") });

declare module "h3" {
  interface H3EventContext {
    session: Session<ShopData>;
  }
}
