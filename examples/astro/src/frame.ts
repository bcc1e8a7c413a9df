import type { AstroGlobal } from "astro";
import type { Frame } from "$shop/pages.ts";
import { frameOf } from "$shop/rules.ts";

/** What every page shows around its content. Shows the notices, so it is asked for in a page, before that begins to leave. */
export function frameOfPage({ locals, request }: Pick<AstroGlobal, "locals" | "request">): Frame {
  return frameOf(locals.session, request.headers.get("cookie") ?? undefined);
}
