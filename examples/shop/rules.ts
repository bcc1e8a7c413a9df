import { createHash } from "node:crypto";
import type { Session } from "holdfast";
import type { Frame } from "./pages.ts";

/** What the shop keeps with a visitor. */
export interface ShopData {
  cart: Record<string, number>;
  hits: number;
  note: string;
  /** How often the tide table was looked at. */
  tides: number;
}

/** The files that pages ask for, which need no session, and their types. They are in this folder. */
export const assets: Readonly<Record<string, string>> = {
  "/style.css": "text/css",
  "/counter.js": "text/javascript",
};

/**
 * What every page says to caches. Pages tell what is in a session, and the back button would show them after the sign-out:
 * a browser keeps whole pages, and lets go only of those that say this.
 */
export const CACHE_CONTROL = "no-store";

/** Whether a form comes from another site, where it has no business: browsers say where a request comes from. */
export function isForeign(method: string, site: string | string[] | undefined): boolean {
  return method === "POST" && (site === "cross-site" || site === "same-site");
}

/** What every page shows around its content. Shows the notices, so they are gone afterwards. */
export function frameOf(session: Session<ShopData>, cookie: string | undefined): Frame {
  const notices = session.flash("notice").map(String);
  return { user: session.user, notices, id: session.id, cookie: fingerprint(cookie), age: session.age() };
}

/** Enough of a hash to see that the cookie changed, and nothing of the cookie. */
export function fingerprint(cookie: string | undefined): string | null {
  return cookie === undefined ? null : createHash("sha256").update(cookie).digest("hex").slice(0, 8);
}

/** A cart that has nothing left is no cart, and a visitor without one is anonymous again. */
export function without(
  cart: Readonly<Record<string, number>>,
  gone: string | null,
): Record<string, number> | undefined {
  const left = Object.entries(cart).filter(([id]) => id !== gone);
  return left.length > 0 ? Object.fromEntries(left) : undefined;
}
